//! Motion that the camera does not explain, frame by frame: dense flow, the camera's part of it, and cuts.

mod camera;
mod cut;
mod flow;
mod sizes;
mod unexplained;

use opencv::core::{Mat, MatTraitConst, Size};
use opencv::imgproc;

use self::camera::Camera;
use self::flow::FlowEstimator;
use self::sizes::WorkingSizes;
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

/// What is known of a frame's motion. All pictures have one size, the maps': 240 pixels on the longer side.
#[derive(Debug)]
pub struct Motion {
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
    /// A cut, or a change of the picture's size, lies before this frame.
    pub cut: bool,
}

/// Finds each frame's [`Motion`] against the frame before it.
pub struct MotionEstimator {
    rate: Rate,
    flow: FlowEstimator,
    state: Option<State>,
}

/// What is kept of the previous frame.
struct State {
    sizes: WorkingSizes,
    camera: Camera,
    grey: Mat,
    lab: Mat,
    time: f64,
}

impl MotionEstimator {
    /// For a clip of nominal rate `rate`, which stands in where two frames' times do not tell their interval.
    ///
    /// # Errors
    /// [`Error::OpenCv`](crate::Error::OpenCv) where OpenCV cannot set up its flow.
    pub fn new(rate: Rate) -> Result<Self> {
        Ok(Self { rate, flow: FlowEstimator::new()?, state: None })
    }

    /// The motion of `frame` against the frame of the call before. A cut or a new picture size starts afresh.
    ///
    /// # Errors
    /// [`Error::OpenCv`](crate::Error::OpenCv) where OpenCV fails, as on an empty picture.
    pub fn step(&mut self, frame: &Frame) -> Result<Motion> {
        let sizes = WorkingSizes::of(frame.size());
        let (grey, lab) = working_pictures(&frame.image, &sizes)?;
        let previous = self.state.take();
        let resized = previous.as_ref().is_some_and(|state| state.sizes != sizes);
        let previous = previous.filter(|_| !resized);
        let mut motion = Motion {
            index: frame.index,
            lab,
            flow: flow::still(sizes.map)?,
            residual: raster::zeros(sizes.map)?,
            scale: sizes.map_scale(),
            first: true,
            cut: resized,
        };
        if let Some(state) = &previous {
            self.compare(state, frame.time, &grey, &mut motion)?;
        }
        let camera = previous.map_or_else(|| Camera::new(sizes.map), |state| state.camera);
        self.state = Some(State { sizes, camera, grey, lab: motion.lab.try_clone()?, time: frame.time });
        Ok(motion)
    }

    /// Fills in `motion` from the frame before, unless a cut lies between.
    fn compare(&mut self, before: &State, time: f64, grey: &Mat, motion: &mut Motion) -> Result<()> {
        let flow = self.flow.backward(grey, &before.grey, before.sizes.map)?;
        motion.cut = cut::is_cut(&before.lab, &motion.lab, &flow)?;
        if motion.cut {
            return Ok(());
        }
        let tolerance = f64::from(TOLERANCE / before.sizes.map_scale());
        motion.scale = before.sizes.map_scale() / self.intervals(time - before.time) as f32;
        let (mut residual, camera) = before.camera.residual(&flow, tolerance, motion.scale)?;
        unexplained::discount(&mut residual, &flow, &camera, &before.lab, &motion.lab)?;
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

/// The two small pictures that everything is computed from: grey for the flow, and Lab at the maps' size. The source
/// is read once; both are made of the picture in between.
fn working_pictures(image: &Mat, sizes: &WorkingSizes) -> Result<(Mat, Mat)> {
    let base = area(image, sizes.base)?;
    let mut grey = Mat::default();
    imgproc::cvt_color_def(&base, &mut grey, imgproc::COLOR_BGR2GRAY)?;
    let mut lab = Mat::default();
    imgproc::cvt_color_def(&area(&base, sizes.map)?, &mut lab, imgproc::COLOR_BGR2Lab)?;
    Ok((area(&grey, sizes.flow)?, lab))
}

fn area(image: &Mat, size: Size) -> Result<Mat> {
    let mut out = Mat::default();
    imgproc::resize(image, &mut out, size, 0.0, 0.0, imgproc::INTER_AREA)?;
    Ok(out)
}
