//! The cache of measurements and compiled models: one folder per model, request, machine and
//! library.
//!
//! A folder contains `selection.json` and `gradient.onnx`, whose checksums are in `selection.json`. Its name
//! is a digest of everything that the choice depends on, so entries never become outdated. The least
//! recently used folders are removed first.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::{ExecutionRequest, Selection};
use crate::model::catalog::ResolvedModel;
use crate::model::installed;
use crate::model::metadata::named_classes;
use crate::model::model_request::ModelRequest;
use crate::model::runtime::{Device, Runtime};
use crate::model::source::{CompiledGradient, ModelSource};
use crate::platform::checksum::{file_sha256, sha256};
use crate::platform::machine::Machine;
use crate::platform::sealed::{self, Damaged};
use crate::{Error, Result, platform::dirs};
use onnx_grad::Method;
use onnx_grad::Request;
use onnx_grad::onnx;

/// The limits of the cache.
const MOST_BYTES: u64 = 1 << 30;
const MOST_FOLDERS: usize = 64;

/// The cache folder of the choice for one model and request.
pub struct CacheEntry(PathBuf);

/// A cached choice.
#[derive(Serialize, Deserialize)]
struct CachedSelection {
    /// The model that it belongs to, for human readers.
    about: String,
    #[serde(flatten)]
    choice: Selection,
    /// SHA-256 of the graph's file.
    graph_sha256: String,
}

impl CacheEntry {
    /// The cache entry for `chosen`. `method` is that of one run, and `sampled` tells whether an
    /// image takes many runs.
    ///
    /// # Errors
    /// [`Error::Io`] if the model cannot be read. [`Error::Model`] if it is damaged. [`Error::Runtime`] if ONNX Runtime
    /// is missing.
    pub fn of(
        chosen: &ResolvedModel,
        model: &ModelRequest,
        method: &Method,
        sampled: bool,
        wish: &ExecutionRequest,
    ) -> Result<Self> {
        let runtime = Runtime::get()?;
        let size = chosen.sidecar.as_ref().and_then(|sidecar| sidecar.size);
        let ModelRequest { request, explain, metadata, .. } = model;
        let named = named_classes(chosen, metadata);
        let sha256_of_model = file_sha256(&chosen.path)?;
        installed::check(chosen, &sha256_of_model)?;
        let about = [
            format!("{sha256_of_model} of {}", chosen.path.display()),
            format!("{request:?} {size:?} {named:?} {explain:?} {method:?} {sampled} {wish:?}"),
            Machine::this().to_string(),
            format!("{} {:?}", identity(&runtime.library), Device::ALL.map(|device| runtime.has(device))),
            std::env::current_exe().map_or_else(|_| env!("CARGO_PKG_VERSION").into(), |program| identity(&program)),
        ];
        let mut name = sha256(about.join("\n").as_bytes());
        name.truncate(32);
        Ok(Self(folder().join(name)))
    }

    fn choice(&self) -> PathBuf {
        self.0.join("selection.json")
    }

    fn graph(&self) -> PathBuf {
        self.0.join("gradient.onnx")
    }

    /// The cached choice and its compiled model; `None` if there is none.
    ///
    /// # Errors
    /// [`Damaged`] if one of the files is not what was written.
    pub fn kept(&self) -> Result<Option<(Selection, ModelSource)>, Damaged> {
        let Some(kept) = sealed::read::<CachedSelection>(&self.choice())? else { return Ok(None) };
        let check = |sha256: &str| match sha256 == kept.graph_sha256 {
            true => Ok(()),
            false => Err(Error::model(self.graph(), "is damaged")),
        };
        // A checksum costs no time here, because the source needs its own anyway.
        let source = ModelSource::load_checked(&self.graph(), &Request::default(), check).map_err(|_| Damaged)?;
        // The time of last use decides which entries are removed first. If the file is not
        // writable, it keeps its old time.
        let _ = File::options().append(true).open(self.choice()).and_then(|file| file.set_modified(SystemTime::now()));
        Ok(Some((kept.choice, source)))
    }

    fn is_whole(&self) -> bool {
        let kept = sealed::read::<CachedSelection>(&self.choice()).ok().flatten();
        kept.is_some_and(|kept| file_sha256(&self.graph()).is_ok_and(|found| found == kept.graph_sha256))
    }

    /// Caches the choice. Models with external data are not cached, because changes in these files
    /// would go unnoticed.
    ///
    /// # Errors
    /// [`Error::Io`] or [`Error::Output`] if the folder is not writable.
    pub fn keep(&self, original: &Path, choice: &Selection, compiled: &CompiledGradient) -> Result<()> {
        if onnx::has_external_data(original) {
            return Ok(());
        }
        fs::create_dir_all(&self.0).map_err(Error::io(&self.0))?;
        onnx::save(&compiled.model, &self.graph())?;
        let graph_sha256 = file_sha256(&self.graph())?;
        let about = original.display().to_string();
        sealed::write(&self.choice(), &CachedSelection { about, choice: choice.clone(), graph_sha256 })?;
        make_room(self.0.parent().unwrap_or(&self.0), MOST_BYTES, MOST_FOLDERS);
        Ok(())
    }

    /// Waits until no other process measures. `None` if the lock is not available.
    pub fn lock(&self) -> Option<File> {
        let folder = self.0.parent()?;
        fs::create_dir_all(folder).ok()?;
        let file = File::create(folder.join("lock")).ok()?;
        file.lock().ok()?;
        Some(file)
    }
}

/// What is in the cache.
#[derive(Debug, Default)]
pub struct CacheReport {
    /// The number of choices.
    pub entries: usize,
    /// Those whose files are not what was written. They are made again when they are needed.
    pub damaged: usize,
    /// The size of the compiled models.
    pub bytes: u64,
}

impl CacheReport {
    /// Reads every file in the cache.
    pub fn new() -> Self {
        let folders = fs::read_dir(folder()).into_iter().flatten().flatten().map(|entry| CacheEntry(entry.path()));
        let mut report = Self::default();
        for entry in folders.filter(|entry| entry.choice().exists()) {
            report.entries += 1;
            report.bytes += fs::metadata(entry.graph()).map_or(0, |file| file.len());
            report.damaged += usize::from(!entry.is_whole());
        }
        report
    }
}

/// The folder of all entries.
fn folder() -> PathBuf {
    dirs::cache().join("choices")
}

/// A file's path, size and modification time, which differ between builds.
fn identity(file: &Path) -> String {
    let metadata = fs::metadata(file).ok();
    let facts = metadata.map(|facts| (facts.len(), facts.modified().ok()));
    format!("{} {facts:?}", file.display())
}

/// Removes the least recently used folders until the rest is within the limits. Folders that cannot
/// be removed are kept.
fn make_room(folder: &Path, most_bytes: u64, most_folders: usize) {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let used = |path: &Path| fs::metadata(path.join("selection.json")).and_then(|file| file.modified()).ok();
    let mut folders: Vec<_> = entries.filter(|path| path.is_dir()).map(|path| (used(&path), path)).collect();
    folders.sort_by(|a, b| b.cmp(a));
    let mut bytes = 0;
    for (place, (_, path)) in folders.iter().enumerate() {
        bytes += fs::metadata(path.join("gradient.onnx")).map_or(0, |file| file.len());
        if place >= most_folders || place > 0 && bytes > most_bytes {
            let _ = fs::remove_dir_all(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_was_not_used_for_longest_makes_room() {
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str, age: u64| {
            let path = folder.path().join(name);
            fs::create_dir(&path).unwrap();
            fs::write(path.join("gradient.onnx"), [0; 100]).unwrap();
            let choice = File::create(path.join("selection.json")).unwrap();
            choice.set_modified(SystemTime::now() - Duration::from_secs(age)).unwrap();
        };
        [("old", 30), ("new", 10), ("middle", 20)].into_iter().for_each(|(name, age)| place(name, age));
        let left = || {
            let mut names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
            names.sort();
            names
        };
        make_room(folder.path(), 250, 10);
        assert_eq!(left(), ["middle", "new"]);
        make_room(folder.path(), 250, 1);
        assert_eq!(left(), ["new"]);
        make_room(folder.path(), 1, 10);
        assert_eq!(left(), ["new"], "the newest is kept whatever its size");
    }
}
