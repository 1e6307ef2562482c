//! Hard cuts: the colours change, and the warped detail of the previous frame does not match the current frame.
//!
//! A moving camera keeps most colours, and a flash or a fade keeps the detail; only a cut changes both.

use opencv::core::{self, CV_32F, Mat, Vec3b};
use opencv::prelude::*;

use crate::Result;
use crate::frame::Flow;
use crate::raster;
use crate::raster::warp::FlowWarp;

/// Histogram bins along L, a and b, and the range of the chroma bins, centred on grey.
const BINS: [usize; 3] = [8, 12, 12];
const CHROMA_SPAN: f32 = 100.0;
/// Share of the pixels whose colours must change before the detail is compared. Frames of one shot reached at most
/// 0.06.
const COLOURS_CHANGED: f32 = 0.08;
/// Detail that must be lost, as 1 minus its correlation. Frames of one shot reached 0.1, or 0.6 when four frames apart;
/// most flashes, 0.2; frames of different shots, 0.7 and more.
const DETAIL_LOST: f32 = 0.5;
/// Minimum sum of both measures. Frames of one shot reached 0.15, or 0.74 when four frames apart.
const BOTH: f32 = 0.8;
/// Sigma, in pixels, of the Gaussian that separates detail (what the blur removes) from the rest.
const DETAIL: f64 = 6.0;

/// Whether the frame `current` belongs to another shot than `previous` (both 8-bit Lab of the same size), given the
/// backward flow between them.
pub(super) fn is_cut(previous: &Mat, current: &Mat, flow: &Flow) -> Result<bool> {
    let colours = colours_changed(previous, current)?;
    if colours < COLOURS_CHANGED {
        return Ok(false);
    }
    let detail = detail_lost(previous, current, flow)?;
    Ok(detail > DETAIL_LOST && colours + detail > BOTH)
}

/// Whether the colours alone rule out a cut between the two frames.
pub(super) fn is_same_shot(previous: &Mat, current: &Mat) -> Result<bool> {
    Ok(colours_changed(previous, current)? < COLOURS_CHANGED)
}

/// Share of the pixels, 0..=1, whose colours have no counterpart in the other picture's histogram.
fn colours_changed(previous: &Mat, current: &Mat) -> Result<f32> {
    let (before, now) = (histogram(previous)?, histogram(current)?);
    let shared: u32 = before.iter().zip(&now).map(|(a, b)| a.min(b)).sum();
    Ok(1.0 - shared as f32 / current.total().max(1) as f32)
}

fn histogram(lab: &Mat) -> Result<Vec<u32>> {
    let chroma = |v: u8, bins: usize| {
        let place = ((f32::from(v) - 128.0) / CHROMA_SPAN + 0.5).clamp(0.0, 0.999);
        (place * bins as f32) as usize
    };
    let mut counts = vec![0; BINS.iter().product()];
    for pixel in lab.data_typed::<Vec3b>()? {
        let lightness = usize::from(pixel[0]) * BINS[0] / 256;
        counts[(lightness * BINS[1] + chroma(pixel[1], BINS[1])) * BINS[2] + chroma(pixel[2], BINS[2])] += 1;
    }
    Ok(counts)
}

/// 1 minus the correlation between the lightness detail of the previous frame, warped along the flow, and of the
/// current frame.
fn detail_lost(previous: &Mat, current: &Mat, flow: &Flow) -> Result<f32> {
    let carried = detail(&FlowWarp::along(flow)?.apply(previous)?)?;
    let current = detail(current)?;
    let (mut both, mut first, mut second) = (0.0f64, 0.0f64, 0.0f64);
    for (&a, &b) in raster::values(&carried)?.iter().zip(raster::values(&current)?) {
        let (a, b) = (f64::from(a), f64::from(b));
        (both, first, second) = (both + a * b, first + a * a, second + b * b);
    }
    Ok(1.0 - (both / (first * second).sqrt().max(1e-9)) as f32)
}

fn detail(lab: &Mat) -> Result<Mat> {
    let mut lightness = Mat::default();
    core::extract_channel(lab, &mut lightness, 0)?;
    let mut fine = Mat::default();
    lightness.convert_to(&mut fine, CV_32F, 1.0, 0.0)?;
    let coarse = raster::blur(&fine, DETAIL)?;
    let coarse = raster::values(&coarse)?;
    fine.data_typed_mut::<f32>()?.iter_mut().zip(coarse).for_each(|(fine, coarse)| *fine -= coarse);
    Ok(fine)
}
