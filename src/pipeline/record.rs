//! The record of a frame.

use super::regions::regions;
use super::stages::DrawnFrame;
use crate::Result;
use crate::frame::SaliencyMap;
use crate::sink::records::{FrameRecord, RegionsField};

/// The record of a frame.
///
/// # Errors
/// [`Error::OpenCv`](crate::Error::OpenCv) if OpenCV fails, which no valid map causes.
pub fn record(drawn: &DrawnFrame) -> Result<FrameRecord> {
    let DrawnFrame { index, time, maps, predictions, gradient, speed, timing, size, .. } = drawn;
    let said = predictions.first();
    let (static_mean, static_peak) = summary(&maps.static_)?;
    let (motion_mean, motion_peak) = summary(&maps.motion)?;
    let (fused_mean, fused_peak) = summary(&maps.fused)?;
    Ok(FrameRecord {
        index: *index,
        time: *time,
        class: said.map(|said| said.class),
        label: said.map(|said| said.label.clone()),
        probability: said.and_then(|said| said.probability),
        logit: said.and_then(|said| said.logit),
        gradient_mean: gradient.map(|gradient| gradient.mean),
        gradient_peak: gradient.map(|gradient| gradient.peak),
        static_mean,
        static_peak,
        motion_speed_mean: speed.map(|speed| speed.mean),
        motion_speed_peak: speed.map(|speed| speed.peak),
        motion_mean,
        motion_peak,
        fused_mean,
        fused_peak,
        fusion_weight: maps.motion_weight,
        cut: maps.cut,
        ms_decode: Some(timing.decode),
        ms_static: Some(timing.static_),
        ms_motion: Some(timing.motion),
        ms_fuse: Some(timing.fuse),
        ms_draw: Some(timing.draw),
        regions: RegionsField::List(regions(&maps.fused, *size)?),
    })
}

/// Mean and peak of a map.
fn summary(map: &SaliencyMap) -> Result<(f32, f32)> {
    let mut peak = 0.0;
    opencv::core::min_max_loc(&map.0, None, Some(&mut peak), None, None, &opencv::core::no_array())?;
    let mean = opencv::core::mean_def(&map.0)?;
    Ok((mean[0] as f32, peak as f32))
}
