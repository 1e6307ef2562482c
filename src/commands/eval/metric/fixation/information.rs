//! Information gain.

use super::{EPSILON, GazeView, assert_one_shape, distribution};
use crate::commands::eval::metric::MapView;

/// Information gain (Kümmerer et al. 2015): how many bits per fixation the map, read as a density, predicts better than
/// the `baseline`, such as a centre prior.
///
/// The mean over the fixations of log2(e + p) - log2(e + b), where p is the map and b the baseline, each divided by its
/// sum, and e is 2^-52. The MIT code uses the same e, but first stretches both to 0..1, so that the lowest pixel of any
/// map costs 40 bits; here, as in pysaliency, only a zero does. For a density, the mean is weighted by it.
///
/// A map of zeros counts as uniform. `None` without a fixation.
pub fn information_gain(map: MapView, gaze: GazeView, baseline: MapView) -> Option<f64> {
    assert_one_shape(map, gaze);
    assert_one_shape(map, baseline);
    let total = gaze.sum();
    if total <= 0.0 {
        return None;
    }
    let (map, baseline) = (distribution(map), distribution(baseline));
    let gained = map.iter().zip(&baseline).zip(gaze).filter(|(_, weight)| **weight > 0.0);
    let sum: f64 = gained.map(|((p, b), weight)| weight * ((EPSILON + p) / (EPSILON + b)).log2()).sum();
    Some(sum / total)
}
