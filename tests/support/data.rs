//! Where the test data are. Tests that need them are ignored, unless they are asked for: see CONTRIBUTING.md.

use std::path::{Path, PathBuf};

/// The place of `path` in the test data's folder: `SALSTREAM_DATA`, or `../shared/data`.
///
/// # Panics
/// If it is not there.
pub fn data(path: &str) -> PathBuf {
    let given = std::env::var_os("SALSTREAM_DATA").map(PathBuf::from);
    let folder = given.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data"));
    let place = folder.join(path);
    assert!(place.exists(), "{} is missing: point SALSTREAM_DATA at the test data", place.display());
    place
}
