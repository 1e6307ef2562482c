//! What a supervisor and its workers say to each other: a line of JSON each, requests on a worker's standard input,
//! messages on its standard error.

use super::clip::Clip;
use super::clip::Segment;
use super::clip::SegmentTiming;
use std::ffi::OsString;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::commands::run::Preview;

/// A clip to be worked on.
#[derive(Debug, Serialize, Deserialize)]
pub struct WorkerRequest {
    pub input: OsString,
    pub stem: OsString,
    pub piece: Option<Segment>,
    /// Seconds of it to work on, where that is not all.
    pub seconds: Option<f64>,
}

/// What a worker says.
#[derive(Debug, Deserialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub enum WorkerMessage {
    /// The model is loaded.
    Ready { classifier: String },
    /// It cannot be: no clip can be worked on.
    Fatal { error: String, usage: bool },
    /// The next clip goes through the pipeline.
    Begun,
    /// It is read to its end, and the worker could open another one.
    Read,
    /// So far.
    Progress { frame: u64, frames: Option<u64> },
    /// The clip is finished.
    Finished(ClipResult),
    /// The clip has failed.
    Failed { error: String },
    /// What `salstream run` says besides.
    #[serde(other)]
    Other,
}

/// What came of a clip that is finished.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ClipResult {
    /// Frames of the result.
    pub frames: u64,
    /// Seconds that it took.
    pub seconds: f64,
    /// The clip in short.
    pub overview: Preview,
    /// How it is joined, where it is a piece.
    pub joint: Option<SegmentTiming>,
}

impl WorkerRequest {
    /// The order to work on `clip`.
    pub fn of(clip: &Clip) -> Self {
        Self { input: clip.input.clone().into(), stem: clip.stem.clone().into(), piece: clip.segment, seconds: None }
    }

    /// The order to work on the first `seconds` of the clip, with results at `stem`, a full path.
    pub fn part(clip: &Clip, stem: &Path, seconds: f64) -> Self {
        Self { input: clip.input.clone().into(), stem: stem.into(), piece: None, seconds: Some(seconds) }
    }
}
