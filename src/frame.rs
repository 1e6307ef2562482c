//! The values that travel through the pipeline, each with its units.

use std::ffi::OsString;

use opencv::core::{Mat, MatTraitConst, Size};

/// One decoded picture of a clip.
#[derive(Debug, Clone)]
pub struct Frame {
    /// Position in the clip, from 0, without gaps in file mode.
    pub index: u64,
    /// Presentation time in seconds; the clip's first frame is at 0, or [`Options::zero`](crate::source::SourceOptions::zero) is.
    pub time: f64,
    /// The picture: upright, 8-bit BGR (`CV_8UC3`), continuous, owning its memory.
    pub image: Mat,
}

impl Frame {
    /// Width and height in pixels.
    pub fn size(&self) -> Size {
        Size::new(self.image.cols(), self.image.rows())
    }
}

/// An exact frame rate in frames a second, such as 30000/1001.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Rate {
    /// Numerator, at least 1.
    pub num: u32,
    /// Denominator, at least 1.
    pub den: u32,
}

impl Rate {
    /// The rate as a plain number.
    pub fn fps(self) -> f64 {
        f64::from(self.num) / f64::from(self.den)
    }

    /// Seconds from one frame to the next.
    pub fn interval(self) -> f64 {
        f64::from(self.den) / f64::from(self.num)
    }
}

/// What is known of a clip before its first frame is decoded.
#[derive(Debug, Clone, PartialEq)]
pub struct VideoInfo {
    /// Upright picture size in pixels.
    pub size: Size,
    /// Nominal frame rate.
    pub rate: Rate,
    /// Seconds from the file's start to the first frame that is read.
    pub start: f64,
    /// How many frames to expect, where that is known and plausible.
    pub frames: Option<u64>,
    /// The sound that belongs to the picture.
    pub sound: Option<Sound>,
}

/// The part of a file's sound that belongs to the frames read from it.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Sound {
    /// The file or address that holds it, by FFmpeg's name (`file:` before a path).
    pub location: OsString,
    /// The streams to keep; never empty.
    pub streams: Vec<SoundStream>,
    /// Seconds from the file's start to the first frame; what sounds earlier is cut.
    pub from: f64,
    /// Seconds by which the sound may outlast the picture, as it does in the source.
    pub surplus: f64,
    /// Whether the container's clock may jump, as MPEG-TS's may.
    pub discontinuous: bool,
}

/// One audio stream of a file.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct SoundStream {
    /// Its index among all streams of the file.
    pub index: usize,
    /// Its codec by FFmpeg's name, such as `aac`.
    pub codec: String,
}

/// A saliency map: `CV_32FC1`, every value in 0..=1.
#[derive(Debug, Default)]
pub struct SaliencyMap(pub Mat);

/// Dense *backward* optical flow, `CV_32FC2`, in pixels of its own grid: pixel (x, y) of the current frame was at
/// (x, y) + flow(x, y) in the previous one.
#[derive(Debug, Default)]
pub struct Flow(pub Mat);

/// What the classifier says of a frame.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize)]
pub struct Prediction {
    /// Class id: the index into the model's scores.
    pub class: usize,
    /// The class's name.
    pub label: String,
    /// Softmax probability of that class, 0..=1.
    pub probability: f32,
}

/// What the classifier makes of each part of a frame, on a grid over the whole of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Features {
    /// Numbers that describe each place.
    pub channels: usize,
    /// Rows of the grid.
    pub height: usize,
    /// Columns of the grid.
    pub width: usize,
    /// Channel by channel, each row by row; of either sign.
    pub values: Vec<f32>,
}

/// One frame's input gradient and prediction: what the static stage hands on.
#[derive(Debug, Default)]
pub struct Gradient {
    /// Index of the frame that it belongs to.
    pub index: u64,
    /// The gradient of the class score combined over channels, `CV_32FC1`: the whole frame, at the network's scale. Not negative
    /// for [`Channels::Max`](crate::saliency::Channels::Max), of either sign for the signed sum.
    pub map: Mat,
    /// The class that the gradient belongs to.
    pub prediction: Prediction,
    /// Whether the classifier saw the frame with noise added. What it says of such a frame does not count: the prediction
    /// is that of an earlier frame, and there are neither features nor activation.
    pub noisy: bool,
    /// How many runs of the classifier the gradient is the mean of; 0 counts as 1.
    pub samples: usize,
    /// What the classifier makes of each part of the frame, where it tells.
    pub features: Option<Features>,
    /// Where in the frame the classifier finds the class, of one channel and not negative: the class activation map of
    /// its last layer that has one (Selvaraju 2017).
    pub activation: Option<Features>,
    /// The same frame's gradients of the further classes that are explained.
    pub others: Vec<Gradient>,
}

/// The three maps of one frame, all of the same (processing) size.
#[derive(Debug)]
pub struct Maps {
    /// Where the classifier's score depends on the pixels.
    pub static_: SaliencyMap,
    /// The same for the further classes that are explained.
    pub others: Vec<SaliencyMap>,
    /// What moves against the camera.
    pub motion: SaliencyMap,
    /// Both, fused.
    pub fused: SaliencyMap,
    /// How far the motion is to be trusted, 0..=1: its weight in the fusion.
    pub motion_weight: f32,
    /// Whether a cut was found before this frame (all state was reset).
    pub cut: bool,
}

/// Milliseconds that each stage spent on a frame, waiting not counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, serde::Serialize)]
pub struct Timing {
    /// Reading and decoding.
    pub decode: f32,
    /// The classifier's gradient; 0 between key frames.
    #[serde(rename = "static")]
    pub static_: f32,
    /// Optical flow and camera motion.
    pub motion: f32,
    /// Fusing.
    pub fuse: f32,
    /// Drawing.
    pub draw: f32,
    /// Handing the picture to the encoder, which includes waiting for it, and writing maps and records.
    pub write: f32,
}

impl Timing {
    fn stages(&self) -> [(&'static str, f32); 6] {
        [
            ("decode", self.decode),
            ("static", self.static_),
            ("motion", self.motion),
            ("fuse", self.fuse),
            ("draw", self.draw),
            ("write", self.write),
        ]
    }

    /// The stage that takes longest.
    pub fn slowest(&self) -> &'static str {
        let (name, _) =
            self.stages().into_iter().fold(("", f32::MIN), |most, next| if next.1 > most.1 { next } else { most });
        name
    }
}

impl std::ops::AddAssign for Timing {
    fn add_assign(&mut self, other: Self) {
        self.decode += other.decode;
        self.static_ += other.static_;
        self.motion += other.motion;
        self.fuse += other.fuse;
        self.draw += other.draw;
        self.write += other.write;
    }
}

impl std::ops::Div<f32> for Timing {
    type Output = Self;

    fn div(self, by: f32) -> Self {
        Self {
            decode: self.decode / by,
            static_: self.static_ / by,
            motion: self.motion / by,
            fuse: self.fuse / by,
            draw: self.draw / by,
            write: self.write / by,
        }
    }
}
