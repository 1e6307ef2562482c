//! Motion that the camera does not explain, frame by frame: dense optical flow, camera motion, and cuts.

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

use opencv::core::{Mat, MatTraitConst, Size};

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

/// The interval, in seconds, that residuals are normalised to: the reference prototype was measured at 24 frames per
/// second.
const REFERENCE_INTERVAL: f64 = 1.0 / 24.0;
/// Bounds of a frame's interval, in reference intervals. Shorter intervals would amplify the noise of the flow into
/// motion; longer ones (dropped frames, slide shows) would divide real motion away.
const INTERVALS: (f64, f64) = (0.4, 4.0);
/// RANSAC tolerance, in pixels of a picture 480 pixels long.
const TOLERANCE: f32 = 1.0;
/// Seconds for which the motion is held during duplicate frames: longer than any pulldown or stutter, but short enough
/// for the map to go dark once everything has come to rest in front of a still camera.
const MAX_HOLD_SECONDS: f64 = 1.0;

/// The motion of one frame. All pictures have the same size, 240 pixels on the longer side: the size of the maps or, if
/// the frame has letterbox bars, of the picture between them.
#[derive(Debug)]
pub struct FrameMotion {
    /// Index of the frame.
    pub index: u64,
    /// The frame in 8-bit Lab (`CV_8UC3`).
    pub lab: Mat,
    /// Backward flow to the previous frame; zero for a first frame.
    pub flow: Flow,
    /// Length of the flow that the camera does not explain (`CV_32FC1`), in pixels of a picture 480 pixels long per
    /// 1/24 s.
    pub residual: Mat,
    /// Length of one pixel of `flow` in the unit of `residual`.
    pub scale: f32,
    /// Speed, in pixels of the source per second, of a residual of 1.
    pub speed: f32,
    /// Whether there is no earlier frame to compare with: the frame is the first of the clip or of a shot, and its
    /// motion is unknown.
    pub first: bool,
    /// Whether a cut, or a change of the picture's size or of its bars, lies before this frame.
    pub cut: bool,
    /// Where the picture lies in the frame, if the frame has letterbox bars.
    pub content: Option<ContentArea>,
}

/// The size of the maps of a clip whose pictures have the size `source`: 240 pixels on the longer side. The maps of a
/// frame with letterbox bars may have another size.
pub fn map_size(source: Size) -> Size {
    WorkingSizes::of(source).map
}

/// Computes each frame's [`FrameMotion`] relative to the previous frame.
pub struct MotionEstimator {
    rate: Rate,
    flow: FlowEstimator,
    bars: Letterbox,
    overlays: OverlayMask,
    /// Whether to work as the reference prototype does.
    prototype: bool,
    state: Option<PreviousFrame>,
}

struct PreviousFrame {
    content: Option<ContentArea>,
    sizes: WorkingSizes,
    camera: CameraMotion,
    grey: Mat,
    lab: Mat,
    residual: Mat,
    scale: f32,
    speed: f32,
    /// When the frame was last shown, and when it was first shown, in seconds.
    time: f64,
    since: f64,
}

impl MotionEstimator {
    /// Creates an estimator. The nominal frame rate `rate` is the fallback when the timestamps of two frames do not
    /// give their interval.
    ///
    /// # Errors
    /// [`Error::OpenCv`](crate::Error::OpenCv) if OpenCV cannot set up the optical flow.
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

    /// Works as the reference prototype does: with finer flow and slower downscaling, and without checking residuals
    /// against the pictures or removing overlays.
    ///
    /// # Errors
    /// [`Error::OpenCv`](crate::Error::OpenCv) if OpenCV cannot set up the optical flow.
    pub fn as_prototype(self) -> Result<Self> {
        Ok(Self { prototype: true, flow: self.flow.refined(5)?, ..self })
    }

    /// The motion of `frame` relative to the frame of the previous call. A cut, a new picture size or new bars reset
    /// the state. A duplicate frame keeps the motion of the frame it repeats, for at most a second. A blank frame (in a
    /// fade or a flash) is skipped.
    ///
    /// # Errors
    /// [`Error::OpenCv`](crate::Error::OpenCv) if OpenCV fails, for example on an empty picture.
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
            speed: 0.0,
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

    /// Fills in `motion` relative to the previous frame, unless a cut lies between them.
    fn compare(&mut self, before: &PreviousFrame, time: f64, grey: &Mat, motion: &mut FrameMotion) -> Result<()> {
        let flow = self.flow.backward(grey, &before.grey, before.sizes.map)?;
        motion.cut = cut::is_cut(&before.lab, &motion.lab, &flow)?;
        if motion.cut {
            return Ok(());
        }
        let tolerance = f64::from(TOLERANCE / before.sizes.map_scale());
        let elapsed = self.elapsed(time - before.time);
        let intervals = (elapsed / REFERENCE_INTERVAL).clamp(INTERVALS.0, INTERVALS.1);
        motion.scale = before.sizes.map_scale() / intervals as f32;
        motion.speed = before.sizes.source_scale() * (intervals / elapsed) as f32;
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

    /// Seconds between two frames whose timestamps are `elapsed` apart. A timestamp that does not advance counts as one
    /// frame.
    fn elapsed(&self, elapsed: f64) -> f64 {
        if elapsed.is_finite() && elapsed > 0.0 { elapsed } else { self.rate.interval() }
    }
}

impl PreviousFrame {
    fn of(motion: &FrameMotion, camera: CameraMotion, sizes: WorkingSizes, grey: Mat, time: f64) -> Result<Self> {
        let (lab, residual) = (motion.lab.try_clone()?, motion.residual.try_clone()?);
        let FrameMotion { content, scale, speed, .. } = *motion;
        Ok(Self { content, sizes, camera, grey, lab, residual, scale, speed, time, since: time })
    }

    /// The previous frame, shown again at `time`. Its motion is held for up to [`MAX_HOLD_SECONDS`].
    fn repeated(self, time: f64, motion: &mut FrameMotion) -> Result<Self> {
        motion.first = false;
        if time - self.since <= MAX_HOLD_SECONDS {
            motion.residual = self.residual.try_clone()?;
            (motion.scale, motion.speed) = (self.scale, self.speed);
        }
        Ok(Self { time, ..self })
    }
}
