//! A frame's own gradient as a map, as in the original method: min-max normalised, neither averaged nor blurred.

use opencv::core::{CV_32F, Mat, NORM_MINMAX, Size, no_array};
use opencv::imgproc;

use crate::Result;
use crate::frame::Gradient;

/// `gradient` stretched to 0..=1 on the grid of the maps. A flat gradient becomes 0 everywhere.
pub(super) fn raw(gradient: &Gradient, size: Size) -> Result<Mat> {
    let mut fitted = Mat::default();
    imgproc::resize(&gradient.map, &mut fitted, size, 0.0, 0.0, imgproc::INTER_LINEAR)?;
    let mut map = Mat::default();
    opencv::core::normalize(&fitted, &mut map, 0.0, 1.0, NORM_MINMAX, CV_32F, &no_array())?;
    Ok(map)
}
