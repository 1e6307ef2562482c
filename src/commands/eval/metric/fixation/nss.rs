//! Normalised scanpath saliency.

use super::{GazeView, assert_one_shape, is_constant};
use crate::commands::eval::metric::MapView;

/// Normalised scanpath saliency (Peters et al. 2005): the mean over the fixations of the map, normalised to mean 0 and
/// standard deviation 1. The standard deviation is that of the population, as in pysaliency.
///
/// For a density, it is the mean weighted by it: the limit for infinitely many fixations drawn from it.
///
/// `None` without a fixation; 0, which is chance, for a constant map.
pub fn nss(map: MapView, gaze: GazeView) -> Option<f64> {
    assert_one_shape(map, gaze);
    let total = gaze.sum();
    if total <= 0.0 {
        return None;
    }
    if is_constant(map) {
        return Some(0.0);
    }
    let mean = map.mean()?;
    let above: f64 = map.iter().zip(gaze).map(|(value, weight)| weight * (value - mean)).sum();
    Some(above / total / map.std(0.0))
}
