//! Writes to a child that may stop reading.

use std::io::{self, ErrorKind, Write};
use std::process::ChildStdin;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};

/// The input of a child. A write fails if the child takes nothing for some time.
pub struct BoundedWriter {
    pipe: ChildStdin,
    /// `None` for as long as it takes.
    limit: Option<Duration>,
}

impl BoundedWriter {
    /// Writes to `pipe`.
    ///
    /// # Errors
    /// Those of the system.
    pub fn new(pipe: ChildStdin, limit: Option<Duration>) -> io::Result<Self> {
        if limit.is_some() {
            fcntl_setfl(&pipe, fcntl_getfl(&pipe)? | OFlags::NONBLOCK)?;
        }
        Ok(Self { pipe, limit })
    }

    /// Waits until the child takes something.
    fn wait(&self) -> io::Result<()> {
        let limit = self.limit.unwrap_or(Duration::MAX);
        let timeout = Timespec { tv_sec: limit.as_secs().try_into().unwrap_or(i64::MAX), tv_nsec: 0 };
        match poll(&mut [PollFd::new(&self.pipe, PollFlags::OUT)], Some(&timeout))? {
            0 => Err(io::Error::new(ErrorKind::TimedOut, format!("it has taken nothing for {} s", limit.as_secs()))),
            _ => Ok(()),
        }
    }
}

impl Write for BoundedWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            match self.pipe.write(bytes) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.wait()?,
                written => return written,
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.pipe.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn a_child_that_takes_nothing_is_not_waited_for_without_end() {
        let start = |script: &str| Command::new("sh").args(["-c", script]).stdin(Stdio::piped()).spawn().unwrap();
        let mut frozen = start("exec sleep 60");
        let pipe = frozen.stdin.take().unwrap();
        let mut writer = BoundedWriter::new(pipe, Some(Duration::from_secs(1))).unwrap();
        assert_eq!(writer.write_all(&[0; 1 << 22]).unwrap_err().kind(), ErrorKind::TimedOut);
        frozen.kill().unwrap();
        frozen.wait().unwrap();
        let mut slow = start("sleep 0.3; exec cat >/dev/null");
        let mut writer = BoundedWriter::new(slow.stdin.take().unwrap(), Some(Duration::from_secs(30))).unwrap();
        writer.write_all(&[0; 1 << 22]).unwrap();
        drop(writer);
        assert!(slow.wait().unwrap().success());
    }
}
