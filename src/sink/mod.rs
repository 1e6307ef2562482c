//! Where results go: a video file, an image, a folder of maps, a table of records.
//!
//! Every file is written under a hidden temporary name in its own folder and gets its name when it is whole; but a
//! recording, which may run all day, grows under its own name.

mod container;
mod encoder;
mod i420;
pub mod image;
pub mod maps;
mod matroska;
pub mod recording;
pub mod records;
pub mod video;

use std::fs::{self, Permissions};
use std::io::Write;
use std::path::{Path, PathBuf};

use tempfile::{NamedTempFile, TempPath};

use crate::{Error, Result, platform::paths};

/// How the names of temporary files and folders begin.
pub(crate) const TEMP_PREFIX: &str = ".salstream-";

/// Refuses an output file that cannot or must not be written, before any work is done.
///
/// # Errors
/// [`Error::Usage`] where `output` exists and `overwrite` is not set, or is the same file as `input`;
/// [`Error::Output`] or [`Error::Io`] where its folder is missing or cannot be written.
pub fn check(output: &Path, input: Option<&Path>, overwrite: bool) -> Result<()> {
    let name = output.display();
    if input.is_some_and(|input| is_same(input, output)) {
        return Err(Error::Usage(format!("{name}: the output is the input itself: choose another name")));
    }
    if output.is_dir() {
        return Err(Error::Usage(format!("{name}: is a folder: add a file name")));
    }
    if output.exists() && !output.is_file() {
        return Err(Error::Usage(format!("{name}: is a device or a pipe: name a file")));
    }
    if output.file_name().is_some_and(|name| name.len() > 255) {
        return Err(Error::Usage(format!("{name}: the name is too long: choose one of at most 255 bytes")));
    }
    if output.file_name().is_none() {
        return Err(Error::Usage(format!("{name}: is no file name")));
    }
    if !overwrite && output.symlink_metadata().is_ok() {
        return Err(Error::Usage(format!("{name}: exists already: overwrite it with -y or choose another name")));
    }
    temporary(output).map(drop)
}

/// Whether both paths lead to one existing file.
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

/// A hidden file beside `output`, removed when dropped, with the permissions of an ordinary new file.
fn temporary(output: &Path) -> Result<NamedTempFile> {
    let folder = paths::folder(output);
    let suffix = format!(".{}", output.extension().unwrap_or_default().to_string_lossy());
    let mut builder = tempfile::Builder::new();
    builder.prefix(TEMP_PREFIX).suffix(&suffix);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder).map_err(|e| unwritable(folder, &e))
}

/// The error for a `folder` in which no temporary file or folder can be made.
fn unwritable(folder: &Path, error: &std::io::Error) -> Error {
    match error.kind() {
        std::io::ErrorKind::NotFound => Error::output(folder, "no such folder: make it first"),
        _ => Error::output(folder, format!("the folder cannot be written: {}", io_reason(error))),
    }
}

/// Gives a finished temporary file its name.
fn publish(temp: TempPath, output: &Path, overwrite: bool) -> Result<()> {
    let renamed = if overwrite { temp.persist(output) } else { temp.persist_noclobber(output) };
    renamed.map_err(|e| Error::output(output, format!("cannot be put in place: {}", io_reason(&e.error))))
}

/// Writes `bytes` to `output`, whole or not at all.
///
/// # Errors
/// [`Error::Io`] or [`Error::Output`] where it cannot be written.
pub fn write(output: &Path, bytes: &[u8], overwrite: bool) -> Result<()> {
    let (mut file, temp) = temporary(output)?.into_parts();
    file.write_all(bytes).map_err(Error::io(output))?;
    publish(temp, output, overwrite)
}

/// A file that was written.
#[derive(Debug, Clone, PartialEq)]
pub struct WrittenFile {
    /// The file, under its final name.
    pub path: PathBuf,
    /// Frames that it holds.
    pub frames: u64,
    /// What is not as it should be, such as sound that could not be kept; one line each.
    pub warnings: Vec<String>,
}

/// What went wrong, without the path that tempfile adds.
fn io_reason(error: &std::io::Error) -> String {
    error.raw_os_error().map_or_else(|| error.to_string(), |code| std::io::Error::from_raw_os_error(code).to_string())
}
