//! How salient a frame is as a whole, in one number a map.

use crate::Result;
use crate::frame::Maps;

/// One frame's energies: the means of its maps, 0..=1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Energy {
    /// Presentation time in seconds.
    pub time: f64,
    /// Mean of the static map, of the first class that is explained.
    pub static_: f64,
    /// Mean of the motion map.
    pub motion: f64,
    /// Whether a cut lies before the frame.
    pub cut: bool,
}

impl Energy {
    /// The energies of the frame at `time` seconds.
    ///
    /// # Errors
    /// [`Error::OpenCv`](crate::Error::OpenCv) where OpenCV refuses, which no valid map brings about.
    pub fn of(time: f64, maps: &Maps) -> Result<Self> {
        let static_ = opencv::core::mean_def(&maps.static_.0)?[0];
        let motion = opencv::core::mean_def(&maps.motion.0)?[0];
        Ok(Self { time, static_, motion, cut: maps.cut })
    }
}
