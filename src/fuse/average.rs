//! The classifier's gradient, averaged along the flow over time: speckle becomes objects. Where some frames are seen with
//! noise, the average is SmoothGrad (Smilkov et al. 2017), with its samples spread over the clip.

use opencv::core::{CV_32F, Mat, Size};
use opencv::imgproc;
use opencv::prelude::*;

use super::trail::Trail;
use crate::Result;
use crate::frame::Gradient;
use crate::raster;
use crate::raster::quantile::quantiles;

/// Blur of the raw gradient, in pixels of a picture 224 pixels long.
const SIGMA: f64 = 5.0;
const SIGMA_LENGTH: f64 = 224.0;
/// Part of the average that stays from one frame to the next, unless the user says otherwise.
pub(super) const KEEP: f32 = 0.9;
/// Quantiles of the average that become 0 and 1. Lower ones from 0.3 to 0.6 and upper ones from 0.97 to 0.99 are as good.
const RANGE: [f64; 2] = [0.5, 0.98];

/// Part of that range that stays from one frame to the next, at most, once the average has settled: the quantiles of a
/// shot jump by 2 % a frame, and by 5 to 12 % on one frame in twenty, which would show as pumping.
const KEEP_RANGE: f32 = 0.8;

/// What stands out of the mean, in means, where one sample is of nothing but texture; more samples average it away.
/// Textures come to 1.1 at most, photographs to 1.6 at least.
const TEXTURE: f32 = 1.2;
/// What must stand out beyond that for something surely to be there.
const SURE: f32 = 0.15;

/// The running average; empty until the first gradient.
#[derive(Default)]
pub(super) struct GradientAverage {
    map: Option<Mat>,
    /// What becomes 0 and what becomes 1.
    range: Option<[f32; 2]>,
    /// Frames since the first gradient.
    age: i32,
    /// The frame of the last gradient.
    last: u64,
    /// Whether a gradient of a noisy frame is in the average.
    smoothed: bool,
    /// How many samples the average is worth: the inverse of the sum of their squared weights.
    samples: f32,
}

impl GradientAverage {
    /// Carries the average to the current frame, mixes in a gradient where there is one, be it of this frame or a late
    /// one of the same shot, and returns it stretched to 0..=1; `None` before the first gradient. `smooth` is the part
    /// of the average that stays from one frame to the next, 0..=1: a gradient counts for the frames since the one
    /// before it as well, so that the average forgets at the same pace whatever the distance of key frames.
    pub(super) fn step(
        &mut self,
        gradient: Option<&Gradient>,
        trail: &Trail,
        size: Size,
        smooth: f32,
    ) -> Result<Option<Mat>> {
        let carried = self.map.take().map(|map| trail.warp(&map)).transpose()?;
        // Exact gradients are rougher than smoothed ones: they only stand in until there is a smoothed one.
        let gradient = gradient.filter(|gradient| gradient.noisy || !self.smoothed);
        let fresh = match gradient {
            Some(gradient) => trail.warp_from(gradient.index, prepare(&gradient.map, size)?)?,
            None => None,
        };
        self.smoothed |= fresh.is_some() && gradient.is_some_and(|gradient| gradient.noisy);
        let index = gradient.filter(|_| fresh.is_some()).map_or(self.last, |gradient| gradient.index);
        let gap = i32::try_from(index.saturating_sub(self.last)).unwrap_or(i32::MAX).max(1);
        self.last = index;
        if let Some(gradient) = gradient.filter(|_| fresh.is_some()) {
            let (keep, more) = (smooth.powi(gap), gradient.samples.max(1) as f32);
            let worth = 1.0 / (keep * keep / self.samples + (1.0 - keep) * (1.0 - keep) / more);
            self.samples = if carried.is_some() { worth } else { more };
        }
        self.map = match (carried, fresh) {
            (Some(carried), Some(fresh)) => Some(mix(carried, &fresh, smooth.powi(gap))?),
            (carried, fresh) => carried.or(fresh),
        };
        let Some(map) = &self.map else { return Ok(None) };
        let now = quantiles(raster::values(map)?, RANGE);
        let keep = KEEP_RANGE.min(smooth) * (1.0 - smooth.powi(self.age));
        let range = self.range.map_or(now, |range| std::array::from_fn(|i| lerp(now[i], range[i], keep)));
        (self.range, self.age) = (Some(range), self.age.saturating_add(1));
        stretch(map, range).map(Some)
    }

    /// How surely the average shows more than a flat texture, whose gradient has no place where it is strongest: 0..=1.
    pub(super) fn distinct(&self) -> f32 {
        let above_mean = self.range.map_or(0.0, |[_, high]| high - 1.0);
        ((above_mean - TEXTURE / self.samples.max(1.0).sqrt()) / SURE).clamp(0.0, 1.0)
    }
}

/// The size of a gradient of either sign, blurred, of mean 1, on the maps' grid.
fn prepare(gradient: &Mat, size: Size) -> Result<Mat> {
    let mut magnitude = Mat::default();
    gradient.convert_to(&mut magnitude, CV_32F, 1.0, 0.0)?;
    for value in magnitude.data_typed_mut::<f32>()? {
        *value = if value.is_finite() { value.abs() } else { 0.0 };
    }
    // As wide as it is high: speckle is of the network's pixels, whatever part of its picture the frame fills.
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
