//! The ways to make one map of two.

use opencv::core::Mat;
use opencv::prelude::*;

use crate::Result;
use crate::motion::raster;

/// How the static map `s`, the motion map `m` and the motion's weight `w` (all 0..=1) make the fused map.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Fusion {
    /// Evidence of motion, gradient, border contrast, place, memory of colours and the past, summed as log odds.
    #[default]
    Adaptive,
    /// The stronger: `max(w m, s)`.
    Max,
    /// The weighted mean: `(w m + s) / (w + 1)`.
    Mean,
    /// Only where both agree: `m s`.
    Product,
    /// The static map alone: `s`.
    Static,
    /// The motion map alone: `m`.
    Motion,
}

impl Fusion {
    /// One pixel of the simple modes; the adaptive one looks at more than a pixel and falls back to the mean.
    fn pixel(self, s: f32, m: f32, w: f32) -> f32 {
        match self {
            Self::Max => s.max(w * m),
            Self::Adaptive | Self::Mean => (w * m + s) / (w + 1.0),
            Self::Product => m * s,
            Self::Static => s,
            Self::Motion => m,
        }
    }

    /// The fused map of the simple modes, from two `CV_32FC1` maps of one size.
    pub(super) fn blend(self, static_: &Mat, motion: &Mat, weight: f32) -> Result<Mat> {
        let mut fused = static_.try_clone()?;
        for (value, &m) in fused.data_typed_mut::<f32>()?.iter_mut().zip(raster::values(motion)?) {
            *value = self.pixel(*value, m, weight);
        }
        Ok(fused)
    }
}
