//! `salstream reframe`: crops a clip to another aspect, along what is salient. The first pass makes the maps and finds the
//! path of the window; the second one crops.

pub mod config;
mod outputs;
mod picture;
mod report;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use opencv::core::set_num_threads;

use self::config::ReframeConfig;
use self::outputs::ReframeOutputs;
use self::picture::PictureMaker;
pub use self::report::ReframeSummary;
use crate::frame::{ClipEnd, Timing, VideoInfo};
use crate::fuse::{FuseOptions, Fuser};
use crate::motion::MotionEstimator;
use crate::pipeline::frequent_class;
use crate::pipeline::stages::{FusedFrame, PipelineMode, PipelineStages, milliseconds};
use crate::reframe::{CameraPath, PathPlanner, PlanOptions};
use crate::reporting::progress::FrameProgress;
use crate::saliency::StaticSaliency;
use crate::source::FrameSource;
use crate::{Error, Result, source};

/// Reframes the input. `stop` ends it early: in the first pass without a result, in the second one with a playable one.
///
/// # Errors
/// The root cause of the first failure.
pub fn reframe(config: &ReframeConfig, stop: &AtomicBool) -> Result<ReframeSummary> {
    set_num_threads(config.threads as i32)?;
    ReframeOutputs::check(config)?;
    let source = source::open(&config.input, &config.source)?;
    config.report.notes(source.warnings());
    let info = source.info().clone();
    let started = Instant::now();
    let mut static_saliency = StaticSaliency::open(&config.model.clone().for_frames(info.size))?;
    config.report.notes(static_saliency.notes());
    let path = plan(config, source, &mut static_saliency, stop)?;
    if stop.load(Ordering::Relaxed) {
        return Err(Error::Interrupted);
    }
    let (frames, broken, output, mut notes) = crop(config, &info, &path, stop)?;
    notes.extend(report::notes(config, &path));
    config.report.notes(&notes);
    let seconds = started.elapsed().as_secs_f64();
    let classifier = static_saliency.name().to_owned();
    let summary =
        ReframeSummary { frames, seconds, classifier, output, broken, interrupted: stop.load(Ordering::Relaxed) };
    report::say_closing(config.report, &path, &summary);
    Ok(summary)
}

/// The first pass: the path of the window through all frames that can be read.
fn plan(
    config: &ReframeConfig,
    source: Box<dyn FrameSource>,
    static_saliency: &mut StaticSaliency,
    stop: &AtomicBool,
) -> Result<CameraPath> {
    let info = source.info().clone();
    if static_saliency.needs_frequent_class() {
        frequent_class::survey(source::open(&config.input, &config.source)?, static_saliency, stop)?;
    }
    let window = config.aspect.window(info.size, config.zoom);
    let options = PlanOptions { picture: info.size, window, safe_area: config.safe_area, fps: info.rate.fps() };
    let mut planner = PathPlanner::new(options);
    let stages = PipelineStages {
        source,
        static_saliency,
        mode: PipelineMode::Offline,
        key_frames: config.key_frames.clone(),
        motion: MotionEstimator::new(info.rate)?,
        fuser: Fuser::new(FuseOptions { still: info.frames == Some(1), ..config.fusion }),
    };
    let progress = FrameProgress::new(config.report, info.frames);
    let read = std::thread::scope(|scope| {
        let fused = stages.start(scope, stop)?;
        let mut is_first = true;
        loop {
            match fused.recv() {
                Ok(Some(FusedFrame { frame, maps, timing, .. })) => {
                    planner.push(&maps.fused, frame.time, maps.cut)?;
                    progress.frame(&timing);
                    is_first = false;
                }
                Ok(None) => return Ok(()),
                // The second pass meets the damage again, and reports it.
                Err(Error::Input { .. }) if !is_first => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    });
    progress.clear();
    read?;
    planner.finish()
}

/// Number of frames written, the error that ended the input, the result's name, and notes for the user.
type Cropped = (u64, Option<Error>, std::path::PathBuf, Vec<String>);

/// The second pass: writes every frame.
fn crop(config: &ReframeConfig, info: &VideoInfo, path: &CameraPath, stop: &AtomicBool) -> Result<Cropped> {
    let mut source = source::open(&config.input, &config.source)?;
    let maker = PictureMaker::new(config, path);
    let mut outputs = ReframeOutputs::create(config, info, maker.canvas())?;
    let progress = FrameProgress::new(config.report, Some(path.frames.len() as u64));
    let mut broken = None;
    for frame_window in &path.frames {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let started = Instant::now();
        let frame = match source.read() {
            Ok(Some(frame)) => frame,
            Ok(None) => break,
            Err(error @ Error::Input { .. }) => {
                broken = Some(error);
                break;
            }
            Err(error) => return Err(error),
        };
        let decode = milliseconds(started);
        let drawing = Instant::now();
        let picture = maker.draw(frame.image, frame_window)?;
        let draw = milliseconds(drawing);
        let writing = Instant::now();
        outputs.write(picture, frame.time)?;
        progress.frame(&Timing { decode, draw, write: milliseconds(writing), ..Timing::default() });
    }
    progress.clear();
    let (frames, _) = progress.totals();
    // Whether the input is whole shows behind its last frame.
    if broken.is_none() && frames == path.frames.len() as u64 {
        match source.read() {
            Ok(_) => {}
            Err(error @ Error::Input { .. }) => broken = Some(error),
            Err(error) => return Err(error),
        }
    }
    let is_read = broken.is_none() && !stop.load(Ordering::Relaxed);
    let (output, mut notes) =
        outputs.finish(config, path, info, if is_read { info.end } else { ClipEnd::default() })?;
    notes.extend(source.late_warnings()());
    Ok((frames, broken, output, notes))
}
