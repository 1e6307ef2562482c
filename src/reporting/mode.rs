//! How much a command reports on standard error, and in what form.

use super::terminal::say;
use crate::address::without_secrets;

/// How to report on standard error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportMode {
    /// A bar, notes and a summary line.
    Bar,
    /// Notes and a summary line.
    Lines,
    /// JSON, one object per line.
    Json,
    /// Errors only.
    Quiet,
}

impl ReportMode {
    /// Prints notes for the user, one line each, without the passwords of addresses.
    pub fn notes(self, notes: &[String]) {
        let notes = notes.iter().map(|note| without_secrets(note));
        match self {
            Self::Quiet => {}
            Self::Json => {
                notes.for_each(|text| say(&serde_json::json!({ "event": "note", "text": text }).to_string()));
            }
            Self::Bar | Self::Lines => notes.for_each(|text| say(&format!("note: {text}"))),
        }
    }
}
