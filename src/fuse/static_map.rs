//! The static map of one class, over time.

use opencv::core::{Mat, Size};
use opencv::prelude::*;

use super::FuseOptions;
use super::average::GradientAverage;
use super::raw::raw;
use super::trail::Trail;
use crate::Result;
use crate::frame::Gradient;
use crate::raster;

/// What is known of a class's gradient in the shot so far.
#[derive(Default)]
pub(super) struct StaticMap {
    average: GradientAverage,
    /// The last key frame's own gradient, where that is what is shown.
    raw: Option<Mat>,
}

/// The static map of one frame.
pub(super) struct Static {
    /// The average along the flow; `None` before the first gradient.
    pub known: Option<Mat>,
    /// What is drawn: the average, or the last key frame's own gradient; black where there is none yet.
    pub shown: Mat,
}

impl StaticMap {
    /// Goes on to the current frame, with a gradient where there is one.
    pub(super) fn step(
        &mut self,
        gradient: Option<&Gradient>,
        trail: &Trail,
        size: Size,
        options: FuseOptions,
    ) -> Result<Static> {
        let FuseOptions { raw: own, smooth, .. } = options;
        let known = self.average.step(gradient, trail, size, smooth)?;
        if let Some(gradient) = gradient.filter(|_| own) {
            self.raw = Some(raw(gradient, size)?);
        }
        let shown = if own { self.raw.as_ref() } else { known.as_ref() };
        let shown = shown.map_or_else(|| raster::zeros(size), |map| Ok(map.try_clone()?))?;
        Ok(Static { known, shown })
    }
}
