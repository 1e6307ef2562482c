//! A folder of maps that appears when it is complete.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::sink::maps::temporary;
use crate::{Error, Result};

/// Maps that are written to a temporary folder. If this is dropped before [`KeptMaps::finish`], they leave nothing
/// behind.
pub struct KeptMaps {
    temp: TempDir,
    folder: PathBuf,
}

impl KeptMaps {
    /// Prepares to write to `folder`.
    ///
    /// # Errors
    /// An error if nothing can be written there.
    pub fn create(folder: &Path) -> Result<Self> {
        Ok(Self { temp: temporary(folder)?, folder: folder.to_owned() })
    }

    /// The temporary folder for the maps called `map`.
    pub fn place(&self, map: &str) -> PathBuf {
        self.temp.path().join(map)
    }

    /// Moves the maps to their final place, over those of an earlier run.
    ///
    /// # Errors
    /// [`Error::Io`] if a file cannot be moved.
    pub fn finish(self) -> Result<()> {
        put(self.temp.path(), &self.folder)
    }
}

/// Moves everything in `from` to `to`, recursively.
fn put(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to).map_err(Error::io(to))?;
    for entry in std::fs::read_dir(from).map_err(Error::io(from))? {
        let path = entry.map_err(Error::io(from))?.path();
        let place = to.join(path.file_name().unwrap_or_default());
        if path.is_dir() {
            put(&path, &place)?;
        } else {
            std::fs::rename(&path, &place).map_err(Error::io(&place))?;
        }
    }
    Ok(())
}
