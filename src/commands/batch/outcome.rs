//! What came of each clip.

use super::clip::Clip;
use super::clip::Segment;
use super::manifest::Manifest;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::Error;

/// What came of a clip.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "outcome", content = "reason")]
pub enum ClipOutcome {
    /// It was finished now.
    Done,
    /// It had been finished before.
    Skipped,
    /// It was not, and why.
    Failed(String),
    /// The run ended before it was finished.
    Open,
}

/// A clip in the summary.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SummaryEntry {
    /// The file.
    #[serde(with = "crate::platform::paths::json")]
    pub input: PathBuf,
    /// Its place in the output folder, without an ending.
    #[serde(with = "crate::platform::paths::json")]
    pub place: PathBuf,
    /// What came of it.
    #[serde(flatten)]
    pub outcome: ClipOutcome,
    /// Frames of the result.
    pub frames: u64,
    /// Seconds that it took, now or before.
    pub seconds: f64,
    /// Which piece of the file it is, where it is not all of it.
    #[serde(rename = "piece", default, skip_serializing_if = "Option::is_none")]
    pub segment: Option<Segment>,
}

impl SummaryEntry {
    /// What came of `clip`.
    pub fn of(clip: &Clip, outcome: ClipOutcome, done: Option<&Manifest>) -> Self {
        let (frames, seconds) = done.map_or((0, 0.0), |done| (done.frames, done.seconds));
        let (input, place) = (clip.input.clone(), clip.stem.clone());
        Self { input, place, outcome, frames, seconds, segment: clip.segment }
    }

    /// The clip that it speaks of, of unknown size.
    pub fn clip(&self) -> Clip {
        Clip { input: self.input.clone(), stem: self.place.clone(), size: 0, segment: self.segment }
    }
}

/// What went wrong with a clip, which is named where the reason is told.
pub fn reason(error: Error) -> String {
    match error {
        Error::Input { problem, .. } => problem,
        error => error.to_string(),
    }
}
