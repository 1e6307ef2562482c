//! The protocol between a supervisor and its workers. Each message is one line of JSON: requests on the worker's
//! standard input, messages on its standard error.

use super::clip::Clip;
use super::clip::Segment;
use super::clip::SegmentTiming;
use std::ffi::OsString;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::commands::run::Preview;

/// A clip to process.
#[derive(Debug, Serialize, Deserialize)]
pub struct WorkerRequest {
    pub input: OsString,
    pub stem: OsString,
    pub piece: Option<Segment>,
    /// Number of seconds to process; `None` for all.
    pub seconds: Option<f64>,
}

/// A message from a worker.
#[derive(Debug, Deserialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub enum WorkerMessage {
    /// The model is loaded; notes about it for the user, one line each.
    Ready { classifier: String, notes: Vec<String> },
    /// The model cannot be loaded: no clip can be processed.
    Fatal { error: String, usage: bool },
    /// The next clip enters the pipeline.
    Begun,
    /// The clip has been read to its end; the worker could open another one.
    Read,
    /// Progress on the clip.
    Progress { frame: u64, frames: Option<u64> },
    /// The clip is finished, or as much of it as can be decoded.
    Finished(Box<ClipResult>),
    /// The clip has failed.
    Failed { error: String },
    /// Other messages that `salstream run` prints.
    #[serde(other)]
    Other,
}

/// The result of a clip.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ClipResult {
    /// Number of frames of the result.
    pub frames: u64,
    /// Processing time in seconds.
    pub seconds: f64,
    /// A short overview of the clip.
    pub overview: Preview,
    /// How to join it, if it is a segment.
    pub joint: Option<SegmentTiming>,
    /// Notes for the user, one line each.
    pub notes: Vec<String>,
    /// Why the result has only the frames before a damaged place; `None` if the clip was read to its end.
    pub damage: Option<String>,
}

impl WorkerRequest {
    /// The request to process `clip`.
    pub fn of(clip: &Clip) -> Self {
        Self { input: clip.input.clone().into(), stem: clip.stem.clone().into(), piece: clip.segment, seconds: None }
    }

    /// The request to process the first `seconds` of the clip, with results at `stem`, an absolute path.
    pub fn part(clip: &Clip, stem: &Path, seconds: f64) -> Self {
        Self { input: clip.input.clone().into(), stem: stem.into(), piece: None, seconds: Some(seconds) }
    }
}
