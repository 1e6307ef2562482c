//! `salstream run`: reads one input and writes one annotated result.

mod closing;
pub mod config;
mod notify_on_end;
mod outputs;
mod preview;
mod segment_window;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use opencv::core::{self, set_num_threads};

use crate::annotate::Annotator;
use crate::commands::run::config::RunConfig;
use crate::frame::{ClipEnd, Timing};
use crate::fuse::{FuseOptions, Fuser};
use crate::motion::MotionEstimator;
use crate::pipeline::channel::Receiver;
use crate::pipeline::frequent_class;
use crate::pipeline::regions::REGION_THRESHOLD;
use crate::pipeline::stages::{self, DrawnFrame, PipelineMode, PipelineStages};
use crate::reporting::progress::FrameProgress;
use crate::saliency::StaticSaliency;
use crate::source::{FrameSource, LateWarnings};
use crate::{Error, Result, source};
use notify_on_end::NotifyOnEnd;
use outputs::{RunOutputs, WrittenOutputs};
pub use preview::Preview;
pub use segment_window::{SegmentWindow, TimeSpan};

/// The result of a run.
#[derive(Debug)]
pub struct RunSummary {
    /// Number of frames written.
    pub frames: u64,
    /// Wall time of the pipeline in seconds, without the start-up.
    pub seconds: f64,
    /// Model, device and precision, such as `efficientnet-lite0 on openvino f32`.
    pub classifier: String,
    /// The result; `None` if the user stopped the run before the first frame or its result is discarded, or if a segment
    /// of a clip is damaged.
    pub output: Option<PathBuf>,
    /// A short overview of the clip, if a preview was requested.
    pub overview: Option<Preview>,
    /// The times of the result, if it is a segment of a clip.
    pub span: Option<TimeSpan>,
    /// Mean milliseconds per frame of each stage.
    pub timing: Timing,
    /// Whether the input was read to its end.
    pub ending: RunEnding,
    /// Notes for the user about this clip, one line each; not those about the classifier.
    pub notes: Vec<String>,
}

/// How the input of a run ended.
#[derive(Debug)]
pub enum RunEnding {
    /// All frames were read.
    Complete,
    /// The user stopped the run; the result has the finished frames.
    Interrupted,
    /// The rest could not be decoded; the result has the frames before.
    Broken(Error),
}

/// Runs the whole pipeline; `stop` ends it early, with a playable result.
///
/// # Errors
/// The root cause of the first failure.
pub fn run(config: &RunConfig, stop: &AtomicBool) -> Result<RunSummary> {
    set_num_threads(config.threads as i32)?;
    let clip = OpenedClip::open(config.clone())?;
    let mut static_saliency = StaticSaliency::open(&clip.config.model.clone().for_frames(clip.source.info().size))?;
    clip.process(&mut static_saliency, stop)?.finish()
}

/// An opened input, with outputs that have been checked.
pub struct OpenedClip {
    config: RunConfig,
    source: Box<dyn FrameSource>,
    annotator: Annotator,
}

impl OpenedClip {
    /// Opens the input of `config`. This does not set OpenCV's threads, because another clip may be in progress.
    ///
    /// # Errors
    /// Those of [`source::open`], and [`Error::Usage`] or [`Error::Output`] if outputs cannot or must not be written.
    pub fn open(config: RunConfig) -> Result<Self> {
        RunOutputs::check(&config)?;
        let options = config.window.map_or_else(|| config.source.clone(), |window| window.options(&config.source));
        let source = source::open(&config.input, &options)?;
        config.notes(source.warnings());
        let annotator = Annotator::new(config.style, source.info(), config.model.targets.len())?;
        Ok(Self { config, source, annotator })
    }

    /// Calls `read` when the last frame has been read, while the last frames are still being processed.
    pub fn watched(self, read: impl FnOnce() + Send + 'static) -> Self {
        Self { source: Box::new(NotifyOnEnd::new(self.source, read)), ..self }
    }

    /// Runs it through the pipeline. The classifier must be new, or restarted since the previous clip.
    ///
    /// # Errors
    /// The root cause of the first failure.
    pub fn process(self, static_saliency: &mut StaticSaliency, stop: &AtomicBool) -> Result<ProcessedClip> {
        let Self { config, source, annotator } = self;
        let info = source.info().clone();
        let (notes, late) = (source.warnings().to_vec(), source.late_warnings());
        let whole = || source::open(&config.input, &config.source);
        if static_saliency.needs_frequent_class() {
            frequent_class::survey(whole()?, static_saliency, stop)?;
        } else if config.window.is_some() && static_saliency.needs_first_class() {
            frequent_class::first(whole()?, static_saliency)?;
        }
        config.notes(static_saliency.notes());
        let classifier = static_saliency.name().to_owned();
        let mut outputs = RunOutputs::create(&config, &info, annotator.canvas())?;
        let stages = PipelineStages {
            source,
            static_saliency,
            mode: PipelineMode::Offline,
            key_frames: config.key_frames.clone(),
            motion: MotionEstimator::new(info.rate)?,
            fuser: Fuser::new(FuseOptions { still: info.frames == Some(1), ..config.fusion }),
        };
        let progress = FrameProgress::new(config.report, info.frames);
        let started = Instant::now();
        let ending = std::thread::scope(|scope| {
            let fused = stages.start(scope, stop)?;
            let drawn = stages::draw(scope, PipelineMode::Offline, annotator, config.preview.is_some(), fused)?;
            drain(&drawn, &mut outputs, &progress, config.window)
        });
        progress.clear();
        let DrainResult { ending, span, empty } = ending?;
        let ending = match ending {
            RunEnding::Complete if stop.load(Ordering::Relaxed) => RunEnding::Interrupted,
            ending => ending,
        };
        let is_read = matches!(ending, RunEnding::Complete) && config.window.is_none();
        let end = if is_read { info.end } else { ClipEnd::default() };
        Ok(ProcessedClip { config, outputs, progress, started, classifier, ending, span, empty, notes, late, end })
    }
}

/// A clip whose frames have been processed, but whose outputs are not complete yet. If it is dropped, they are removed.
pub struct ProcessedClip {
    config: RunConfig,
    outputs: RunOutputs,
    progress: FrameProgress,
    started: Instant,
    classifier: String,
    ending: RunEnding,
    span: Option<TimeSpan>,
    empty: u64,
    notes: Vec<String>,
    late: LateWarnings,
    /// Where the picture ends, if it was read to its end.
    end: ClipEnd,
}

impl ProcessedClip {
    /// Completes the outputs.
    ///
    /// # Errors
    /// Those of the outputs.
    pub fn finish(self) -> Result<RunSummary> {
        let Self { config, outputs, progress, started, classifier, ending, span, empty, mut notes, late, end } = self;
        let (frames, timing) = progress.totals();
        let (output, overview) = match ending {
            RunEnding::Interrupted if frames == 0 => (None, None),
            RunEnding::Interrupted if config.discard_interrupted => (None, None),
            // The segments after it would not follow on from a segment that ends early.
            RunEnding::Broken(_) if config.window.is_some() => (None, None),
            _ => {
                let WrittenOutputs { path, mut warnings, overview } = outputs.finish(end)?;
                warnings.extend(late());
                warnings.extend(note_on_empty(empty, frames));
                config.notes(&warnings);
                notes.extend(warnings);
                (Some(path), overview)
            }
        };
        let seconds = started.elapsed().as_secs_f64();
        let summary = RunSummary { frames, seconds, classifier, output, overview, span, timing, ending, notes };
        closing::say_closing(config.report, &summary);
        Ok(summary)
    }
}

/// The note about the share of frames in which nothing stands out, if it is 1 % or more.
fn note_on_empty(empty: u64, frames: u64) -> Option<String> {
    let percent = (100 * empty).checked_div(frames)?;
    (percent > 0).then(|| format!("nothing stood out in {percent} % of the frames: their fused maps stay below 0.5"))
}

/// The frames of a clip, as counted during the run.
struct DrainResult {
    ending: RunEnding,
    span: Option<TimeSpan>,
    /// Number of frames in which nothing stands out.
    empty: u64,
}

/// Writes every frame of the `window` that arrives. An input that breaks off after some frames is an ending, not an
/// error.
fn drain(
    drawn: &Receiver<DrawnFrame>,
    outputs: &mut RunOutputs,
    progress: &FrameProgress,
    window: Option<SegmentWindow>,
) -> Result<DrainResult> {
    let mut span: Option<TimeSpan> = None;
    let mut empty = 0;
    let ending = loop {
        match drawn.recv() {
            Ok(Some(drawn)) => {
                let time = drawn.time;
                if window.is_some_and(|window| !window.holds(time)) {
                    if let Some(span) = span.as_mut().filter(|_| window.is_some_and(|w| w.is_behind(time))) {
                        span.next.get_or_insert(time);
                    }
                    continue;
                }
                span.get_or_insert(TimeSpan { first: time, last: time, next: None }).last = time;
                let mut peak = 0.0;
                core::min_max_loc(&drawn.maps.fused.0, None, Some(&mut peak), None, None, &core::no_array())?;
                empty += u64::from(peak <= REGION_THRESHOLD);
                let timing = outputs.write(drawn)?;
                progress.frame(&timing);
            }
            Ok(None) => break RunEnding::Complete,
            Err(broken @ Error::Input { .. }) if span.is_some() => break RunEnding::Broken(broken),
            Err(error) => return Err(error),
        }
    };
    Ok(DrainResult { ending, span: span.filter(|_| window.is_some()), empty })
}
