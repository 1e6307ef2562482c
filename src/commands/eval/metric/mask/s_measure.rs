//! S-measure: structure.

use ndarray::{Axis, Zip};

use crate::commands::eval::metric::{MapView, MaskView};

/// The weight of the object score relative to the region score.
const ALPHA: f64 = 0.5;

/// The structure measure of a map against a mask with the same shape, in 0..=1 (Fan et al., "Structure-measure: A New
/// Way to Evaluate Foreground Maps", ICCV 2017), with alpha 0.5.
///
/// Without an object, it is 1 minus the mean of the map; if the object fills the frame, it is this mean. A quadrant
/// around the object's centre is empty if the object is in the last rows or columns of the frame; it is ignored here,
/// while PySODMetrics returns NaN.
pub fn s_measure(map: MapView, truth: MaskView) -> f64 {
    let object = truth.iter().filter(|&&truth| truth).count();
    let mean = mean(map.iter().copied());
    if object == 0 {
        1.0 - mean
    } else if object == truth.len() {
        mean
    } else {
        (ALPHA * of_object(map, truth) + (1.0 - ALPHA) * of_regions(map, truth)).max(0.0)
    }
}

/// The object score: how uniform the map is within the object and within the background.
fn of_object(map: MapView, truth: MaskView) -> f64 {
    let pairs = map.iter().copied().zip(truth.iter().copied());
    let (object, rest): (Vec<_>, Vec<_>) = pairs.partition(|&(_, truth)| truth);
    let share = object.len() as f64 / truth.len() as f64;
    let object = evenness(object.iter().map(|&(value, _)| value));
    let rest = evenness(rest.iter().map(|&(value, _)| 1.0 - value));
    object * share + rest * (1.0 - share)
}

/// Near 1 if all `values` are near 1.
fn evenness(values: impl ExactSizeIterator<Item = f64> + Clone) -> f64 {
    let count = values.len() as f64;
    let mean = mean(values.clone());
    // A single pixel has a deviation of 0.
    let degrees = (count - 1.0).max(1.0);
    let deviation = (values.map(|value| (value - mean).powi(2)).sum::<f64>() / degrees).sqrt();
    2.0 * mean / (mean * mean + 1.0 + deviation + f64::EPSILON)
}

/// The region score: the similarity of the quadrants around the object's centre, weighted by area.
fn of_regions(map: MapView, truth: MaskView) -> f64 {
    let (row, column) = centre(truth);
    let (map_halves, truth_halves) = (map.split_at(Axis(0), row), truth.split_at(Axis(0), row));
    let halves = [(map_halves.0, truth_halves.0), (map_halves.1, truth_halves.1)];
    let quadrants = halves.into_iter().flat_map(|(map, truth)| {
        let (map, truth) = (map.split_at(Axis(1), column), truth.split_at(Axis(1), column));
        [(map.0, truth.0), (map.1, truth.1)]
    });
    let area = truth.len() as f64;
    let quadrants = quadrants.filter(|(map, _)| !map.is_empty());
    quadrants.map(|(map, truth)| similarity(map, truth) * truth.len() as f64 / area).sum()
}

/// The first row and column after the object's centre of mass.
fn centre(object: MaskView) -> (usize, usize) {
    let (mut rows, mut columns, mut count) = (0, 0, 0);
    for ((row, column), _) in object.indexed_iter().filter(|(_, object)| **object) {
        rows += row;
        columns += column;
        count += 1;
    }
    let middle = |sum: usize| (sum as f64 / f64::from(count)).round_ties_even() as usize + 1;
    (middle(rows), middle(columns))
}

/// The structural similarity of a part of the map and of the mask, from means, variances and covariance over the whole
/// part.
fn similarity(map: MapView, truth: MaskView) -> f64 {
    let truth = truth.map(|&truth| f64::from(u8::from(truth)));
    let (x, y) = (mean(map.iter().copied()), mean(truth.iter().copied()));
    let (mut xx, mut yy, mut xy) = (0.0, 0.0, 0.0);
    Zip::from(map).and(&truth).for_each(|value, truth| {
        xx += (value - x).powi(2);
        yy += (truth - y).powi(2);
        xy += (value - x) * (truth - y);
    });
    let degrees = map.len() as f64 - 1.0 + f64::EPSILON;
    let covaried = 4.0 * x * y * (xy / degrees);
    let varied = (x * x + y * y) * (xx / degrees + yy / degrees);
    if covaried != 0.0 { covaried / (varied + f64::EPSILON) } else { f64::from(u8::from(varied == 0.0)) }
}

/// The arithmetic mean; there must be at least one value.
fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = values.len() as f64;
    values.sum::<f64>() / count
}
