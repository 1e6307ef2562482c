//! How much a command reports on standard error, and in what form.

use super::terminal::say;

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
    /// Prints notes for the user, one line each.
    pub fn notes(self, notes: &[String]) {
        match self {
            Self::Quiet => {}
            Self::Json => {
                notes.iter().for_each(|text| say(&serde_json::json!({ "event": "note", "text": text }).to_string()));
            }
            Self::Bar | Self::Lines => notes.iter().for_each(|text| say(&format!("note: {text}"))),
        }
    }
}
