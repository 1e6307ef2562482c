//! Measures against fixations, compared with pysaliency and the definitions of the MIT benchmark.

use crate::data::data;
use std::path::Path;

use ndarray::Array2;
use opencv::imgcodecs::{self, IMREAD_GRAYSCALE};
use opencv::prelude::*;
use rand::SeedableRng;
use rand::rngs::SmallRng;
use salstream::commands::eval::dataset::fixations::{self, OtherFixations};
use salstream::commands::eval::metric::fixation::{
    Fixation, Measure, SPLITS, Truth, auc, auc_borji, auc_judd, auc_of_splits, auc_shuffled, cc, counts,
    information_gain, kl, mean, nss, sim,
};
use serde::Deserialize;

/// Maximum difference of a measure from the reference.
const TOLERANCE: f64 = 1e-6;
/// The value that stands for 1 in the fixture's rasters.
const TOP: f64 = 65536.0;
/// Maximum difference, in standard errors, between the mean over random draws and the mean over many more draws.
const STANDARD_ERRORS: f64 = 5.0;

/// Written by tests/references/fixations.py, which documents the layout.
#[derive(Deserialize)]
struct Fixture {
    shape: (usize, usize),
    others: Vec<Fixation>,
    baseline: Vec<u32>,
    cases: Vec<Case<Vec<u32>>>,
    real: Vec<Case<String>>,
}

#[derive(Deserialize)]
struct Case<M> {
    name: String,
    map: M,
    #[serde(default)]
    density: Vec<u32>,
    fixations: Vec<Fixation>,
    #[serde(default)]
    others: Vec<Fixation>,
    expected: Expected,
}

#[derive(Deserialize)]
struct Expected {
    nss: Option<f64>,
    auc: Option<f64>,
    auc_judd: Option<f64>,
    #[serde(default)]
    splits: Vec<Vec<Fixation>>,
    auc_splits: Option<f64>,
    auc_shuffled: Option<f64>,
    ig: Option<f64>,
    cc: Option<f64>,
    sim: Option<f64>,
    kl: Option<f64>,
    weighted_nss: Option<f64>,
    weighted_auc: Option<f64>,
    /// Mean and standard deviation over draws.
    borji: Option<(f64, f64)>,
    shuffled: Option<(f64, f64)>,
}

fn fixture() -> Fixture {
    serde_json::from_str(include_str!("../fixtures/fixations.json")).unwrap()
}

fn raster(shape: (usize, usize), whole: &[u32]) -> Array2<f64> {
    Array2::from_shape_vec(shape, whole.iter().map(|v| f64::from(*v) / TOP).collect()).unwrap()
}

/// The inputs that a case is scored on.
struct Subject<'a> {
    map: Array2<f64>,
    density: Array2<f64>,
    fixations: &'a [Fixation],
    others: &'a [Fixation],
    baseline: Array2<f64>,
}

/// The largest difference of a measure from the reference.
fn largest_difference(subject: &Subject, expected: &Expected, name: &str) -> f64 {
    let Subject { map, density, fixations, others, baseline } = subject;
    let (map, density, baseline) = (map.view(), density.view(), baseline.view());
    let (looked, elsewhere, ones) = (counts(fixations, map.dim()), counts(others, map.dim()), Array2::ones(map.dim()));
    let pairs = [
        ("NSS", nss(map, looked.view()), expected.nss),
        ("AUC", auc(map, looked.view(), ones.view()), expected.auc),
        ("AUC-Judd", auc_judd(map, fixations), expected.auc_judd),
        ("AUC of splits", auc_of_splits(map, fixations, expected.splits.clone()), expected.auc_splits),
        ("sAUC", auc(map, looked.view(), elsewhere.view()), expected.auc_shuffled),
        ("IG", information_gain(map, looked.view(), baseline), expected.ig),
        ("CC", cc(map, density), expected.cc),
        ("SIM", sim(map, density), expected.sim),
        ("KL", kl(map, density), expected.kl),
        ("NSS of a density", nss(map, density), expected.weighted_nss),
        ("AUC of a density", auc(map, density, ones.view()), expected.weighted_auc),
    ];
    let differences = pairs.map(|(measure, found, expected)| match (found, expected) {
        (Some(found), Some(expected)) => {
            let difference = (found - expected).abs();
            assert!(difference <= TOLERANCE, "{name}: {measure} is {found}, the reference {expected}");
            difference
        }
        (found, expected) => {
            assert_eq!(found, expected, "{name}: {measure}");
            0.0
        }
    });
    differences.into_iter().fold(0.0, f64::max)
}

#[test]
fn measures_agree_on_random_and_extreme_maps() {
    let fixture = fixture();
    let differences = fixture.cases.iter().map(|case| {
        let subject = Subject {
            map: raster(fixture.shape, &case.map),
            density: raster(fixture.shape, &case.density),
            fixations: &case.fixations,
            others: &fixture.others,
            baseline: raster(fixture.shape, &fixture.baseline),
        };
        largest_difference(&subject, &case.expected, &case.name)
    });
    let largest = differences.fold(0.0, f64::max);
    println!("largest difference on {} made-up maps: {largest:.1e}", fixture.cases.len());
}

fn grey(path: &Path) -> Array2<f64> {
    let image = imgcodecs::imread(path.to_str().unwrap(), IMREAD_GRAYSCALE).unwrap();
    let values = image.data_typed::<u8>().unwrap().iter().map(|v| f64::from(*v) / 255.0).collect();
    Array2::from_shape_vec((image.rows() as usize, image.cols() as usize), values).unwrap()
}

#[test]
#[ignore = "needs the test data"]
fn measures_agree_on_real_maps() {
    let folder = data("mit1003/fixation_maps");
    let fixture = fixture();
    let differences = fixture.real.iter().map(|case| {
        let density = grey(&folder.join(format!("{}.jpg", case.name)));
        let subject = Subject {
            map: grey(&folder.join(format!("{}.jpg", case.map))),
            baseline: Array2::ones(density.dim()),
            density,
            fixations: &case.fixations,
            others: &case.others,
        };
        largest_difference(&subject, &case.expected, &case.name)
    });
    let largest = differences.fold(0.0, f64::max);
    println!("largest difference on {} real maps: {largest:.1e}", fixture.real.len());
}

#[test]
fn random_draws_agree_in_their_means() {
    let fixture = fixture();
    let mut random = SmallRng::seed_from_u64(0);
    let check = |name: &str, found: Option<f64>, expected: Option<(f64, f64)>| {
        let (Some(found), Some((mean, deviation))) = (found, expected) else { return 0 };
        let allowed = STANDARD_ERRORS * deviation / (SPLITS as f64).sqrt() + TOLERANCE;
        assert!((found - mean).abs() <= allowed, "{name}: {found}, the reference {mean} ± {allowed}");
        1
    };
    let checked = fixture.cases.iter().map(|case| {
        let map = raster(fixture.shape, &case.map);
        let borji = auc_borji(map.view(), &case.fixations, &mut random);
        let shuffled = auc_shuffled(map.view(), &case.fixations, &fixture.others, &mut random);
        check(&case.name, borji, case.expected.borji) + check(&case.name, shuffled, case.expected.shuffled)
    });
    let checked: usize = checked.sum();
    assert_eq!(checked, 10);
}

#[test]
fn one_fixation_is_too_few_for_borji_and_none_for_all() {
    let map = Array2::from_shape_fn((4, 5), |(row, column)| (row * 5 + column) as f64 / 20.0);
    let mut random = SmallRng::seed_from_u64(0);
    assert_eq!(auc_borji(map.view(), &[[1, 1]], &mut random), None);
    assert_eq!(auc_shuffled(map.view(), &[], &[[1, 1]], &mut random), None);
    assert_eq!(auc_shuffled(map.view(), &[[1, 1]], &[], &mut random), None);
}

#[test]
fn fixations_outside_are_left_out() {
    let map = Array2::from_shape_fn((4, 5), |(row, column)| (row * 5 + column) as f64 / 20.0);
    let (inside, outside) = ([[1, 1], [2, 3]], [[1, 1], [4, 0], [2, 3], [0, 5]]);
    assert_eq!(auc_judd(map.view(), &outside), auc_judd(map.view(), &inside));
    assert_eq!(counts(&outside, map.dim()), counts(&inside, map.dim()));
}

/// A Gaussian around the centre, with a standard deviation of a quarter of the sides.
fn centre((height, width): (usize, usize)) -> Array2<f64> {
    let from = |place: usize, side: usize| (place as f64 + 0.5) / side as f64 - 0.5;
    Array2::from_shape_fn((height, width), |(row, column)| {
        (-8.0 * (from(row, height).powi(2) + from(column, width).powi(2))).exp()
    })
}

#[test]
#[ignore = "needs the test data"]
fn the_centre_foretells_much_but_not_what_is_shuffled() {
    let root = data("mit1003");
    let dataset = fixations::find(&root).unwrap().unwrap();
    let others = OtherFixations::gather(&dataset).unwrap();
    let mut random = SmallRng::seed_from_u64(0);
    let scores: Vec<_> = dataset
        .items
        .iter()
        .step_by(4)
        .map(|item| {
            let gaze = item.read().unwrap();
            let (others, map) = (others.than(item.group(), gaze.shape).unwrap(), centre(gaze.shape));
            let uniform = Array2::ones(gaze.shape);
            let truth = Truth { gaze: &gaze, others: &others, baseline: uniform.view() };
            Measure::ALL.map(|measure| measure.of(map.view(), &truth, &mut random))
        })
        .collect();
    let of = |measure: Measure| {
        let place = Measure::ALL.iter().position(|m| *m == measure).unwrap();
        mean(scores.iter().map(|scores| scores[place]))
    };
    for measure in Measure::ALL {
        println!("centre, {}: {:?}", measure.name(), of(measure));
    }
    assert!(of(Measure::Nss) > Some(0.5) && of(Measure::InformationGain) > Some(0.0));
    assert!(of(Measure::Auc) > Some(0.65));
    assert!(of(Measure::AucShuffled).unwrap() < of(Measure::Auc).unwrap() - 0.1);
    // Only densities are available here.
    assert_eq!((of(Measure::AucJudd), of(Measure::AucBorji), of(Measure::AucShuffledSplits)), (None, None, None));
}
