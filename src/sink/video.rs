//! A video file, encoded by an `ffmpeg` child process.

use std::path::{Path, PathBuf};

use opencv::core::Mat;

use crate::Result;
use crate::frame::{Sound, VideoInfo};

/// How to encode.
#[derive(Debug, Clone, PartialEq)]
pub struct EncodeOptions {
    /// Constant rate factor of x264, 0 (lossless) to 51; 18 is visually lossless, 23 its default.
    pub crf: u8,
    /// Whether an existing file is replaced.
    pub overwrite: bool,
    /// The sound to keep.
    pub sound: Option<Sound>,
}

/// What was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Finished {
    /// The file, under its final name.
    pub path: PathBuf,
    /// Frames that it holds.
    pub frames: u64,
    /// Its size.
    pub bytes: u64,
    /// What is not as it should be, such as sound that could not be kept; one line each.
    pub warnings: Vec<String>,
}

/// A video file being written. Dropped before [`VideoSink::finish`], it leaves nothing behind.
pub struct VideoSink {}

impl VideoSink {
    /// Starts a file at `output` for frames of `info.size` at `info.rate`.
    pub fn create(_output: &Path, _info: &VideoInfo, _options: EncodeOptions) -> Result<Self> {
        Ok(Self {})
    }

    /// Appends a frame (`CV_8UC3`, BGR) that is shown from `time` on, in seconds.
    pub fn write(&mut self, _frame: &Mat, _time: f64) -> Result<()> {
        Ok(())
    }

    /// Ends the file, verifies it and gives it its name.
    pub fn finish(self) -> Result<Finished> {
        Ok(Finished { path: PathBuf::new(), frames: 0, bytes: 0, warnings: Vec::new() })
    }
}
