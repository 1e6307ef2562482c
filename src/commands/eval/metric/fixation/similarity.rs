//! Similarity, or histogram intersection.

use super::{GazeView, assert_one_shape, distribution};
use crate::commands::eval::metric::MapView;

/// Similarity (Judd et al. 2012): the overlap of map and density, each divided by its sum, from 0 to 1.
///
/// As in the paper and pysaliency. The MIT code first stretches both to 0..1, which removes a constant part that a map
/// has in all pixels. A map of zeros counts as uniform. `None` for a density of zeros.
pub fn sim(map: MapView, density: GazeView) -> Option<f64> {
    assert_one_shape(map, density);
    if density.sum() <= 0.0 {
        return None;
    }
    Some(distribution(map).iter().zip(&distribution(density)).map(|(p, q)| p.min(*q)).sum())
}
