//! Reports why a file cannot be read as pictures.

use std::path::Path;

use crate::{Error, Result};

/// Rejects a path that cannot be a media file, and gives the reason.
pub(super) fn check_file(path: &Path) -> Result<()> {
    let metadata = match std::fs::metadata(path) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            return Err(Error::input(path, "no such file: check the name and the folder"));
        }
        other => other.map_err(|e| unreadable(path, &e))?,
    };
    if metadata.is_dir() {
        return Err(Error::input(path, "is a folder, not a file"));
    }
    if !metadata.is_file() {
        return Err(Error::input(path, "is a device or a pipe: give a file or an address"));
    }
    if metadata.len() == 0 {
        return Err(Error::input(path, "the file is empty: fetch or record it again"));
    }
    std::fs::File::open(path).map(drop).map_err(|e| unreadable(path, &e))
}

fn unreadable(path: &Path, error: &std::io::Error) -> Error {
    Error::input(path, format!("cannot be read: {error}"))
}

/// Turns an OpenCV decoding error into an error about the input at `path`. Everything decoded before it is good.
pub(super) fn undecodable(path: impl AsRef<Path>, error: Error) -> Error {
    match error {
        Error::OpenCv(e) => Error::input(path, format!("cannot be decoded: {}", e.message.replace('\n', " "))),
        other => other,
    }
}
