//! A picture of the moment, beside its record.

use std::path::{Path, PathBuf};

use opencv::core::{Mat, Vector};
use opencv::imgcodecs;

use super::recorder::free;
use crate::sink::records::FrameRecord;
use crate::{Error, Result, sink};

/// Writes `picture` as `snapshot.png` (or the first free number behind it) into the current folder, and what is known of
/// it as JSON beside it. Returns the picture's path.
///
/// # Errors
/// [`Error::Output`] or [`Error::Io`] where they cannot be written.
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
