//! A folder of maps that appears when it is whole.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::sink::maps::temporary;
use crate::{Error, Result};

/// Maps on their way into a folder. Dropped before [`KeptMaps::finish`], they leave nothing behind.
pub struct KeptMaps {
    temp: TempDir,
    folder: PathBuf,
}

impl KeptMaps {
    /// Prepares to fill `folder`.
    ///
    /// # Errors
    /// Where nothing can be written there.
    pub fn create(folder: &Path) -> Result<Self> {
        Ok(Self { temp: temporary(folder)?, folder: folder.to_owned() })
    }

    /// Where `map`'s folder is until then.
    pub fn place(&self, map: &str) -> PathBuf {
        self.temp.path().join(map)
    }

    /// Puts the maps in place, over those of an earlier run.
    ///
    /// # Errors
    /// [`Error::Io`] where a file cannot be moved.
    pub fn finish(self) -> Result<()> {
        put(self.temp.path(), &self.folder)
    }
}

/// Moves all that is in `from` to `to`, folder by folder.
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
