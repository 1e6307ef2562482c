//! Conversion between OpenCV's rasters and arrays in double precision.

use std::path::Path;

use image::{ImageBuffer, Luma};
use ndarray::{Array2, Array3, ArrayView2};
use opencv::core::{CV_64FC1, Mat, Size, Vec2f};
use opencv::imgproc::{self, INTER_AREA, INTER_LINEAR};
use opencv::prelude::*;

use crate::frame::Flow;
use crate::{Error, Result, platform::paths};

/// Scales `map` (`CV_32FC1` or `CV_64FC1`) to `size`: averaged if this is smaller, else interpolated.
pub fn at_size(map: &(impl MatTraitConst + opencv::core::ToInputArray), size: Size) -> Result<Array2<f64>> {
    let mut scaled = Mat::default();
    let method = if size.width < map.cols() { INTER_AREA } else { INTER_LINEAR };
    imgproc::resize(map, &mut scaled, size, 0.0, 0.0, method)?;
    let mut values = Mat::default();
    scaled.convert_to(&mut values, CV_64FC1, 1.0, 0.0)?;
    let values = values.data_typed::<f64>()?.iter().map(|value| value.clamp(0.0, 1.0)).collect();
    shaped((size.height as usize, size.width as usize), values)
}

/// Scales `map` to `size`.
pub fn resized(map: ArrayView2<f64>, size: Size) -> Result<Array2<f64>> {
    let values: Vec<f64> = map.iter().copied().collect();
    let mat = Mat::new_rows_cols_with_data(map.nrows() as i32, map.ncols() as i32, &values)?;
    at_size(&mat, size)
}

/// A flow as an array of shape (height, width, 2).
pub fn flow(flow: &Flow) -> Result<Array3<f64>> {
    let (rows, columns) = (flow.0.rows() as usize, flow.0.cols() as usize);
    let values = flow.0.data_typed::<Vec2f>()?.iter().flat_map(|vector| vector.0.map(f64::from)).collect();
    Array3::from_shape_vec((rows, columns, 2), values)
        .map_err(|e| Error::Usage(format!("the flow has a wrong shape: {e}")))
}

/// `values` as an array of rows and columns.
fn shaped(size: (usize, usize), values: Vec<f64>) -> Result<Array2<f64>> {
    Array2::from_shape_vec(size, values).map_err(|e| Error::Usage(format!("the map has a wrong shape: {e}")))
}

/// A shape (height, width) as text.
pub fn size_of((height, width): (usize, usize)) -> String {
    format!("{width} x {height}")
}

/// Writes a map of 0..=1 as a grey PNG of 16 bits, and creates its folder.
///
/// # Errors
/// [`Error::Output`] if it cannot be written.
pub fn write(file: &Path, map: &Array2<f64>) -> Result<()> {
    let folder = paths::folder(file);
    std::fs::create_dir_all(folder).map_err(Error::io(folder))?;
    let values = map.iter().map(|value| (value * 65535.0).round() as u16).collect();
    let image = ImageBuffer::<Luma<u16>, Vec<u16>>::from_raw(map.ncols() as u32, map.nrows() as u32, values);
    let image = image.ok_or_else(|| Error::output(file, "the map has no pixels"))?;
    image.save(file).map_err(|e| Error::output(file, format!("cannot be written: {e}")))
}
