//! Messages on standard error, results on standard output. What comes from files, such as names, labels and tags, cannot
//! control the terminal.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{ErrorKind, Write};

use crate::{Error, Result};

/// Prints one line; line breaks within it become spaces. If standard error is closed, the work continues.
pub fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{}", printable(line.trim_end()));
}

/// Writes a result to standard output. If the reader has closed it, this is not an error.
///
/// # Errors
/// [`Error::Io`] if it cannot be written, for example because of a full disk.
pub fn print(bytes: &[u8]) -> Result<()> {
    let text = printable_table(&String::from_utf8_lossy(bytes));
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Error::io("standard output")(error)),
        _ => Ok(()),
    }
}

/// `text` with its line breaks and tabs, but without other control characters.
fn printable_table(text: &str) -> String {
    let cells = text.split_inclusive(['\n', '\t']).map(|cell| cell.split_at(cell.trim_end_matches(['\n', '\t']).len()));
    cells.flat_map(|(cell, end)| [printable(cell), Cow::Borrowed(end)]).collect()
}

/// `text` as one line: line breaks and tabs become spaces, and other characters that control a terminal are escaped as
/// in JSON, such as `\u001b`.
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(controls) {
        return Cow::Borrowed(text);
    }
    let mut line = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            '\n' | '\t' => line.push(' '),
            // Writing to a string does not fail.
            control if controls(control) => _ = write!(line, "\\u{:04x}", u32::from(control)),
            other => line.push(other),
        }
    }
    Cow::Owned(line)
}

/// Whether a character controls the terminal or the direction of the text.
fn controls(character: char) -> bool {
    let turns = matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    character.is_control() || turns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(printable("plain é 漢\u{301}"), "plain é 漢\u{301}");
        assert_eq!(printable("a\x1b[31mb\x07c"), "a\\u001b[31mb\\u0007c");
        assert_eq!(printable("two\nlines\tand\r more"), "two lines and\\u000d more");
        assert_eq!(printable("\u{9b}2J and \u{202e}gpj.exe"), "\\u009b2J and \\u202egpj.exe");
    }

    #[test]
    fn tables_keep_their_lines() {
        assert_eq!(printable_table("one\ttwo\n\nthree\u{7}\n"), "one\ttwo\n\nthree\\u0007\n");
    }
}
