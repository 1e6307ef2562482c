//! The rules that fuse the static and the motion map.

use opencv::core::Mat;
use opencv::prelude::*;

use crate::Result;
use crate::choice::choices;
use crate::raster;

choices! {
    /// How the static map `s`, the motion map `m` and the motion weight `w` (all 0..=1) are fused.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Fusion {
        /// Moving objects if something moves, otherwise what the classifier looks at.
        Adaptive = "adaptive",
        /// The maximum: `max(w m, s)`.
        Max = "max",
        /// The weighted mean: `(w m + s) / (w + 1)`.
        Mean = "mean",
        /// The product, high only where both are: `m s`.
        Product = "product",
        /// Only the static map: `s`.
        Static = "static",
        /// Only the motion map: `m`.
        Motion = "motion",
    }
}

/// Maps the static saliency, motion and motion weight of a pixel to its fused saliency.
pub(super) type PixelRule = fn(s: f32, m: f32, w: f32) -> f32;

impl Fusion {
    /// The mode's formula; `None` for the adaptive mode, which uses more than one pixel.
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

/// Fuses two `CV_32FC1` maps of the same size pixel by pixel.
pub(super) fn blend(rule: PixelRule, static_: &Mat, motion: &Mat, weight: f32) -> Result<Mat> {
    let mut fused = static_.try_clone()?;
    for (value, &m) in fused.data_typed_mut::<f32>()?.iter_mut().zip(raster::values(motion)?) {
        *value = rule(*value, m, weight);
    }
    Ok(fused)
}
