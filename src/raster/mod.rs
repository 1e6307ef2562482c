//! Helpers for one-channel float rasters, which the motion and fusion steps work on.

pub(crate) mod quantile;
pub(crate) mod robust;
pub(crate) mod warp;

use opencv::core::{
    BORDER_DEFAULT, CV_32F, CV_32FC1, Mat, MatTraitConst, MatTraitConstManual, Point, Scalar, Size, ToInputArray,
};
use opencv::imgproc;

use crate::Result;

/// A `CV_32FC1` raster of zeros.
pub(crate) fn zeros(size: Size) -> Result<Mat> {
    Ok(Mat::new_size_with_default(size, CV_32FC1, Scalar::default())?)
}

/// A `CV_32FC1` raster of `size` with the given `values`, in row order.
pub(crate) fn from_values(size: Size, values: &[f32]) -> Result<Mat> {
    Ok(Mat::new_rows_cols_with_data(size.height, size.width, values)?.try_clone()?)
}

/// The values of a continuous `CV_32FC1` raster, in row order.
pub(crate) fn values(raster: &Mat) -> Result<&[f32]> {
    Ok(raster.data_typed::<f32>()?)
}

/// Gaussian blur with `sigma` in pixels; OpenCV chooses the kernel size.
pub(crate) fn blur(raster: &Mat, sigma: f64) -> Result<Mat> {
    let mut out = Mat::default();
    imgproc::gaussian_blur(raster, &mut out, Size::default(), sigma, sigma, BORDER_DEFAULT)?;
    Ok(out)
}

/// Gaussian blur with a `sigma` of several pixels, computed at half the size: nearly the same result for an eighth of
/// the work.
pub(crate) fn blur_wide(raster: &(impl ToInputArray + MatTraitConst), sigma: f64) -> Result<Mat> {
    let whole = raster.size()?;
    let soft = blur(&resized(raster, half(whole), imgproc::INTER_LINEAR)?, sigma / 2.0)?;
    resized(&soft, whole, imgproc::INTER_LINEAR)
}

/// `image` resized, usually to a smaller size: each pixel is the mean over its area.
pub(crate) fn area(image: &impl ToInputArray, size: Size) -> Result<Mat> {
    resized(image, size, imgproc::INTER_AREA)
}

/// `image` (8-bit) resized, usually to a smaller size: halved by 2x2 means as long as the result is not smaller than
/// `size`, then resized bilinearly. As smooth as the mean over each pixel's area, and several times as fast.
pub(crate) fn shrink(image: &(impl ToInputArray + MatTraitConst), size: Size) -> Result<Mat> {
    let is_large = |from: Size| 2 * size.width <= from.width && 2 * size.height <= from.height;
    if !is_large(image.size()?) {
        return resized(image, size, imgproc::INTER_LINEAR);
    }
    let mut small = area(image, half(image.size()?))?;
    while is_large(small.size()?) {
        small = area(&small, half(small.size()?))?;
    }
    if small.size()? == size { Ok(small) } else { resized(&small, size, imgproc::INTER_LINEAR) }
}

/// `raster` resized bilinearly to a larger size.
pub(crate) fn enlarged(raster: &impl ToInputArray, size: Size) -> Result<Mat> {
    resized(raster, size, imgproc::INTER_LINEAR)
}

/// Box filter: the mean over a window of `side` by `side` pixels around each pixel, as floats. `border` is OpenCV's
/// border mode.
pub(crate) fn window_mean(raster: &impl ToInputArray, side: i32, border: i32) -> Result<Mat> {
    let (mut out, middle) = (Mat::default(), Point::new(-1, -1));
    imgproc::box_filter(raster, &mut out, CV_32F, Size::new(side, side), middle, true, border)?;
    Ok(out)
}

/// Half of a size, rounded up.
pub(crate) fn half(size: Size) -> Size {
    Size::new((size.width + 1) / 2, (size.height + 1) / 2)
}

fn resized(image: &impl ToInputArray, size: Size, how: i32) -> Result<Mat> {
    let mut out = Mat::default();
    imgproc::resize(image, &mut out, size, 0.0, 0.0, how)?;
    Ok(out)
}

/// The arithmetic mean; 0 for an empty slice.
pub(crate) fn mean(values: &[f32]) -> f32 {
    let sum: f64 = values.iter().map(|&v| f64::from(v)).sum();
    (sum / values.len().max(1) as f64) as f32
}
