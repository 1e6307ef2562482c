//! The part of a download that has arrived, beside the place of the whole.

use std::ffi::OsString;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::{Error, Result};

/// `NAME.onnx.part`, held by one process at a time.
pub struct PartialFile {
    file: File,
    path: PathBuf,
    len: u64,
}

impl PartialFile {
    /// Opens the part of the file that will be at `whole`, with what arrived of it before.
    ///
    /// # Errors
    /// [`Error::Output`] if it cannot be written, or another process is at it.
    pub fn open(whole: &Path) -> Result<Self> {
        let mut name = OsString::from(whole);
        name.push(".part");
        let path = PathBuf::from(name);
        let failed = |error: std::io::Error| Error::output(&path, format!("cannot be written ({error})"));
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create(true).truncate(false).open(&path).map_err(failed)?;
        match file.try_lock() {
            // Without a lock, what the other process has finished and renamed meanwhile would be written to.
            Ok(()) if path.is_file() => {}
            Ok(()) | Err(TryLockError::WouldBlock) => {
                return Err(Error::output(&path, "is being downloaded by another process; wait for it"));
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        let len = file.metadata().map_err(failed)?.len();
        Ok(Self { file, path, len })
    }

    /// Bytes that are there.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Forgets what arrived.
    pub fn clear(&mut self) -> Result<()> {
        self.file.set_len(0).map_err(|error| self.failed(&error))?;
        self.len = 0;
        Ok(())
    }

    /// Adds what has just arrived.
    pub fn append(&mut self, bytes: &[u8]) -> Result<()> {
        let end = self.len;
        let written = self.file.seek(SeekFrom::Start(end)).and_then(|_| self.file.write_all(bytes));
        written.map_err(|error| self.failed(&error))?;
        self.len += bytes.len() as u64;
        Ok(())
    }

    /// Gives the whole file its name. Returns its size.
    pub fn publish(self, whole: &Path) -> Result<u64> {
        let renamed = self.file.sync_all().and_then(|()| std::fs::rename(&self.path, whole));
        renamed.map_err(|error| Error::output(whole, format!("cannot be put in place ({error})")))?;
        Ok(self.len)
    }

    /// Leaves what arrived for a later download, where that can be checked and is anything at all.
    pub fn keep(self, checkable: bool) {
        if self.len == 0 || !checkable {
            // What cannot be removed is overwritten by the next download.
            let _ = std::fs::remove_file(&self.path);
        }
    }

    fn failed(&self, error: &std::io::Error) -> Error {
        Error::output(&self.path, format!("cannot be written ({error})"))
    }
}
