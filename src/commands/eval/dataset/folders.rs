//! A folder of frames with a folder of masks.

use std::path::{Path, PathBuf};

use super::pair::Pair;
use super::{check_folder, unknown};
use crate::source::images;
use crate::{Error, Result};

/// The sequences in `root`: its sub-folders of frames, each with the folder of the same name in `truth`; or `root` and
/// `truth` themselves, if `root` contains frames.
///
/// # Errors
/// [`Error::Input`] if neither of them contains frames.
pub fn find(root: &Path, truth: &Path) -> Result<Vec<Pair>> {
    check_folder(truth)?;
    if !images::list(root)?.is_empty() {
        let full = root.canonicalize().map_err(Error::io(root))?;
        let name = full.file_name().unwrap_or_default().to_string_lossy().into_owned();
        return Ok(vec![Pair { name, frames: root.to_owned(), truth: truth.to_owned() }]);
    }
    let names = of_frames(root)?;
    if names.is_empty() {
        return Err(unknown(root));
    }
    Ok(names.into_iter().map(|name| Pair::within(root, truth, name)).collect())
}

/// The names of the folders in `root` that contain images, sorted.
pub fn of_frames(root: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for folder in folders(root)? {
        if !images::list(&folder)?.is_empty() {
            names.push(folder.file_name().unwrap_or_default().to_string_lossy().into_owned());
        }
    }
    Ok(names)
}

/// The folders in `root`, sorted by name.
pub fn folders(root: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(root).map_err(Error::io(root))?;
    let mut folders = Vec::new();
    for entry in entries {
        let path = entry.map_err(Error::io(root))?.path();
        let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if path.is_dir() && !hidden {
            folders.push(path);
        }
    }
    folders.sort();
    Ok(folders)
}
