//! The static map of one class, over time.

use opencv::core::{Mat, Size};
use opencv::prelude::*;

use super::flow_history::FlowHistory;
use super::gradient_average::GradientAverage;
use super::guided::{FilterWindow, guided_filter};
use super::options::FuseOptions;
use super::raw::raw;
use crate::Result;
use crate::frame::{Features, Gradient};
use crate::raster;
use crate::raster::quantile::quantiles;

/// Window of the guided filter on the average. Twice the radius scores 0.02 higher on DAVIS, but blurs small objects on
/// a plain background.
const EDGES: FilterWindow = FilterWindow { radius: 12, epsilon: 1e-4 };
/// The quantile of the activation that maps to 1.
const FULL_ACTIVATION: f64 = 0.99;

/// What is known about a class's gradient in the shot so far.
#[derive(Default)]
pub(super) struct StaticMap {
    average: GradientAverage,
    /// Where the classifier last found the class, warped along the flow.
    activation: Option<Mat>,
    /// The last key frame's own gradient, if that is what is drawn.
    raw: Option<Mat>,
}

/// The static map of one frame.
pub(super) struct StaticFrame {
    /// The gradient average; `None` before the first gradient.
    pub known: Option<Mat>,
    /// The gradient average weighted by where the classifier finds the class; `None` if there is no activation.
    pub focused: Option<Mat>,
    /// How certain it is that the average shows more than a flat texture, 0..=1.
    pub distinct: f32,
    /// What is drawn: the average with the picture's edges, or the last key frame's own gradient; black if there is
    /// neither.
    pub shown: Mat,
}

impl StaticMap {
    /// Updates the map with the current frame, whose picture is `lab`, and its gradient, if any.
    pub(super) fn step(
        &mut self,
        gradient: Option<&Gradient>,
        trail: &FlowHistory,
        lab: &Mat,
        options: FuseOptions,
    ) -> Result<StaticFrame> {
        let size = lab.size()?;
        let FuseOptions { raw: own, smooth, .. } = options;
        let known = self.average.step(gradient, trail, size, smooth)?;
        if let Some(gradient) = gradient.filter(|_| own) {
            self.raw = Some(raw(gradient, size)?);
        }
        let shown = match (&known, &self.raw) {
            (_, Some(raw)) if own => raw.try_clone()?,
            (Some(known), _) if !own => guided_filter(lab, known, EDGES)?,
            _ => raster::zeros(size)?,
        };
        self.activation = self.activation.take().map(|map| trail.warp(&map)).transpose()?;
        if let Some((gradient, activation)) = gradient.and_then(|of| Some((of, of.activation.as_ref()?))) {
            self.activation = trail.warp_from(gradient.index, enlarged(activation, size)?)?.or(self.activation.take());
        }
        let focused = known.as_ref().zip(self.activation.as_ref());
        let focused = focused.map(|(known, activation)| product(known, activation)).transpose()?;
        Ok(StaticFrame { known, focused, distinct: self.average.distinct(), shown })
    }
}

/// A class activation map at the size of the maps, scaled to 0..=1.
fn enlarged(activation: &Features, size: Size) -> Result<Mat> {
    let coarse = Mat::new_rows_cols_with_data(activation.height as i32, activation.width as i32, &activation.values)?;
    let mut map = raster::enlarged(&coarse, size)?;
    let [full] = quantiles(raster::values(&map)?, [FULL_ACTIVATION]);
    map.data_typed_mut::<f32>()?.iter_mut().for_each(|value| *value = (*value / full.max(1e-9)).clamp(0.0, 1.0));
    Ok(map)
}

fn product(a: &Mat, b: &Mat) -> Result<Mat> {
    let mut out = a.try_clone()?;
    out.data_typed_mut::<f32>()?.iter_mut().zip(raster::values(b)?).for_each(|(a, b)| *a *= b);
    Ok(out)
}
