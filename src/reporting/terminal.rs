//! Messages on standard error, results on standard output.

use std::io::{ErrorKind, Write};

use crate::{Error, Result};

/// Prints one line; line breaks within it become spaces. If standard error is closed, the work continues.
pub fn say(line: &str) {
    let line = line.trim_end().replace('\n', " ");
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Writes a result to standard output. If the reader has closed it, this is not an error.
///
/// # Errors
/// [`Error::Io`] if it cannot be written, for example because of a full disk.
pub fn print(bytes: &[u8]) -> Result<()> {
    match std::io::stdout().write_all(bytes) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Error::io("standard output")(error)),
        _ => Ok(()),
    }
}
