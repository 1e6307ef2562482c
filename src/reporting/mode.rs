//! How much, and in what form, a command reports on standard error.

use super::terminal::say;

/// How a run reports on stderr.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportMode {
    /// A bar, notes and a closing line.
    Bar,
    /// Notes and a closing line.
    Lines,
    /// JSON, an object a line.
    Json,
    /// Errors alone.
    Quiet,
}

impl ReportMode {
    /// Prints what the user should know, one line each.
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
