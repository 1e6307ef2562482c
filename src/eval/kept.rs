//! A folder of maps that appears when it is whole.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::dataset::folders;
use crate::sink::maps::temporary;
use crate::{Error, Result};

/// Maps on their way into a folder. Dropped before [`Kept::finish`], they leave nothing behind.
pub struct Kept {
    temp: TempDir,
    folder: PathBuf,
}

impl Kept {
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
        for map in folders(self.temp.path())? {
            for sequence in folders(&map)? {
                let place = self.folder.join(sequence.strip_prefix(self.temp.path()).unwrap_or(&sequence));
                std::fs::create_dir_all(&place).map_err(Error::io(&place))?;
                for file in std::fs::read_dir(&sequence).map_err(Error::io(&sequence))? {
                    let file = file.map_err(Error::io(&sequence))?;
                    std::fs::rename(file.path(), place.join(file.file_name())).map_err(Error::io(&place))?;
                }
            }
        }
        Ok(())
    }
}
