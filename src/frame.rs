//! The values that pass through the pipeline, each with its units.

use opencv::core::{Mat, MatTraitConst, Size};

use crate::colour::ColourTags;
use crate::passthrough::Passthrough;

/// One decoded frame of a clip.
#[derive(Debug, Clone)]
pub struct Frame {
    /// Position in the clip, from 0. File mode leaves no gaps.
    pub index: u64,
    /// Presentation timestamp in seconds, relative to the clip's first frame or to
    /// [`SourceOptions::zero`](crate::source::SourceOptions::zero) if it is set.
    pub time: f64,
    /// The picture: upright, 8-bit BGR (`CV_8UC3`), continuous, and the owner of its memory.
    pub image: Mat,
}

impl Frame {
    /// Width and height in pixels.
    pub fn size(&self) -> Size {
        Size::new(self.image.cols(), self.image.rows())
    }
}

/// An exact frame rate in frames per second, such as 30000/1001.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Rate {
    /// Numerator, at least 1.
    pub num: u32,
    /// Denominator, at least 1.
    pub den: u32,
}

impl VideoInfo {
    /// A clip of `size` at `rate` without a container: BT.709, nothing beside the picture.
    pub fn plain(size: Size, rate: Rate, frames: Option<u64>) -> Self {
        Self { size, rate, start: 0.0, frames, end: ClipEnd::default(), colour: ColourTags::BT709, passthrough: None }
    }
}

impl Rate {
    /// The rate as a floating-point number.
    pub fn fps(self) -> f64 {
        f64::from(self.num) / f64::from(self.den)
    }

    /// Seconds between consecutive frames.
    pub fn interval(self) -> f64 {
        f64::from(self.den) / f64::from(self.num)
    }
}

/// What is known about a clip before its first frame is decoded.
#[derive(Debug, Clone, PartialEq)]
pub struct VideoInfo {
    /// Upright picture size in pixels.
    pub size: Size,
    /// Nominal frame rate.
    pub rate: Rate,
    /// Seconds from the start of the file to the first frame read.
    pub start: f64,
    /// Expected number of frames, if known and plausible.
    pub frames: Option<u64>,
    /// Where reading ends.
    pub end: ClipEnd,
    /// The colours of the picture, for the result.
    pub colour: ColourTags,
    /// What belongs to the frames and is kept in the result.
    pub passthrough: Option<Passthrough>,
}

/// Where the frames that are read end.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct ClipEnd {
    /// Seconds from time 0 to the end of the picture: until then the last frame is shown. `None` if the container does
    /// not state it.
    pub time: Option<f64>,
    /// Whether the clip ends there. If not, what comes with the picture is cut there too.
    pub is_whole: bool,
}

/// A saliency map: `CV_32FC1`, values in 0..=1.
#[derive(Debug, Default)]
pub struct SaliencyMap(pub Mat);

/// Dense *backward* optical flow, `CV_32FC2`, in pixels of its own grid: pixel (x, y) of the current frame came from
/// (x, y) + flow(x, y) in the previous frame.
#[derive(Debug, Default)]
pub struct Flow(pub Mat);

/// The class that the classifier predicts for a frame.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize)]
pub struct Prediction {
    /// Class id: the index into the model's scores.
    pub class: usize,
    /// Whether the opposite of the class is meant.
    #[serde(skip)]
    pub opposite: bool,
    /// Class name, after "not " for the opposite of a class.
    pub label: String,
    /// Probability of that class, or of its opposite, 0..=1; `None` if the model's scores have none.
    pub probability: Option<f32>,
    /// Score of that class before Softmax or Sigmoid, negative for its opposite; `None` if the model gives
    /// probabilities only.
    pub logit: Option<f32>,
}

/// The classifier's features of a frame, on a grid that covers the whole frame.
#[derive(Debug, Clone, PartialEq)]
pub struct Features {
    /// Number of feature channels per grid cell.
    pub channels: usize,
    /// Rows of the grid.
    pub height: usize,
    /// Columns of the grid.
    pub width: usize,
    /// Values channel by channel, each in row order; may be negative.
    pub values: Vec<f32>,
}

/// The input gradient and prediction of one frame: the output of the static stage.
#[derive(Debug, Default)]
pub struct Gradient {
    /// Index of the frame.
    pub index: u64,
    /// The gradient of the class score, combined over channels, `CV_32FC1`: the whole frame, at the network's
    /// resolution. Not negative for [`Channels::Max`](crate::saliency::Channels::Max); may be negative for the signed
    /// sum.
    pub map: Mat,
    /// The class whose score the gradient explains.
    pub prediction: Prediction,
    /// Whether noise was added to the frame. The classifier's output for such a frame is discarded: the prediction is
    /// that of an earlier frame, and `features` and `activation` are `None`.
    pub noisy: bool,
    /// Number of classifier runs that the gradient averages; 0 counts as 1.
    pub samples: usize,
    /// The classifier's features, if the model has them.
    pub features: Option<Features>,
    /// Where the classifier sees the class: the class activation map (Grad-CAM, Selvaraju 2017) of the last layer that
    /// has one. One channel, not negative.
    pub activation: Option<Features>,
    /// Gradients of the same frame for the further classes to explain.
    pub others: Vec<Gradient>,
}

/// The maps of one frame, all at the size of the analysis.
#[derive(Debug)]
pub struct Maps {
    /// How much the classifier's score depends on each pixel.
    pub static_: SaliencyMap,
    /// The same for the further classes to explain.
    pub others: Vec<SaliencyMap>,
    /// Motion relative to the camera.
    pub motion: SaliencyMap,
    /// Static and motion map, fused.
    pub fused: SaliencyMap,
    /// How much the motion map is trusted, 0..=1: its weight in the fusion.
    pub motion_weight: f32,
    /// Whether a cut was found before this frame, which resets all state.
    pub cut: bool,
}

/// A connected region of a map in which something stands out. Lengths are in pixels of the source, from its top left
/// corner.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Region {
    /// The smallest box around it: left, top, width, height.
    #[serde(rename = "box")]
    pub bounds: [i32; 4],
    /// The mean of the positions of its pixels: x, y.
    pub centroid: [f32; 2],
    /// Its share of the picture's area, 0..=1.
    pub area: f32,
    /// The mean of the map within it, 0..=1.
    pub mean: f32,
}

/// Milliseconds that each stage spent on a frame, without waiting.
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
    /// Passing the picture to the encoder (including the wait for it), and writing maps and records.
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

    /// Name of the slowest stage.
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
