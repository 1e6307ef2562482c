//! Masks as files.

use std::path::Path;

use ndarray::Array2;

use crate::commands::eval::png::{self, Samples};
use crate::{Error, Result, platform::paths};

/// The mask in `file`, true where the object is, shape (height, width).
///
/// A grey PNG holds 0 and its largest value (255), or 0 and 1. In a palette PNG every index but 0 is an object.
///
/// # Errors
/// [`Error::Input`] for other files and other values.
pub fn read_mask(file: &Path) -> Result<Array2<bool>> {
    if paths::extension(file) != "png" {
        return Err(Error::input(file, "masks are PNG files: other formats blur the object's edge or lose its index"));
    }
    let Samples { values, max, indexed } = png::read(file)?;
    if !indexed {
        let object = values.iter().copied().find(|&value| value == 1 || value == max).unwrap_or(max);
        if let Some(other) = values.iter().find(|&&value| value != 0 && value != object) {
            let problem = format!("holds the value {other}: a mask holds 0 and {max}, 0 and 1, or palette indices");
            return Err(Error::input(file, problem));
        }
    }
    Ok(values.mapv(|value| value != 0))
}
