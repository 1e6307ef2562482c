//! Motion that the camera does not explain, frame by frame: dense flow, the camera's part of it, and cuts.

mod camera;
mod content;
mod cut;
mod duplicate_frames;
mod flow;
mod letterbox;
mod overlay;
mod residual_check;
mod shots;
mod sizes;

use opencv::core::{Mat, MatTraitConst};

use self::camera::CameraMotion;
pub use self::content::ContentArea;
use self::flow::FlowEstimator;
use self::letterbox::Letterbox;
use self::overlay::OverlayMask;
pub use self::shots::CutFinder;
use self::sizes::{WorkingSizes, working_pictures};
use crate::Result;
use crate::frame::{Flow, Frame, Rate};
use crate::raster;

/// The interval, in seconds, that residuals are related to: the recipe was measured at 24 frames a second.
const REFERENCE_INTERVAL: f64 = 1.0 / 24.0;
/// Bounds of a frame's interval in reference intervals. Below, the flow's own noise would be blown up into motion;
/// above (dropped frames, slide shows), a real motion would be divided away.
const INTERVALS: (f64, f64) = (0.4, 4.0);
/// RANSAC's tolerance in pixels of a picture 480 pixels long.
const TOLERANCE: f32 = 1.0;
/// Seconds for which the motion before repeated frames is held: longer than any pulldown or stutter, short enough that
/// what has come to rest before a still camera goes dark.
const MAX_HOLD_SECONDS: f64 = 1.0;

/// What is known of a frame's motion. All pictures have one size, 240 pixels on the longer side: the maps', where the
/// frame has no black bars, else that of the picture within them.
#[derive(Debug)]
pub struct FrameMotion {
    /// Index of the frame.
    pub index: u64,
    /// The frame in 8-bit Lab (`CV_8UC3`).
    pub lab: Mat,
    /// Backward flow to the previous frame; zero on a first frame.
    pub flow: Flow,
    /// Flow that the camera does not explain (`CV_32FC1`): pixels of a picture 480 pixels long, per 1/24 s.
    pub residual: Mat,
    /// What one pixel of `flow` is worth in units of `residual`.
    pub scale: f32,
    /// No earlier frame to compare with: the clip's first frame, or the first after a cut. Nothing is known of motion.
    pub first: bool,
    /// A cut, or a change of the picture's size or of its bars, lies before this frame.
    pub cut: bool,
    /// Where the picture lies in the frame, if there are bars about it.
    pub content: Option<ContentArea>,
}

/// Finds each frame's [`FrameMotion`] against the frame before it.
pub struct MotionEstimator {
    rate: Rate,
    flow: FlowEstimator,
    bars: Letterbox,
    overlays: OverlayMask,
    /// Whether it works as the reference prototype does.
    prototype: bool,
    state: Option<PreviousFrame>,
}

/// What is kept of the previous frame.
struct PreviousFrame {
    content: Option<ContentArea>,
    sizes: WorkingSizes,
    camera: CameraMotion,
    grey: Mat,
    lab: Mat,
    residual: Mat,
    scale: f32,
    /// When it was last shown, and when first.
    time: f64,
    since: f64,
}

impl MotionEstimator {
    /// For a clip of nominal rate `rate`, which stands in where two frames' times do not tell their interval.
    ///
    /// # Errors
    /// [`Error::OpenCv`](crate::Error::OpenCv) where OpenCV cannot set up its flow.
    pub fn new(rate: Rate) -> Result<Self> {
        Ok(Self {
            rate,
            flow: FlowEstimator::new()?,
            bars: Letterbox::default(),
            overlays: OverlayMask::default(),
            prototype: false,
            state: None,
        })
    }

    /// As the reference prototype: with its finer flow, its slower way to shrink pictures, and every residual taken for motion,
    /// be it borne out by the pictures or not.
    ///
    /// # Errors
    /// [`Error::OpenCv`](crate::Error::OpenCv) where OpenCV cannot set up its flow.
    pub fn as_prototype(self) -> Result<Self> {
        Ok(Self { prototype: true, flow: self.flow.refined(5)?, ..self })
    }

    /// The motion of `frame` against the frame of the call before. A cut or a new picture size starts afresh. A frame
    /// that repeats the one before keeps its motion, and a blank one (in a fade, a flash) is passed over.
    ///
    /// # Errors
    /// [`Error::OpenCv`](crate::Error::OpenCv) where OpenCV fails, as on an empty picture.
    pub fn step(&mut self, frame: &Frame) -> Result<FrameMotion> {
        let part = self.bars.content(&frame.image)?;
        let sizes = WorkingSizes::of(part.size());
        let content = (part.size() != frame.size()).then(|| sizes.content(part, frame.size()));
        let (grey, lab) = working_pictures(&Mat::roi(&frame.image, part)?, &sizes, self.prototype)?;
        let previous = self.state.take();
        let restarted = previous.as_ref().is_some_and(|state| state.sizes != sizes || state.content != content);
        let mut motion = FrameMotion {
            index: frame.index,
            lab,
            flow: flow::still(sizes.map)?,
            residual: raster::zeros(sizes.map)?,
            scale: sizes.map_scale(),
            first: true,
            cut: restarted,
            content,
        };
        let previous = previous.filter(|_| !restarted);
        self.state = Some(match previous {
            Some(state) if duplicate_frames::is_same(&state.grey, &grey)? => state.repeated(frame.time, &mut motion)?,
            Some(state) if duplicate_frames::is_blank(&grey)? => {
                motion.first = false;
                state
            }
            Some(state) if !duplicate_frames::is_blank(&state.grey)? => {
                self.compare(&state, frame.time, &grey, &mut motion)?;
                PreviousFrame::of(&motion, state.camera, sizes, grey, frame.time)?
            }
            _ => PreviousFrame::of(&motion, CameraMotion::new(sizes.map), sizes, grey, frame.time)?,
        });
        Ok(motion)
    }

    /// Fills in `motion` from the frame before, unless a cut lies between.
    fn compare(&mut self, before: &PreviousFrame, time: f64, grey: &Mat, motion: &mut FrameMotion) -> Result<()> {
        let flow = self.flow.backward(grey, &before.grey, before.sizes.map)?;
        motion.cut = cut::is_cut(&before.lab, &motion.lab, &flow)?;
        if motion.cut {
            return Ok(());
        }
        let tolerance = f64::from(TOLERANCE / before.sizes.map_scale());
        motion.scale = before.sizes.map_scale() / self.intervals(time - before.time) as f32;
        let (mut residual, camera) = before.camera.residual(&flow, tolerance, motion.scale)?;
        if !self.prototype {
            residual_check::discount(&mut residual, &flow, &camera, &before.lab, &motion.lab)?;
            self.overlays.discount(&mut residual, &motion.lab, &camera)?;
        }
        motion.residual = residual;
        motion.flow = flow;
        motion.first = false;
        Ok(())
    }

    /// `elapsed` seconds in reference intervals. Times that stand still or run backwards count as one frame.
    fn intervals(&self, elapsed: f64) -> f64 {
        let elapsed = if elapsed.is_finite() && elapsed > 0.0 { elapsed } else { self.rate.interval() };
        (elapsed / REFERENCE_INTERVAL).clamp(INTERVALS.0, INTERVALS.1)
    }
}

impl PreviousFrame {
    fn of(motion: &FrameMotion, camera: CameraMotion, sizes: WorkingSizes, grey: Mat, time: f64) -> Result<Self> {
        let (lab, residual) = (motion.lab.try_clone()?, motion.residual.try_clone()?);
        let FrameMotion { content, scale, .. } = *motion;
        Ok(Self { content, sizes, camera, grey, lab, residual, scale, time, since: time })
    }

    /// Shown once more at `time`: `motion` is what it was, for a while.
    fn repeated(self, time: f64, motion: &mut FrameMotion) -> Result<Self> {
        motion.first = false;
        if time - self.since <= MAX_HOLD_SECONDS {
            motion.residual = self.residual.try_clone()?;
            motion.scale = self.scale;
        }
        Ok(Self { time, ..self })
    }
}
