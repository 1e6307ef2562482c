//! Where runtime libraries and models live: `SALSTREAM_HOME`, else the platform's data folder.

use std::path::PathBuf;

use etcetera::BaseStrategy;

/// The folder of runtime libraries (`lib/`) and models (`models/`).
pub fn folder() -> PathBuf {
    if let Some(home) = std::env::var_os("SALSTREAM_HOME").filter(|home| !home.is_empty()) {
        return home.into();
    }
    match etcetera::choose_base_strategy() {
        Ok(base) => base.data_dir().join("salstream"),
        Err(_) => PathBuf::from(".salstream"),
    }
}

/// The folder of ONNX Runtime's shared libraries.
pub fn libraries() -> PathBuf {
    folder().join("lib")
}

/// The folder of installed models, `NAME.onnx` each.
pub fn models() -> PathBuf {
    folder().join("models")
}
