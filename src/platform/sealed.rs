//! JSON files with their own checksum, for what is kept in the cache: a damaged file is not taken for a right one.
//!
//! The first line is `{"sha256":"..."}`, the checksum of the rest. `jq` and readers of JSON Lines take both as two
//! documents.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::checksum::sha256;
use super::whole_file::{self, MAX_TEXT_BYTES};
use super::{paths, temporary};
use crate::{Error, Result};

/// A file whose content is not what was written.
#[derive(Debug, PartialEq, Eq)]
pub struct Damaged;

/// Writes `value` to `path`, completely or not at all. Missing folders are created.
///
/// # Errors
/// [`Error::Io`] or [`Error::Output`] if it cannot be written.
pub fn write(path: &Path, value: &impl Serialize) -> Result<()> {
    let bytes = seal(value).map_err(|error| Error::output(path, error.to_string()))?;
    let folder = paths::folder(path);
    fs::create_dir_all(folder).map_err(Error::io(folder))?;
    let mut part = temporary::file(folder, "").map_err(Error::io(folder))?;
    part.write_all(&bytes).map_err(Error::io(part.path()))?;
    part.persist(path).map_err(|error| Error::io(path)(error.error))?;
    Ok(())
}

/// The value in the file at `path`; `None` if there is no such file.
///
/// # Errors
/// [`Damaged`] if the file is not whole or cannot be read.
pub fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, Damaged> {
    match whole_file::read(path, MAX_TEXT_BYTES) {
        Ok(bytes) => open(&bytes).map(Some).ok_or(Damaged),
        Err(Error::Io { source, .. }) if source.kind() == ErrorKind::NotFound => Ok(None),
        Err(_) => Err(Damaged),
    }
}

fn seal(value: &impl Serialize) -> serde_json::Result<Vec<u8>> {
    let content = serde_json::to_vec_pretty(value)?;
    Ok([head(&content).as_bytes(), &content].concat())
}

fn open<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    let end = bytes.iter().position(|byte| *byte == b'\n')? + 1;
    let (first, content) = bytes.split_at(end);
    (first == head(content).as_bytes()).then(|| serde_json::from_slice(content).ok())?
}

fn head(content: &[u8]) -> String {
    format!("{{\"sha256\":\"{}\"}}\n", sha256(content))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_flipped_bit_goes_unnoticed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/kept.json");
        let value = ("threads".to_owned(), 2, 0.1);
        assert_eq!(read::<(String, i32, f64)>(&path), Ok(None));
        write(&path, &value).unwrap();
        assert_eq!(read(&path), Ok(Some(value)));
        let sealed = fs::read(&path).unwrap();
        for at in 0..sealed.len() {
            let mut damaged = sealed.clone();
            damaged[at] ^= 1;
            assert_eq!(open::<(String, i32, f64)>(&damaged), None, "byte {at}");
        }
        fs::write(&path, "").unwrap();
        assert_eq!(read::<(String, i32, f64)>(&path), Err(Damaged));
    }
}
