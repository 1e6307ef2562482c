//! Saves the current picture and its record.

use std::path::{Path, PathBuf};

use opencv::core::{Mat, Vector};
use opencv::imgcodecs;

use super::recorder::free;
use crate::sink::records::FrameRecord;
use crate::{Error, Result, sink};

/// Writes `picture` as `snapshot.png` (or under the first unused numbered name) in the current folder, and its record
/// as JSON beside it. Returns the path of the picture.
///
/// # Errors
/// [`Error::Output`] or [`Error::Io`] if they cannot be written.
pub(super) fn save(picture: &Mat, record: &FrameRecord) -> Result<PathBuf> {
    let path = free(Path::new("snapshot.png"));
    let mut png = Vector::new();
    if !imgcodecs::imencode_def(".png", picture, &mut png)? {
        return Err(Error::output(&path, "cannot be encoded"));
    }
    sink::write(&path, png.as_slice(), false)?;
    let json = serde_json::to_vec_pretty(record).map_err(|e| Error::output(&path, e.to_string()))?;
    sink::write(&path.with_extension("json"), &json, true)?;
    Ok(path)
}
