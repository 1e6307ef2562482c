//! What a live session needs to know.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::capture::LiveInput;
use super::session_hub::SessionSettings;
use crate::fuse::FuseOptions;
use crate::pipeline::keyframes::KeyFrames;
use crate::saliency::ModelConfig;

/// Everything that `salstream live` needs to know.
#[derive(Debug, Clone)]
pub struct LiveConfig {
    /// What to watch.
    pub input: LiveInput,
    /// How long a lost source may stay away.
    pub give_up: Option<Duration>,
    /// Which classifier, and how.
    pub model: ModelConfig,
    /// On which frames the gradient is computed, at most: live, the newest of them.
    pub key_frames: KeyFrames,
    /// How the maps are made.
    pub fusion: FuseOptions,
    /// What may be changed later.
    pub settings: SessionSettings,
    /// Whether there is a window.
    pub window: bool,
    /// Where the page is served.
    pub serve: Option<SocketAddr>,
    /// What is recorded from the start.
    pub recording: RecordingConfig,
    /// When to end.
    pub duration: Option<Duration>,
    /// Whether nothing but errors is printed.
    pub quiet: bool,
    /// Threads for OpenCV, at least 1.
    pub threads: usize,
}

/// How to record.
#[derive(Debug, Clone)]
pub struct RecordingConfig {
    /// The file; where there is none, a recording on request gets a name in the current folder.
    pub output: Option<PathBuf>,
    /// Seconds after which a new file begins.
    pub segment: Option<f64>,
    /// Whether existing files are replaced.
    pub overwrite: bool,
    /// x264's constant rate factor.
    pub crf: u8,
}
