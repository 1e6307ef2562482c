//! Mean absolute error.

use ndarray::Zip;

use crate::commands::eval::metric::{MapView, MaskView};

/// The mean absolute difference between a map and a mask with the same shape, in 0..=1 (Perazzi et al., "Saliency
/// Filters", CVPR 2012).
pub fn mae(map: MapView, truth: MaskView) -> f64 {
    let sum =
        Zip::from(map).and(truth).fold(0.0, |sum, value, &truth| sum + (value - f64::from(u8::from(truth))).abs());
    sum / map.len() as f64
}
