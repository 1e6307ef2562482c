//! Pearson's correlation.

use super::{GazeView, assert_one_shape, is_constant};
use crate::commands::eval::metric::MapView;

/// Pearson's linear correlation of map and density, from -1 to 1.
///
/// `None` for a constant density; 0 for a constant map, as in pysaliency.
pub fn cc(map: MapView, density: GazeView) -> Option<f64> {
    assert_one_shape(map, density);
    if is_constant(density) {
        return None;
    }
    if is_constant(map) {
        return Some(0.0);
    }
    let (a, b) = (map.mean()?, density.mean()?);
    let sums = map.iter().zip(density).fold([0.0; 3], |[ab, aa, bb], (x, y)| {
        let (x, y) = (x - a, y - b);
        [ab + x * y, aa + x * x, bb + y * y]
    });
    Some(sums[0] / (sums[1] * sums[2]).sqrt())
}
