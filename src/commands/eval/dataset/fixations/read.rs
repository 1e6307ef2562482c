//! Reads pictures of fixations and of their density.

use std::path::Path;

use ndarray::Array2;
use opencv::core::{CV_64F, Mat, Vector};
use opencv::imgcodecs::{self, IMREAD_ANYDEPTH, IMREAD_GRAYSCALE};
use opencv::prelude::*;

use crate::commands::eval::metric::fixation::Fixation;
use crate::platform::whole_file::{self, MAX_DATA_BYTES};
use crate::{Error, Result};

/// The density in a picture, in the scale of its samples.
///
/// # Errors
/// [`Error::Io`] and [`Error::Input`] if it cannot be read, or has negative values or NaN.
pub fn density(file: &Path) -> Result<Array2<f64>> {
    let density = grey(file)?;
    if density.iter().any(|value| !value.is_finite() || *value < 0.0) {
        return Err(Error::input(file, "has negative values or NaN: a density must have neither"));
    }
    Ok(density)
}

/// The shape (height, width) of a picture of fixations, and its pixels that are brighter than half of the brightest.
/// JPEG leaves grey rings around a white pixel, and masks have 255 or 1.
///
/// # Errors
/// [`Error::Io`] and [`Error::Input`] if it cannot be read.
pub fn fixations(file: &Path) -> Result<((usize, usize), Vec<Fixation>)> {
    let picture = grey(file)?;
    let most = picture.iter().copied().fold(0.0, f64::max);
    let bright = picture.indexed_iter().filter(|(_, value)| **value > most / 2.0);
    Ok((picture.dim(), bright.map(|((row, column), _)| [row, column]).collect()))
}

/// Height and width of a picture.
///
/// # Errors
/// [`Error::Io`] and [`Error::Input`] if it cannot be read.
pub fn shape(file: &Path) -> Result<(usize, usize)> {
    grey(file).map(|picture| picture.dim())
}

fn grey(file: &Path) -> Result<Array2<f64>> {
    let unreadable = || Error::input(file, "cannot be read as a picture: it is damaged or has another format");
    let bytes = whole_file::read(file, MAX_DATA_BYTES)?;
    if bytes.is_empty() {
        return Err(Error::input(file, "is empty"));
    }
    let decoded = imgcodecs::imdecode(&Vector::<u8>::from_slice(&bytes), IMREAD_GRAYSCALE | IMREAD_ANYDEPTH);
    let image = decoded.ok().filter(|image| !image.empty()).ok_or_else(unreadable)?;
    let mut values = Mat::default();
    image.convert_to(&mut values, CV_64F, 1.0, 0.0)?;
    let shape = (values.rows() as usize, values.cols() as usize);
    Array2::from_shape_vec(shape, values.data_typed::<f64>()?.to_vec()).map_err(|_| unreadable())
}
