//! Feeds a file to another process while it still grows.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use rustix::fs::{CWD, Mode, mkfifoat};
use tempfile::TempDir;

use super::temporary;

/// How often the end of the file is read again.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// A named pipe from which a growing file can be read to its end. It is removed on drop.
pub struct FollowedFile {
    folder: TempDir,
}

impl FollowedFile {
    /// Follows `file` until `is_complete`, on a thread of its own.
    ///
    /// # Errors
    /// Those of the system if the file cannot be opened, or the pipe created.
    pub fn start(file: &Path, is_complete: impl Fn() -> bool + Send + 'static) -> io::Result<Self> {
        let followed = Self { folder: temporary::system_folder()? };
        let (pipe, mut input) = (followed.path(), File::open(file)?);
        mkfifoat(CWD, &pipe, Mode::RUSR | Mode::WUSR)?;
        // The reader's end is reported by the reader.
        thread::spawn(move || feed(&mut input, &pipe, is_complete));
        Ok(followed)
    }

    /// The pipe, which is for one reader.
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("pipe")
    }
}

/// Copies the file to the pipe, which waits for its reader.
fn feed(input: &mut File, pipe: &Path, is_complete: impl Fn() -> bool) -> io::Result<()> {
    let mut output = File::options().write(true).open(pipe)?;
    loop {
        // What is written before the file is complete is read after it.
        let is_last = is_complete();
        if io::copy(input, &mut output)? == 0 {
            if is_last {
                return Ok(());
            }
            thread::sleep(POLL_INTERVAL);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[test]
    fn a_file_is_followed_to_its_end() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let complete = Arc::new(AtomicBool::new(false));
        let is_complete = complete.clone();
        let followed = FollowedFile::start(file.path(), move || is_complete.load(Ordering::Acquire)).unwrap();
        let mut reader = File::open(followed.path()).unwrap();
        let mut part = [0; 3];
        for text in [b"one", b"two"] {
            file.write_all(text).unwrap();
            reader.read_exact(&mut part).unwrap();
            assert_eq!(&part, text);
        }
        file.write_all(b"end").unwrap();
        complete.store(true, Ordering::Release);
        let mut rest = String::new();
        reader.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "end");
    }
}
