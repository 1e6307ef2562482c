//! Helpers for paths, and their form in JSON.

use std::path::{Path, PathBuf};

/// The folder that holds `path`; `.` for a bare name.
pub fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The extension in lower case, without its dot; empty if there is none.
pub fn extension(path: &Path) -> String {
    path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase()
}

/// Whether an output goes to standard output: its name is `-`. A file of this name is `./-`.
pub fn is_stdout(path: &Path) -> bool {
    path == Path::new("-")
}

/// Whether an output can only be written once, from start to end: standard output or a named pipe.
pub fn is_stream(path: &Path) -> bool {
    use std::os::unix::fs::FileTypeExt;
    is_stdout(path) || path.metadata().is_ok_and(|found| found.file_type().is_fifo())
}

/// The path without links, or as it is if it does not lead to a file.
pub fn resolved(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

/// A path in JSON: text, or `{"Unix": [bytes]}` if it is not UTF-8.
pub mod json {
    use std::ffi::OsString;
    use std::path::{Path, PathBuf};

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    #[serde(untagged)]
    enum JsonPath {
        Text(String),
        Raw(OsString),
    }

    pub fn serialize<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
        let form = path.to_str().map_or_else(|| JsonPath::Raw(path.into()), |text| JsonPath::Text(text.into()));
        form.serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PathBuf, D::Error> {
        Ok(match JsonPath::deserialize(deserializer)? {
            JsonPath::Text(text) => text.into(),
            JsonPath::Raw(name) => name.into(),
        })
    }
}
