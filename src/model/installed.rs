//! The checksums of installed models: from the catalogue, or from `NAME.onnx.sha256` beside a model that was pulled
//! from somewhere else.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use super::catalog::{CatalogEntry, ResolvedModel};
use crate::platform::{dirs, paths, whole_file};
use crate::{Error, Result, sink};

/// The SHA-256 that the model at `path` must have, or `None` if it is not known.
pub fn expected_sha256(path: &Path, entry: Option<&CatalogEntry>) -> Option<String> {
    if entry.is_some_and(|entry| entry.path() == path && entry.own_path() != path) {
        return entry.map(|entry| entry.sha256.clone());
    }
    if paths::folder(path) != dirs::models() {
        return None;
    }
    let recorded = whole_file::read_text(&record_path(path)).ok();
    let recorded = recorded.and_then(|text| text.split_whitespace().next().map(str::to_owned));
    recorded.or_else(|| entry.filter(|entry| entry.path() == path).map(|entry| entry.sha256.clone()))
}

/// Checks that a file with the SHA-256 `found` is the model that was installed.
///
/// # Errors
/// [`Error::Model`] with the remedy if it is not.
pub fn check(chosen: &ResolvedModel, found: &str) -> Result<()> {
    let ResolvedModel { path, entry, .. } = chosen;
    if expected_sha256(path, entry.as_ref()).is_none_or(|expected| expected == found) {
        return Ok(());
    }
    let remedy = remedy(path, entry.as_ref());
    Err(Error::model(path, format!("is damaged: its checksum is not that of the installed model; {remedy}")))
}

/// How to repair a damaged model.
pub fn remedy(path: &Path, entry: Option<&CatalogEntry>) -> String {
    let record = record_path(path);
    let name = path.file_stem().unwrap_or_default().display();
    match entry {
        _ if record.exists() => {
            let record = record.file_name().unwrap_or_default().display();
            format!("pull it again with -y, or remove {record} if you have replaced the model yourself")
        }
        Some(entry) if entry.is_packaged() => entry.remedy(),
        _ => format!("run salstream model pull {name} -y"),
    }
}

/// Removes the record of the model at `path`, before it is replaced.
///
/// # Errors
/// [`Error::Io`] if it cannot be removed.
pub fn forget(path: &Path) -> Result<()> {
    let record = record_path(path);
    match fs::remove_file(&record) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::io(record)(error)),
        _ => Ok(()),
    }
}

/// Records the SHA-256 of the model at `path`, in the form of `sha256sum`.
///
/// # Errors
/// [`Error::Io`] or [`Error::Output`] if it cannot be written.
pub fn record(path: &Path, sha256: &str) -> Result<()> {
    let name = path.file_name().unwrap_or_default().display();
    sink::write(&record_path(path), format!("{sha256}  {name}\n").as_bytes(), true)
}

fn record_path(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(".sha256");
    name.into()
}
