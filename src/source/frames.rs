//! A sequence of frames, whatever it comes from.

use crate::Result;
use crate::frame::{Frame, Rate, VideoInfo};

/// Which part of the input to read, and how fast its images follow each other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SourceOptions {
    /// Seconds of the clip to skip. The first frame at or after this moment is the first one read.
    pub start: Option<f64>,
    /// Seconds of the clip to read.
    pub duration: Option<f64>,
    /// The moment of a video, as `start`, that its frames' times count from; none is its first frame's.
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
    /// What is known of the clip from its header.
    fn info(&self) -> &VideoInfo;

    /// The next frame, `None` at the end.
    ///
    /// # Errors
    /// [`Error::Input`] where the rest cannot be decoded. The frames already read are good; reading on gives `None`.
    fn read(&mut self) -> Result<Option<Frame>>;

    /// What the user should know about the input as opened, one line each.
    fn warnings(&self) -> &[String] {
        &[]
    }
}
