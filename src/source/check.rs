//! Files that cannot be read as pictures: the reason in words.

use std::path::Path;

use crate::{Error, Result};

/// Refuses a path that cannot be a media file at all, with the reason.
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
        return Err(Error::input(path, "is a device or a pipe: name a file or an address"));
    }
    if metadata.len() == 0 {
        return Err(Error::input(path, "the file is empty: fetch or record it again"));
    }
    std::fs::File::open(path).map(drop).map_err(|e| unreadable(path, &e))
}

fn unreadable(path: &Path, error: &std::io::Error) -> Error {
    Error::input(path, format!("cannot be read: {error}"))
}

/// `error`, where OpenCV gave it on decoding, as one about the input at `path`: what was decoded before is good.
pub(super) fn undecodable(path: impl AsRef<Path>, error: Error) -> Error {
    match error {
        Error::OpenCv(e) => Error::input(path, format!("cannot be decoded: {}", e.message.replace('\n', " "))),
        other => other,
    }
}
