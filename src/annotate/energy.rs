//! The overall saliency of a frame, as one number per map.

use crate::Result;
use crate::frame::{Maps, SaliencyMap};

/// One frame's energies: the means of its maps, 0..=1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MapEnergy {
    /// Presentation timestamp in seconds.
    pub time: f64,
    /// Mean of the static map of the first explained class.
    pub static_: f64,
    /// Mean of the motion map.
    pub motion: f64,
    /// Mean of the fused map.
    pub fused: f64,
    /// Whether a cut lies before the frame.
    pub cut: bool,
}

impl MapEnergy {
    /// The energies of the frame at `time` seconds.
    ///
    /// # Errors
    /// [`Error::OpenCv`](crate::Error::OpenCv) if OpenCV fails, which no valid map causes.
    pub fn of(time: f64, maps: &Maps) -> Result<Self> {
        let mean = |map: &SaliencyMap| -> Result<f64> { Ok(opencv::core::mean_def(&map.0)?[0]) };
        let (static_, motion, fused) = (mean(&maps.static_)?, mean(&maps.motion)?, mean(&maps.fused)?);
        Ok(Self { time, static_, motion, fused, cut: maps.cut })
    }
}
