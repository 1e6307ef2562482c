//! From a map to a mask.

use ndarray::Array2;
use opencv::core::Mat;
use opencv::imgproc;

use crate::Result;
use crate::commands::eval::metric::MapView;

/// The pixels with values of at least `threshold`.
pub fn above(map: MapView, threshold: f64) -> Array2<bool> {
    map.map(|&value| value >= threshold)
}

/// The 8-bit level of a value, floor(255 value), as in PySODMetrics. NaN gives 0.
pub(super) fn level(value: f64) -> u8 {
    (value * 255.0) as u8
}

/// The pixels whose 8-bit level is above the threshold of Otsu (1979), found and applied by OpenCV.
///
/// For a constant map, the threshold is 0: all pixels are set, unless their level is 0.
///
/// # Errors
/// An error if OpenCV fails, which it does for a map without pixels.
pub fn otsu(map: MapView) -> Result<Array2<bool>> {
    let levels: Vec<u8> = map.iter().map(|&value| level(value)).collect();
    let (height, width) = map.dim();
    let levels = Mat::new_rows_cols_with_data(height as i32, width as i32, &levels)?;
    let mut found = Mat::default();
    let threshold = imgproc::threshold(&levels, &mut found, 0.0, 255.0, imgproc::THRESH_BINARY | imgproc::THRESH_OTSU)?;
    Ok(map.map(|&value| f64::from(level(value)) > threshold))
}

/// The adaptive threshold of Achanta et al. (CVPR 2009): twice the map's mean, at most 1.
pub fn adaptive_threshold(map: MapView) -> f64 {
    map.mean().map_or(1.0, |mean| (2.0 * mean).min(1.0))
}
