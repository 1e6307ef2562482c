//! What the user reads: lines on standard error, results on standard output.

use std::io::{ErrorKind, Write};

use crate::{Error, Result};

/// Prints one line; line breaks within it become spaces. A reader that is gone is no reason to stop the work.
pub fn say(line: &str) {
    let line = line.trim_end().replace('\n', " ");
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Writes a result to standard output; a reader that has seen enough is no error.
///
/// # Errors
/// [`Error::Io`] where it cannot be written, as on a full disk.
pub fn print(bytes: &[u8]) -> Result<()> {
    match std::io::stdout().write_all(bytes) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Error::io("standard output")(error)),
        _ => Ok(()),
    }
}
