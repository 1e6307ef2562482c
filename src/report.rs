//! Lines to the user on standard error.

use std::io::Write;

/// Prints one line; line breaks within it become spaces. A reader that is gone is no reason to stop the work.
pub fn say(line: &str) {
    let line = line.trim_end().replace('\n', " ");
    let _ = writeln!(std::io::stderr(), "{line}");
}
