//! A sequence of frames from any kind of input.

use crate::Result;
use crate::choice::choices;
use crate::frame::{Frame, Rate, VideoInfo};

choices! {
    /// What decodes videos.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum DecoderKind {
        /// An ffmpeg process if ffmpeg is installed, otherwise OpenCV
        Auto = "auto",
        /// OpenCV: no further process, but only the first video stream, and exact colours only in BT.601
        OpenCv = "opencv",
        /// An ffmpeg process
        Ffmpeg = "ffmpeg",
    }
}

choices! {
    /// Whether to make whole pictures of interlaced ones.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Deinterlace {
        /// If the clip says that it is interlaced
        Auto = "auto",
        /// Always, for a clip that does not say so
        On = "on",
        /// Never
        Off = "off",
    }
}

choices! {
    /// Whether to turn high dynamic range (PQ, HLG) into standard dynamic range.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum ToneMap {
        /// If the clip is in high dynamic range
        Auto = "auto",
        /// Never: the result keeps the clip's values, in 8 bits
        Off = "off",
    }
}

/// Which part of the input to read, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceOptions {
    /// Seconds of the clip to skip. Reading starts at the first frame at or after this time.
    pub start: Option<f64>,
    /// Seconds of the clip to read.
    pub duration: Option<f64>,
    /// For a video: the time, counted like `start`, that is reported as 0; by default that of the first frame read.
    pub zero: Option<f64>,
    /// Frame rate of folders and patterns of images.
    pub rate: Rate,
    /// Which of the video streams (without cover art) to read, from 0; by default the one that FFmpeg would choose.
    pub video_stream: Option<usize>,
    /// What decodes a video.
    pub decoder: DecoderKind,
    /// FFmpeg's hardware decoding method, such as `vaapi` or `cuda`.
    pub hwaccel: Option<String>,
    /// Whether to make whole pictures of interlaced ones.
    pub deinterlace: Deinterlace,
    /// Whether to turn high into standard dynamic range.
    pub tone_map: ToneMap,
}

impl Default for SourceOptions {
    fn default() -> Self {
        Self {
            start: None,
            duration: None,
            zero: None,
            rate: Rate { num: 25, den: 1 },
            video_stream: None,
            decoder: DecoderKind::Auto,
            hwaccel: None,
            deinterlace: Deinterlace::Auto,
            tone_map: ToneMap::Auto,
        }
    }
}

/// Returns warnings for the user, one line each.
pub type LateWarnings = Box<dyn FnOnce() -> Vec<String> + Send>;

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

    /// Gives the warnings that are known only when the frames have been read.
    fn late_warnings(&self) -> LateWarnings {
        Box::new(Vec::new)
    }
}
