//! The gradient average: the classifier's gradient, averaged over time along the flow, turns speckle into objects. If
//! noise is added to some frames, the average is SmoothGrad (Smilkov et al. 2017), with its samples spread over the
//! clip.

use opencv::core::{CV_32F, Mat, Size};
use opencv::imgproc;
use opencv::prelude::*;

use super::flow_history::FlowHistory;
use crate::Result;
use crate::frame::Gradient;
use crate::raster;
use crate::raster::quantile::quantiles;

/// Blur of the raw gradient, in pixels of a picture 224 pixels long.
const SIGMA: f64 = 5.0;
const SIGMA_LENGTH: f64 = 224.0;
/// Default share of the average that remains from one frame to the next.
pub(super) const KEEP: f32 = 0.9;
/// Quantiles of the average that map to 0 and 1. Between 0.3 and 0.6, and 0.97 and 0.99, J stays within 0.007.
const RANGE: [f64; 2] = [0.5, 0.98];

/// Upper bound of the share of that range that remains from one frame to the next once the average has settled. The
/// quantiles of a shot jump by 2 % per frame, and by 5 to 12 % in one frame in twenty, which would be visible as
/// pumping.
const KEEP_RANGE: f32 = 0.8;

/// How far the upper quantile rises above the mean, in means, if one sample shows nothing but texture; more samples
/// average it away. Averages worth six samples reached 0.3 to 0.7 on textures, and 0.7 and more on photographs.
const TEXTURE: f32 = 1.2;
/// Rise beyond that at which the average certainly shows something.
const SURE: f32 = 0.15;

/// The running average; empty until the first gradient.
#[derive(Default)]
pub(super) struct GradientAverage {
    map: Option<Mat>,
    /// The values that map to 0 and to 1.
    range: Option<[f32; 2]>,
    /// Number of frames since the first gradient.
    age: i32,
    /// Index of the frame of the last gradient.
    last: u64,
    /// Whether the average includes a gradient of a noisy frame.
    smoothed: bool,
    /// Effective number of samples in the average: the inverse of the sum of their squared weights.
    samples: f32,
}

impl GradientAverage {
    /// Warps the average to the current frame, mixes in `gradient` (of this frame, or a late one of the same shot), and
    /// returns the average stretched to 0..=1; `None` before the first gradient. `smooth` is the share of the average
    /// that remains from one frame to the next, 0..=1. A gradient also counts for the frames since the previous one, so
    /// the average forgets at the same rate for any distance between key frames.
    pub(super) fn step(
        &mut self,
        gradient: Option<&Gradient>,
        trail: &FlowHistory,
        size: Size,
        smooth: f32,
    ) -> Result<Option<Mat>> {
        let carried = self.map.take().map(|map| trail.warp(&map)).transpose()?;
        // Exact gradients are rougher than smoothed ones, so they are used only until the first smoothed one arrives.
        let gradient = gradient.filter(|gradient| gradient.noisy || !self.smoothed);
        self.map = match gradient {
            Some(gradient) => match trail.warp_from(gradient.index, prepare(&gradient.map, size)?)? {
                Some(fresh) => Some(self.mixed(carried, fresh, gradient, smooth)?),
                None => carried,
            },
            None => carried,
        };
        let Some(map) = &self.map else { return Ok(None) };
        let now = quantiles(raster::values(map)?, RANGE);
        let keep = KEEP_RANGE.min(smooth) * (1.0 - smooth.powi(self.age));
        let range = self.range.map_or(now, |range| std::array::from_fn(|i| lerp(now[i], range[i], keep)));
        (self.range, self.age) = (Some(range), self.age.saturating_add(1));
        stretch(map, range).map(Some)
    }

    /// The `carried` average with a `fresh` gradient mixed in.
    fn mixed(&mut self, carried: Option<Mat>, fresh: Mat, gradient: &Gradient, smooth: f32) -> Result<Mat> {
        let gap = i32::try_from(gradient.index.saturating_sub(self.last)).unwrap_or(i32::MAX).max(1);
        let (keep, samples) = (smooth.powi(gap), gradient.samples.max(1) as f32);
        self.last = gradient.index;
        self.smoothed |= gradient.noisy;
        let Some(carried) = carried else {
            self.samples = samples;
            return Ok(fresh);
        };
        self.samples = 1.0 / (keep * keep / self.samples + (1.0 - keep) * (1.0 - keep) / samples);
        mix(carried, &fresh, keep)
    }

    /// How certain it is that the average shows more than a flat texture, whose gradient has no clear maximum: 0..=1.
    pub(super) fn distinct(&self) -> f32 {
        let above_mean = self.range.map_or(0.0, |[_, high]| high - 1.0);
        ((above_mean - TEXTURE / self.samples.sqrt()) / SURE).clamp(0.0, 1.0)
    }
}

/// The magnitude of a gradient, blurred, with a mean of 1, on the grid of the maps.
fn prepare(gradient: &Mat, size: Size) -> Result<Mat> {
    let mut magnitude = Mat::default();
    gradient.convert_to(&mut magnitude, CV_32F, 1.0, 0.0)?;
    for value in magnitude.data_typed_mut::<f32>()? {
        *value = if value.is_finite() { value.abs() } else { 0.0 };
    }
    // Use the longer side: speckle has the scale of the network's pixels, whatever part of its input the frame fills.
    let sigma = SIGMA * f64::from(magnitude.cols().max(magnitude.rows())) / SIGMA_LENGTH;
    let blurred = raster::blur(&magnitude, sigma)?;
    let mean = raster::mean(raster::values(&blurred)?).max(1e-12);
    let mut out = Mat::default();
    imgproc::resize(&blurred, &mut out, size, 0.0, 0.0, imgproc::INTER_LINEAR)?;
    out.data_typed_mut::<f32>()?.iter_mut().for_each(|value| *value /= mean);
    Ok(out)
}

fn mix(mut average: Mat, fresh: &Mat, keep: f32) -> Result<Mat> {
    for (value, fresh) in average.data_typed_mut::<f32>()?.iter_mut().zip(raster::values(fresh)?) {
        *value = lerp(*fresh, *value, keep);
    }
    Ok(average)
}

fn stretch(average: &Mat, [low, high]: [f32; 2]) -> Result<Mat> {
    let mut out = average.try_clone()?;
    for value in out.data_typed_mut::<f32>()? {
        *value = ((*value - low) / (high - low + 1e-9)).clamp(0.0, 1.0);
    }
    Ok(out)
}

fn lerp(from: f32, to: f32, part: f32) -> f32 {
    from + part * (to - from)
}
