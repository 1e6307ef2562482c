//! A partial download, stored beside the final path.

use std::ffi::OsString;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::{Error, Result};

/// `NAME.onnx.part`, locked by one process at a time.
pub struct PartialFile {
    file: File,
    path: PathBuf,
    len: u64,
}

impl PartialFile {
    /// Opens the partial download of the file at `whole`, with the data received before.
    ///
    /// # Errors
    /// [`Error::Output`] if it cannot be written, or another process is downloading it.
    pub fn open(whole: &Path) -> Result<Self> {
        let mut name = OsString::from(whole);
        name.push(".part");
        let path = PathBuf::from(name);
        let failed = |error: std::io::Error| Error::output(&path, format!("cannot be written ({error})"));
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create(true).truncate(false).open(&path).map_err(failed)?;
        match file.try_lock() {
            // Another process may have completed and renamed the file before the lock was taken;
            // writing would then change the finished file.
            Ok(()) if path.is_file() => {}
            Ok(()) | Err(TryLockError::WouldBlock) => {
                return Err(Error::output(&path, "is being downloaded by another process; wait for it"));
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        let len = file.metadata().map_err(failed)?.len();
        Ok(Self { file, path, len })
    }

    /// The number of bytes received so far.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// The path of the partial file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Discards the data received so far.
    pub fn clear(&mut self) -> Result<()> {
        self.file.set_len(0).map_err(|error| self.failed(&error))?;
        self.len = 0;
        Ok(())
    }

    /// Appends received data.
    pub fn append(&mut self, bytes: &[u8]) -> Result<()> {
        let end = self.len;
        let written = self.file.seek(SeekFrom::Start(end)).and_then(|_| self.file.write_all(bytes));
        written.map_err(|error| self.failed(&error))?;
        self.len += bytes.len() as u64;
        Ok(())
    }

    /// Renames the complete file to `whole` and returns its size.
    pub fn publish(self, whole: &Path) -> Result<u64> {
        let renamed = self.file.sync_all().and_then(|()| std::fs::rename(&self.path, whole));
        renamed.map_err(|error| Error::output(whole, format!("cannot be put in place ({error})")))?;
        Ok(self.len)
    }

    /// Keeps the data for a later download if it can be verified and is not empty; otherwise
    /// removes the file.
    pub fn keep(self, checkable: bool) {
        if self.len == 0 || !checkable {
            // If the file cannot be removed, the next download overwrites it.
            let _ = std::fs::remove_file(&self.path);
        }
    }

    fn failed(&self, error: &std::io::Error) -> Error {
        Error::output(&self.path, format!("cannot be written ({error})"))
    }
}
