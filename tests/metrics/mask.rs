//! Measures against masks, compared with PySODMetrics and the DAVIS benchmark, on synthetic maps and on real masks.

use std::path::Path;

use ndarray::{Array2, Array3, ArrayView2};
use opencv::imgcodecs;
use opencv::prelude::*;
use salstream::commands::eval::metric::mask::{Pool, Protocol, Scale, Scores, SeriesStatistics, warping_error};

use crate::data::data;
use crate::fixture::{Differences, Expected, Fixture, Saliency};

/// Maximum difference from the references.
const TOLERANCE: f64 = 1e-6;

fn compare(differences: &mut Differences, name: &str, ours: &Scores, expected: &Saliency, step: usize) {
    differences.number("mae", name, ours.mae, expected.mae);
    differences.number("f_weighted", name, ours.f_weighted, expected.f_weighted);
    differences.number("s_measure", name, ours.s_measure, expected.s_measure);
    differences.number("f_adaptive", name, ours.f_adaptive, expected.f_adaptive);
    differences.number("e_adaptive", name, ours.e_adaptive, expected.e_adaptive);
    differences.curve("f_curve", name, &ours.f_curve, &expected.f_curve, step);
    differences.curve("e_curve", name, &ours.e_curve, &expected.e_curve, step);
    differences.curve("precision", name, &ours.precision, &expected.precision, step);
    differences.curve("recall", name, &ours.recall, &expected.recall, step);
}

/// Compares a map and a mask by every measure and at every scale for which the reference has figures.
struct Comparison<'a> {
    fixture: &'a Fixture,
    differences: Differences,
}

impl<'a> Comparison<'a> {
    fn new(fixture: &'a Fixture) -> Self {
        Self { fixture, differences: Differences::default() }
    }

    fn add(&mut self, name: &str, map: ArrayView2<f64>, truth: ArrayView2<bool>, expected: &Expected) {
        let (threshold, step) = (self.fixture.threshold, self.fixture.step);
        let ours = Scores::of(map, truth, threshold, Scale::AsIs).unwrap();
        let differences = &mut self.differences;
        differences.number("fixed region", name, ours.fixed.region, expected.fixed.region);
        differences.number("fixed boundary", name, ours.fixed.boundary, expected.fixed.boundary);
        differences.number("otsu region", name, ours.otsu.region, expected.otsu.region);
        differences.number("otsu boundary", name, ours.otsu.boundary, expected.otsu.boundary);
        differences.curve("region_curve", name, &ours.region_curve, &expected.region_curve, step);
        compare(differences, name, &ours, &expected.as_is, step);
        if let Some(expected) = &expected.min_max {
            let name = format!("{name}, stretched");
            compare(differences, &name, &Scores::of(map, truth, threshold, Scale::MinMax).unwrap(), expected, step);
        }
    }
}

#[test]
fn measures_agree_with_the_references_on_made_up_maps() {
    let fixture = Fixture::read();
    let mut comparison = Comparison::new(&fixture);
    for case in &fixture.cases {
        comparison.add(&case.name, case.map().view(), case.truth().view(), &case.scores);
    }
    comparison.differences.check(TOLERANCE);
}

#[test]
fn a_data_set_is_pooled_as_the_reference_pools_it() {
    let fixture = Fixture::read();
    let scores: Vec<Scores> = fixture
        .cases
        .iter()
        .filter(|case| case.is_of_8_bits())
        .map(|case| Scores::of(case.map().view(), case.truth().view(), fixture.threshold, Scale::MinMax).unwrap())
        .collect();
    let pool: Pool = scores.iter().collect();
    assert_eq!(pool.count(), scores.len());
    let (mean, expected) = (pool.mean().unwrap(), &fixture.pooled);
    let mut differences = Differences::default();
    differences.curve("f_curve", "pooled", &mean.f_curve, &expected.f_curve, fixture.step);
    differences.curve("e_curve", "pooled", &mean.e_curve, &expected.e_curve, fixture.step);
    differences.number("f_adaptive", "pooled", mean.f_adaptive, expected.f_adaptive);
    differences.number("s_measure", "pooled", mean.s_measure, expected.s_measure);
    differences.check(TOLERANCE);
    assert!(Pool::default().mean().is_none());
}

fn mask(path: &Path) -> Array2<bool> {
    let image = imgcodecs::imread(path.to_str().unwrap(), imgcodecs::IMREAD_GRAYSCALE).unwrap();
    let pixels = image.data_typed::<u8>().unwrap().iter().map(|&level| level > 127).collect();
    Array2::from_shape_vec((image.rows() as usize, image.cols() as usize), pixels).unwrap()
}

/// The map that the reference's `formula` computes from a mask: a box blur of 31 pixels and a ramp, in integers.
fn formula(truth: &Array2<bool>) -> Array2<f64> {
    let (height, width) = truth.dim();
    let along = |line: Vec<usize>| -> Vec<usize> {
        let window = |i: usize| line[i.saturating_sub(15)..(i + 16).min(line.len())].iter().sum();
        (0..line.len()).map(window).collect()
    };
    let rows = truth.rows().into_iter().flat_map(|row| along(row.iter().map(|&pixel| usize::from(pixel)).collect()));
    let mut sums = Array2::from_shape_vec((height, width), rows.collect()).unwrap();
    for mut column in sums.columns_mut() {
        let summed = along(column.to_vec());
        column.iter_mut().zip(summed).for_each(|(sum, summed)| *sum = summed);
    }
    let levels = sums.indexed_iter().map(|((_, x), sum)| sum * 45000 / 961 + x * 20535 / (width - 1));
    Array2::from_shape_vec((height, width), levels.map(|level| level as f64 / 65535.0).collect()).unwrap()
}

#[test]
#[ignore = "needs the test data"]
fn measures_agree_with_the_references_on_real_masks() {
    let davis = data("davis");
    let fixture = Fixture::read();
    let mut comparison = Comparison::new(&fixture);
    for real in &fixture.real {
        let truth = mask(&davis.join("Annotations/480p").join(&real.name).with_extension("png"));
        let map = formula(&truth);
        let start = std::time::Instant::now();
        comparison.add(&real.name, map.view(), truth.view(), &real.scores);
        eprintln!("{}: all measures in {} ms", real.name, start.elapsed().as_millis());
    }
    comparison.differences.check(TOLERANCE);
}

#[test]
fn warping_errors_agree_with_the_reference() {
    let fixture = Fixture::read();
    let mut differences = Differences::default();
    for case in &fixture.warpings {
        let ([map, previous], backward, forward) = (case.maps(), case.backward(), case.forward());
        let error =
            warping_error(map.view(), previous.view(), backward.view(), forward.as_ref().map(|flow| flow.view()));
        let name = format!("{:.0} % valid", 100.0 * case.valid);
        differences.number("warping error", &name, error.unwrap(), case.error);
    }
    differences.check(TOLERANCE);
}

#[test]
fn a_map_that_follows_the_flow_does_not_flicker() {
    let previous = Array2::from_shape_fn((9, 12), |(y, x)| (5 * y + x) as f64 / 60.0);
    // The content has moved to the left by two pixels.
    let map = Array2::from_shape_fn((9, 12), |(y, x)| (5 * y + x + 2) as f64 / 60.0);
    let mut flow = Array3::zeros((9, 12, 2));
    flow.index_axis_mut(ndarray::Axis(2), 0).fill(2.0);
    let error = |flow: &Array3<f64>| warping_error(map.view(), previous.view(), flow.view(), None);
    assert!(error(&flow).unwrap() < 1e-12);
    assert!(error(&Array3::zeros((9, 12, 2))).unwrap() > 0.03);
    assert_eq!(error(&Array3::from_elem((9, 12, 2), f64::NAN)), None);
    assert_eq!(error(&Array3::from_elem((9, 12, 2), 100.0)), None);
}

#[test]
fn statistics_of_a_sequence_agree_with_the_reference() {
    let mut differences = Differences::default();
    for series in Fixture::read().series {
        let ours = SeriesStatistics::of(&series.values).unwrap();
        let name = format!("{} frames", series.values.len());
        for (measure, (ours, expected)) in ["mean", "recall", "decay"]
            .into_iter()
            .zip([ours.mean, ours.recall, ours.decay].into_iter().zip(series.statistics))
        {
            differences.number(measure, &name, ours, expected);
        }
    }
    differences.check(TOLERANCE);
    assert_eq!(SeriesStatistics::of(&[]), None);
}

#[test]
fn the_protocol_says_which_frames_count() {
    assert_eq!(Protocol::All.scored(&[1, 2, 3, 4]), [1, 2, 3, 4]);
    assert_eq!(Protocol::Inner.scored(&[1, 2, 3, 4]), [2, 3]);
    assert_eq!(Protocol::Inner.scored(&[1, 2]), [0; 0]);
    assert_eq!(Protocol::Inner.scored(&[1]), [0; 0]);
}

#[test]
fn the_best_threshold_is_where_the_object_begins() {
    let truth = Array2::from_shape_fn((20, 20), |(y, x)| y > 5 && x > 7);
    let map = truth.map(|&truth| if truth { 0.8 } else { 0.3 });
    let scores = Scores::of(map.view(), truth.view(), 0.5, Scale::AsIs).unwrap();
    let (best, threshold) = scores.region_curve.best();
    assert_eq!(best, 1.0);
    assert_eq!((threshold * 255.0).round(), 77.0);
    assert_eq!((scores.fixed.region, scores.otsu.region), (1.0, 1.0));
}

#[test]
fn sizes_must_agree() {
    let map = Array2::zeros((4, 5));
    let error = Scores::of(map.view(), Array2::default((5, 4)).view(), 0.5, Scale::AsIs).unwrap_err().to_string();
    assert!(error.contains("5 x 4") && error.contains("4 x 5"), "{error}");
    let nothing = Array2::zeros((0, 0));
    assert!(Scores::of(nothing.view(), Array2::default((0, 0)).view(), 0.5, Scale::AsIs).is_err());
    let pixel = Array2::from_elem((1, 1), f64::NAN);
    assert!(Scores::of(pixel.view(), Array2::from_elem((1, 1), true).view(), 0.5, Scale::MinMax).is_ok());
}
