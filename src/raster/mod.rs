//! Small helpers on one-channel float rasters, the currency of the motion and fusion steps.

pub(crate) mod quantile;
pub(crate) mod robust;
pub(crate) mod warp;

use opencv::core::{BORDER_DEFAULT, CV_32FC1, Mat, MatTraitConst, MatTraitConstManual, Scalar, Size};
use opencv::imgproc;

use crate::Result;

/// A `CV_32FC1` raster of zeros.
pub(crate) fn zeros(size: Size) -> Result<Mat> {
    Ok(Mat::new_size_with_default(size, CV_32FC1, Scalar::default())?)
}

/// A `CV_32FC1` raster of `size` that holds `values`, row by row.
pub(crate) fn from_values(size: Size, values: &[f32]) -> Result<Mat> {
    Ok(Mat::new_rows_cols_with_data(size.height, size.width, values)?.try_clone()?)
}

/// The values of a continuous `CV_32FC1` raster, row by row.
pub(crate) fn values(raster: &Mat) -> Result<&[f32]> {
    Ok(raster.data_typed::<f32>()?)
}

/// Gaussian blur with `sigma` in pixels and a kernel as wide as OpenCV thinks right.
pub(crate) fn blur(raster: &Mat, sigma: f64) -> Result<Mat> {
    let mut out = Mat::default();
    imgproc::gaussian_blur(raster, &mut out, Size::default(), sigma, sigma, BORDER_DEFAULT)?;
    Ok(out)
}

/// The arithmetic mean; 0 of nothing.
pub(crate) fn mean(values: &[f32]) -> f32 {
    let sum: f64 = values.iter().map(|&v| f64::from(v)).sum();
    (sum / values.len().max(1) as f64) as f32
}
