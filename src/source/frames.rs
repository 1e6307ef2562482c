//! A sequence of frames from any kind of input.

use crate::Result;
use crate::frame::{Frame, Rate, VideoInfo};

/// Which part of the input to read, and the frame rate of image sequences.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SourceOptions {
    /// Seconds of the clip to skip. Reading starts at the first frame at or after this time.
    pub start: Option<f64>,
    /// Seconds of the clip to read.
    pub duration: Option<f64>,
    /// For a video: the time, counted like `start`, that is reported as 0; by default that of the first frame read.
    pub zero: Option<f64>,
    /// Frame rate of folders and patterns of images.
    pub rate: Rate,
}

impl Default for SourceOptions {
    fn default() -> Self {
        Self { start: None, duration: None, zero: None, rate: Rate { num: 25, den: 1 } }
    }
}

/// A sequence of frames.
pub trait FrameSource: Send {
    /// What the header states about the clip.
    fn info(&self) -> &VideoInfo;

    /// The next frame, or `None` at the end.
    ///
    /// # Errors
    /// [`Error::Input`](crate::Error::Input) if the rest cannot be decoded. The frames already read are good, and further calls return
    /// `None`.
    fn read(&mut self) -> Result<Option<Frame>>;

    /// Warnings for the user about the opened input, one line each.
    fn warnings(&self) -> &[String] {
        &[]
    }
}
