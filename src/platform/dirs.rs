//! The folders for runtime libraries, models and caches: in `SALSTREAM_HOME` if it is set, else the platform's usual
//! folders.

use std::path::PathBuf;

use etcetera::BaseStrategy;

/// The folder of runtime libraries (`lib/`) and models (`models/`).
pub fn folder() -> PathBuf {
    moved().unwrap_or_else(|| match etcetera::choose_base_strategy() {
        Ok(base) => base.data_dir().join("salstream"),
        Err(_) => PathBuf::from(".salstream"),
    })
}

/// The folder of the cache: measured choices and compiled models, which can be made again.
pub fn cache() -> PathBuf {
    let usual = || etcetera::choose_base_strategy().ok().map(|base| base.cache_dir().join("salstream"));
    moved().map(|home| home.join("cache")).or_else(usual).unwrap_or_else(|| folder().join("cache"))
}

fn moved() -> Option<PathBuf> {
    std::env::var_os("SALSTREAM_HOME").filter(|home| !home.is_empty()).map(PathBuf::from)
}

/// The folder of what a package has installed for all users: `lib/salstream` beside the program's own folder.
pub fn shared() -> Option<PathBuf> {
    let program = std::env::current_exe().and_then(std::fs::canonicalize).ok()?;
    Some(program.parent()?.parent()?.join("lib/salstream"))
}

/// The folder of ONNX Runtime's shared libraries.
pub fn libraries() -> PathBuf {
    folder().join("lib")
}

/// The folder of installed models, `NAME.onnx` each.
pub fn models() -> PathBuf {
    folder().join("models")
}
