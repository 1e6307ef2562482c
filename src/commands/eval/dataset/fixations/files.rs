//! Folders and the pictures in them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::source::images;
use crate::{Error, Result};

/// The maximum depth of pictures in a folder of a data set.
const DEPTH: usize = 3;

/// The entries of `folder`, sorted, without hidden files.
pub fn list(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder).map_err(Error::io(folder))?;
    let mut paths = entries.map(|entry| Ok(entry.map_err(Error::io(folder))?.path())).collect::<Result<Vec<_>>>()?;
    paths.retain(|path| !name(path).starts_with('.'));
    paths.sort();
    Ok(paths)
}

pub fn folders(folder: &Path) -> Result<Vec<PathBuf>> {
    Ok(list(folder)?.into_iter().filter(|path| path.is_dir()).collect())
}

/// The first of `names` that is a folder in `root`, ignoring case.
pub fn folder_of(root: &Path, names: &[&str]) -> Result<Option<PathBuf>> {
    let folders = folders(root)?;
    let found = names.iter().find_map(|wanted| folders.iter().find(|path| name(path).eq_ignore_ascii_case(wanted)));
    Ok(found.cloned())
}

/// The pictures in `folder` and its sub-folders, by their relative path without extension.
pub fn pictures(folder: &Path) -> Result<BTreeMap<String, PathBuf>> {
    let mut found = BTreeMap::new();
    collect(&descend(folder)?, "", DEPTH, &mut found)?;
    Ok(found)
}

/// `folder`, or the only folder in it if it contains nothing else: archives are often unpacked into a folder of their
/// own name.
fn descend(folder: &Path) -> Result<PathBuf> {
    let inside = list(folder)?;
    match inside.as_slice() {
        [only] if only.is_dir() && name(only).eq_ignore_ascii_case(&name(folder)) => Ok(only.clone()),
        _ => Ok(folder.to_owned()),
    }
}

fn collect(folder: &Path, within: &str, depth: usize, found: &mut BTreeMap<String, PathBuf>) -> Result<()> {
    for path in list(folder)? {
        if path.is_dir() {
            if depth > 1 {
                collect(&path, &format!("{within}{}/", name(&path)), depth - 1, found)?;
            }
        } else if images::is_image(&path) {
            let key = format!("{within}{}", stem(&path));
            if let Some(other) = found.insert(key, path.clone()) {
                let problem = format!("has the same name as {}: keep one of them", other.display());
                return Err(Error::input(path, problem));
            }
        }
    }
    Ok(())
}

pub fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

pub fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}
