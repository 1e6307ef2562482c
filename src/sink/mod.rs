//! Output files: a video, an image, a folder of maps, or a table of records.
//!
//! Every file is written under a hidden temporary name in its own folder. When it is complete, it is a [`ReadyOutput`],
//! which gets its final name together with the other outputs of the run. The exceptions are a stream, and a recording,
//! which may run all day and grows under its final name.

pub mod container;
mod encoder;
mod i420;
pub mod image;
pub mod image_sequence;
mod losses;
pub mod maps;
mod mux;
mod ready;
pub mod recording;
pub mod records;
pub mod result;
pub mod stream;
pub mod video;

use std::fs;
use std::io::Write;
use std::path::Path;

use tempfile::NamedTempFile;

use self::ready::io_reason;
pub use self::ready::{ReadyOutput, WrittenFile, publish};
use crate::platform::{paths, temporary};
use crate::{Error, Result};

/// Rejects an output file that cannot or must not be written, before any work is done.
///
/// # Errors
/// [`Error::Usage`] if `output` exists and `overwrite` is not set, if it is the same file as `input`, or if it cannot
/// name a file; [`Error::Output`] or [`Error::Io`] if its folder is missing or cannot be written.
pub fn check(output: &Path, input: Option<&Path>, overwrite: bool) -> Result<()> {
    let name = output.display();
    if input.is_some_and(|input| is_same(input, output)) {
        return Err(Error::Usage(format!("{name}: the output is the input itself: choose another name")));
    }
    if output.is_dir() {
        return Err(Error::Usage(format!("{name}: is a folder: add a file name")));
    }
    if output.exists() && !output.is_file() {
        return Err(Error::Usage(format!("{name}: is a device or a pipe: give a file name")));
    }
    if output.file_name().is_some_and(|name| name.len() > 255) {
        return Err(Error::Usage(format!("{name}: the name is too long: choose one of at most 255 bytes")));
    }
    if output.file_name().is_none() {
        return Err(Error::Usage(format!("{name}: is not a file name")));
    }
    if !overwrite && output.symlink_metadata().is_ok() {
        return Err(Error::Usage(format!("{name}: already exists: overwrite it with -y or choose another name")));
    }
    temporary(output).map(drop)
}

/// Whether both paths lead to the same existing file.
fn is_same(a: &Path, b: &Path) -> bool {
    match (fs::canonicalize(a), fs::canonicalize(b)) {
        (Ok(a), Ok(b)) if a == b => true,
        #[cfg(unix)]
        (Ok(a), Ok(b)) => {
            use std::os::unix::fs::MetadataExt;
            let id = |path| fs::metadata(path).map(|m| (m.dev(), m.ino())).ok();
            id(&a).is_some() && id(&a) == id(&b)
        }
        _ => false,
    }
}

/// A hidden file next to `output`, removed on drop, with the permissions of an ordinary new file.
fn temporary(output: &Path) -> Result<NamedTempFile> {
    let folder = paths::folder(output);
    let suffix = format!(".{}", output.extension().unwrap_or_default().to_string_lossy());
    temporary::file(folder, &suffix).map_err(|e| unwritable(folder, &e))
}

/// The error for a `folder` in which no temporary file or folder can be created.
fn unwritable(folder: &Path, error: &std::io::Error) -> Error {
    match error.kind() {
        std::io::ErrorKind::NotFound => Error::output(folder, "no such folder: create it first"),
        _ => Error::output(folder, format!("cannot write to the folder: {}", io_reason(error))),
    }
}

/// A file with these `bytes`, to be published as `output`.
///
/// # Errors
/// [`Error::Io`] or [`Error::Output`] if it cannot be written.
pub fn ready(output: &Path, bytes: &[u8], overwrite: bool) -> Result<ReadyOutput> {
    let (mut file, temp) = temporary(output)?.into_parts();
    file.write_all(bytes).map_err(Error::io(output))?;
    Ok(ReadyOutput::file(temp, output, overwrite))
}

/// Writes `bytes` to `output`, completely or not at all.
///
/// # Errors
/// [`Error::Io`] or [`Error::Output`] if it cannot be written.
pub fn write(output: &Path, bytes: &[u8], overwrite: bool) -> Result<()> {
    publish(vec![ready(output, bytes, overwrite)?])
}
