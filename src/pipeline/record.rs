//! The record of a frame.

use super::stages::DrawnFrame;
use crate::Result;
use crate::frame::SaliencyMap;
use crate::sink::records::FrameRecord;

/// The record of a frame.
///
/// # Errors
/// [`Error::OpenCv`](crate::Error::OpenCv) if OpenCV fails, which no valid map causes.
pub fn record(drawn: &DrawnFrame) -> Result<FrameRecord> {
    let DrawnFrame { index, time, maps, predictions, timing, .. } = drawn;
    let said = predictions.first();
    let (static_mean, static_peak) = summary(&maps.static_)?;
    let (motion_mean, motion_peak) = summary(&maps.motion)?;
    let (fused_mean, fused_peak) = summary(&maps.fused)?;
    Ok(FrameRecord {
        index: *index,
        time: *time,
        class: said.map(|said| said.class),
        label: said.map(|said| said.label.clone()),
        probability: said.map(|said| said.probability),
        static_mean,
        static_peak,
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
    })
}

/// Mean and peak of a map.
fn summary(map: &SaliencyMap) -> Result<(f32, f32)> {
    let mut peak = 0.0;
    opencv::core::min_max_loc(&map.0, None, Some(&mut peak), None, None, &opencv::core::no_array())?;
    let mean = opencv::core::mean_def(&map.0)?;
    Ok((mean[0] as f32, peak as f32))
}
