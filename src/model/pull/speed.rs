//! Ends a transfer that is so slow that it would never end.

use std::io::{Error, ErrorKind, Read, Result};
use std::time::{Duration, Instant};

/// A slower server is given up.
pub const MIN_BYTES_PER_SECOND: u64 = 1000;

/// The error of a reader that is too slow.
#[derive(Debug, thiserror::Error)]
#[error("too slow")]
pub struct TooSlow;

/// A reader that fails if it brings less than [`MIN_BYTES_PER_SECOND`] over a time.
pub struct SpeedFloor<R> {
    inner: R,
    window: Duration,
    began: Instant,
    received: u64,
}

impl<R> SpeedFloor<R> {
    pub fn new(inner: R, window: Duration) -> Self {
        Self { inner, window, began: Instant::now(), received: 0 }
    }
}

impl<R: Read> Read for SpeedFloor<R> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let count = self.inner.read(buffer)?;
        self.received += count as u64;
        let elapsed = self.began.elapsed();
        if count == 0 || elapsed < self.window {
            return Ok(count);
        }
        if (self.received as f64) < MIN_BYTES_PER_SECOND as f64 * elapsed.as_secs_f64() {
            return Err(Error::new(ErrorKind::TimedOut, TooSlow));
        }
        (self.began, self.received) = (Instant::now(), 0);
        Ok(count)
    }
}
