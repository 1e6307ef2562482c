//! Reads masks from files.

use std::path::Path;

use ndarray::Array2;

use crate::commands::eval::png::{self, Samples};
use crate::{Error, Result, platform::paths};

/// The mask in `file`, with the shape (height, width); true means object.
///
/// A grey PNG has the values 0 and its maximum (255), or 0 and 1. In a palette PNG, every index except 0 is an object.
///
/// # Errors
/// [`Error::Input`] for other files and other values.
pub fn read_mask(file: &Path) -> Result<Array2<bool>> {
    if paths::extension(file) != "png" {
        return Err(Error::input(
            file,
            "masks are PNG files only: other formats blur the edge of the object or lose its index",
        ));
    }
    let Samples { values, max, indexed } = png::read(file)?;
    if !indexed {
        let object = values.iter().copied().find(|&value| value == 1 || value == max).unwrap_or(max);
        if let Some(other) = values.iter().find(|&&value| value != 0 && value != object) {
            let problem = format!("has the value {other}: a mask must have 0 and {max}, 0 and 1, or palette indices");
            return Err(Error::input(file, problem));
        }
    }
    Ok(values.mapv(|value| value != 0))
}
