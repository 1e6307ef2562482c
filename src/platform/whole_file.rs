//! Reads files whole, within bounds of size and time: a user may name a device or a pipe that never ends.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;
use std::time::{Duration, Instant};

use indicatif::DecimalBytes;

use super::stop;
use crate::{Error, Result};

/// The largest text that a user writes by hand: settings, labels, a sidecar, a list of files.
pub const MAX_TEXT_BYTES: u64 = 64 << 20;
/// The largest map, picture or array.
pub const MAX_DATA_BYTES: u64 = 4 << 30;
/// How long the data of a pipe or a device may take.
const MAX_STREAM_TIME: Duration = Duration::from_secs(60);
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// The bytes of a file, or of a pipe until its writer closes it; at most `max_bytes`.
///
/// # Errors
/// [`Error::Io`] if it cannot be read. [`Error::Input`] if it is larger, or if a pipe does not end within a minute or
/// a signal ends the wait.
pub fn read(path: &Path, max_bytes: u64) -> Result<Vec<u8>> {
    read_within(path, max_bytes, MAX_STREAM_TIME)
}

/// The text of a file; see [`read`].
///
/// # Errors
/// The errors of [`read`], and [`Error::Io`] if it is not UTF-8.
pub fn read_text(path: &Path) -> Result<String> {
    let bytes = read(path, MAX_TEXT_BYTES)?;
    let invalid = |_| Error::io(path)(io::Error::new(ErrorKind::InvalidData, "is not UTF-8 text"));
    String::from_utf8(bytes).map_err(invalid)
}

fn read_within(path: &Path, max_bytes: u64, max_time: Duration) -> Result<Vec<u8>> {
    // Without this flag, opening a named pipe waits for its writer.
    let mut options = OpenOptions::new();
    let file = options.read(true).custom_flags(libc::O_NONBLOCK).open(path).map_err(Error::io(path))?;
    let is_file = file.metadata().map_err(Error::io(path))?.is_file();
    let mut bytes = Vec::new();
    let read = match is_file {
        true => file.take(max_bytes + 1).read_to_end(&mut bytes).map(drop),
        false => read_stream(file, path, max_bytes, max_time, &mut bytes),
    };
    match read {
        Ok(()) if bytes.len() as u64 <= max_bytes => Ok(bytes),
        Ok(()) => Err(Error::input(path, format!("has more than {}: use a smaller file", DecimalBytes(max_bytes)))),
        Err(error) if error.kind() == ErrorKind::TimedOut => {
            Err(Error::input(path, format!("is a pipe that did not end within {max_time:?}: use a file")))
        }
        Err(error) if error.kind() == ErrorKind::Interrupted => {
            Err(Error::input(path, "is a pipe, and a signal ended the wait for its end"))
        }
        Err(error) => Err(Error::io(path)(error)),
    }
}

fn read_stream(mut file: File, path: &Path, max_bytes: u64, max_time: Duration, bytes: &mut Vec<u8>) -> io::Result<()> {
    let began = Instant::now();
    // A named pipe reads as empty until its writer opens it.
    let may_begin_later = file.metadata()?.file_type().is_fifo() && !is_anonymous(path);
    let mut buffer = vec![0; 1 << 16];
    while bytes.len() as u64 <= max_bytes {
        match file.read(&mut buffer) {
            Ok(0) if !may_begin_later || !bytes.is_empty() => return Ok(()),
            Ok(0) => {}
            Ok(count) => {
                bytes.extend_from_slice(&buffer[..count]);
                continue;
            }
            Err(error) if [ErrorKind::WouldBlock, ErrorKind::Interrupted].contains(&error.kind()) => {}
            Err(error) => return Err(error),
        }
        if stop::is_requested() {
            return Err(ErrorKind::Interrupted.into());
        }
        if began.elapsed() > max_time {
            return Err(ErrorKind::TimedOut.into());
        }
        std::thread::sleep(POLL_INTERVAL);
    }
    Ok(())
}

/// Whether `path` leads to a pipe without a name, such as a shell's process substitution.
fn is_anonymous(path: &Path) -> bool {
    fs::read_link(path).is_ok_and(|target| target.as_os_str().as_bytes().starts_with(b"pipe:"))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn files_are_read_whole_up_to_a_bound() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "12345").unwrap();
        assert_eq!(read(file.path(), 5).unwrap(), b"12345");
        assert!(read(file.path(), 4).unwrap_err().to_string().contains("more than 4 B"));
        assert!(read(Path::new("/dev/zero"), 1 << 20).unwrap_err().to_string().contains("more than"));
        assert_eq!(read(Path::new("/dev/null"), 4).unwrap(), b"");
        assert!(read(Path::new("/"), 4).is_err());
    }

    #[test]
    fn a_pipe_is_read_to_its_end_and_not_waited_for_without_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pipe");
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        let began = Instant::now();
        let error = read_within(&path, 9, Duration::from_millis(200)).unwrap_err().to_string();
        assert!(error.contains("did not end within 200ms") && began.elapsed() < Duration::from_secs(5), "{error}");
        let write = "sleep 0.1; printf 12; sleep 0.1; printf 34";
        let writer = Command::new("sh").args(["-c", &format!("({write}) >{}", path.display())]).spawn();
        assert_eq!(read(&path, 9).unwrap(), b"1234");
        assert!(writer.unwrap().wait().unwrap().success());
    }
}
