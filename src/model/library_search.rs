//! Where ONNX Runtime's shared library is searched.

use std::path::{Path, PathBuf};

use crate::platform::dirs;

/// The file name prefix of a versioned library.
const LIBRARY_PREFIX: &str = "libonnxruntime.so.";

/// All files and folders to search, in order.
pub fn places() -> Vec<PathBuf> {
    if let Some(path) = std::env::var_os("ORT_DYLIB_PATH").filter(|path| !path.is_empty()) {
        return vec![path.into()];
    }
    let mut places = Vec::new();
    if let Some(folder) = std::env::current_exe().ok().as_deref().and_then(Path::parent) {
        places.extend([folder.to_owned(), folder.join("../lib")]);
    }
    places.push(dirs::libraries());
    places.extend(dirs::shared().map(|shared| shared.join("lib")));
    places.extend(
        ["/usr/local/lib", "/usr/lib", "/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu"].map(Into::into),
    );
    places
}

/// The ONNX Runtime libraries in `place`, which may be a folder or the library itself, newest
/// first.
pub fn candidates(place: &Path) -> Vec<PathBuf> {
    if place.is_file() {
        return vec![place.to_owned()];
    }
    let entries = std::fs::read_dir(place).into_iter().flatten().flatten();
    let mut found: Vec<_> = entries
        .map(|entry| entry.path())
        .filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("libonnxruntime.so")))
        .collect();
    found.sort_by_cached_key(|path| std::cmp::Reverse(numbers(path)));
    found
}

/// The version numbers in a library's name. An empty list, which sorts lowest, for a plain
/// `libonnxruntime.so`.
fn numbers(library: &Path) -> Vec<u32> {
    let name = library.file_name().unwrap_or_default().to_string_lossy();
    let version = name.strip_prefix(LIBRARY_PREFIX).unwrap_or_default();
    version.split('.').map_while(|part| part.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_libraries_the_newest_comes_first() {
        let folder = tempfile::tempdir().unwrap();
        let names = ["libonnxruntime.so", "libonnxruntime.so.1.9.0", "libonnxruntime.so.1.24.1", "libonnxruntime.so.1"];
        for name in names.iter().chain(&["libonnxruntime_providers_shared.so"]) {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let found = candidates(folder.path());
        let found: Vec<_> = found.iter().map(|path| path.file_name().unwrap().to_str().unwrap()).collect();
        assert_eq!(found, [names[2], names[1], names[3], names[0]]);
    }

    #[test]
    fn a_file_is_its_own_only_candidate_and_an_empty_folder_has_none() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert_eq!(candidates(file.path()), [file.path()]);
        assert!(candidates(tempfile::tempdir().unwrap().path()).is_empty());
    }
}
