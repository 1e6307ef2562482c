//! Similarity, or histogram intersection.

use super::{GazeView, assert_one_shape, distribution};
use crate::commands::eval::metric::MapView;

/// Similarity (Judd et al. 2012): what map and density, each divided by its sum, have in common, 0 to 1.
///
/// As in the paper and pysaliency; the MIT code first stretches both to 0..1, which takes from a map what it gives to
/// every pixel. A map of zeros counts as uniform. `None` of a density of zeros.
pub fn sim(map: MapView, density: GazeView) -> Option<f64> {
    assert_one_shape(map, density);
    if density.sum() <= 0.0 {
        return None;
    }
    Some(distribution(map).iter().zip(&distribution(density)).map(|(p, q)| p.min(*q)).sum())
}
