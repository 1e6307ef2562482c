//! The configuration of a live session.

use std::path::PathBuf;
use std::time::Duration;

use super::capture::LiveInput;
use super::segments::KeepLimit;
use super::serve::ServeConfig;
use super::session_hub::SessionSettings;
use crate::fuse::FuseOptions;
use crate::pipeline::keyframes::KeyFrames;
use crate::saliency::ModelConfig;

/// The configuration of `salstream live`.
#[derive(Debug, Clone)]
pub struct LiveConfig {
    /// The source.
    pub input: LiveInput,
    /// How long a lost source may stay away before the session ends.
    pub give_up: Option<Duration>,
    /// Which classifier to use, and how.
    pub model: ModelConfig,
    /// The frames that may get a gradient; the classifier takes the newest of them when it is free.
    pub key_frames: KeyFrames,
    /// How to make the maps.
    pub fusion: FuseOptions,
    /// The settings that can be changed during the session.
    pub settings: SessionSettings,
    /// Whether to open a window.
    pub window: bool,
    /// How to serve the web page, if it is served.
    pub serve: Option<ServeConfig>,
    /// What to record from the start.
    pub recording: RecordingConfig,
    /// When to stop.
    pub duration: Option<Duration>,
    /// Whether to print errors only.
    pub quiet: bool,
    /// Threads for OpenCV, at least 1.
    pub threads: usize,
}

/// How to record.
#[derive(Debug, Clone)]
pub struct RecordingConfig {
    /// The file. If it is `None`, a recording on request gets a name in the current folder.
    pub output: Option<PathBuf>,
    /// Seconds after which a new file starts.
    pub segment: Option<f64>,
    /// How much of a segmented recording is kept.
    pub keep: Option<KeepLimit>,
    /// Whether the first file may replace an existing one.
    pub overwrite: bool,
    /// Whether to print errors and warnings only.
    pub quiet: bool,
    /// x264's constant rate factor.
    pub crf: u8,
}
