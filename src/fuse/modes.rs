//! The ways to make one map of two.

use opencv::core::Mat;
use opencv::prelude::*;

use crate::Result;
use crate::choice::choices;
use crate::raster;

choices! {
    /// How the static map `s`, the motion map `m` and the motion's weight `w` (all 0..=1) make the fused map.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Fusion {
        /// What moves by itself where something does, and what the classifier looks at where nothing does.
        Adaptive = "adaptive",
        /// The stronger: `max(w m, s)`.
        Max = "max",
        /// The weighted mean: `(w m + s) / (w + 1)`.
        Mean = "mean",
        /// Only where both agree: `m s`.
        Product = "product",
        /// The static map alone: `s`.
        Static = "static",
        /// The motion map alone: `m`.
        Motion = "motion",
    }
}

/// Static saliency, motion and the motion's weight of one pixel to its fused saliency.
pub(super) type PixelRule = fn(s: f32, m: f32, w: f32) -> f32;

impl Fusion {
    /// The mode's formula; `None` for the adaptive one, which looks at more than a pixel.
    pub(super) fn pixel_rule(self) -> Option<PixelRule> {
        match self {
            Self::Adaptive => None,
            Self::Max => Some(|s, m, w| s.max(w * m)),
            Self::Mean => Some(|s, m, w| (w * m + s) / (w + 1.0)),
            Self::Product => Some(|s, m, _| m * s),
            Self::Static => Some(|s, _, _| s),
            Self::Motion => Some(|_, m, _| m),
        }
    }
}

/// Two `CV_32FC1` maps of one size, fused pixel by pixel.
pub(super) fn blend(rule: PixelRule, static_: &Mat, motion: &Mat, weight: f32) -> Result<Mat> {
    let mut fused = static_.try_clone()?;
    for (value, &m) in fused.data_typed_mut::<f32>()?.iter_mut().zip(raster::values(motion)?) {
        *value = rule(*value, m, weight);
    }
    Ok(fused)
}
