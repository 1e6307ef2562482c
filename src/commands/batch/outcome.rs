//! The outcome of each clip.

use super::clip::Clip;
use super::clip::Segment;
use super::manifest::Manifest;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::Error;

/// The outcome of a clip.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "outcome", content = "reason")]
pub enum ClipOutcome {
    /// It was finished in this run.
    Done,
    /// It had been finished before.
    Skipped,
    /// It is damaged, as this reason says: its result has only the frames before the damage. This is a failure; the
    /// next run tries again.
    Partial(String),
    /// It failed, for this reason, and has no result.
    Failed(String),
    /// The run ended before it was finished.
    Open,
}

/// A clip in the summary.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SummaryEntry {
    #[serde(with = "crate::platform::paths::json")]
    pub input: PathBuf,
    /// Path of the result in the output folder, without an ending.
    #[serde(with = "crate::platform::paths::json")]
    pub place: PathBuf,
    #[serde(flatten)]
    pub outcome: ClipOutcome,
    /// Number of frames of the result.
    pub frames: u64,
    /// Processing time in seconds, in this run or before.
    pub seconds: f64,
    /// Which segment of the file this is; `None` for the whole file.
    #[serde(rename = "piece", default, skip_serializing_if = "Option::is_none")]
    pub segment: Option<Segment>,
    /// Notes for the user about this clip, one line each. Summaries of earlier versions have none.
    #[serde(default)]
    pub notes: Vec<String>,
}

impl ClipOutcome {
    /// Whether the whole clip has a result.
    pub fn is_done(&self) -> bool {
        matches!(self, Self::Done | Self::Skipped)
    }
}

impl SummaryEntry {
    /// The entry for `clip`.
    pub fn of(clip: &Clip, outcome: ClipOutcome, done: Option<&Manifest>) -> Self {
        let (frames, seconds) = done.map_or((0, 0.0), |done| (done.frames, done.seconds));
        let (input, place) = (clip.input.clone(), clip.stem.clone());
        let notes = done.map(|done| done.notes.clone()).unwrap_or_default();
        Self { input, place, outcome, frames, seconds, segment: clip.segment, notes }
    }

    /// The entry for `clip`, which has just been processed, with the result in `manifest`.
    pub fn processed(clip: &Clip, manifest: &Manifest) -> Self {
        let outcome = manifest.damage.clone().map_or(ClipOutcome::Done, ClipOutcome::Partial);
        Self::of(clip, outcome, Some(manifest))
    }

    /// The clip of this entry; its size is not known.
    pub fn clip(&self) -> Clip {
        Clip { input: self.input.clone(), stem: self.place.clone(), size: 0, segment: self.segment }
    }
}

/// The reason of a clip's failure, without the clip's name, which is printed beside it.
pub fn reason(error: Error) -> String {
    match error {
        Error::Input { problem, .. } => problem,
        error => error.to_string(),
    }
}
