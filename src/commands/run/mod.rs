//! `salstream run`: one input to one annotated result.

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
use crate::frame::Timing;
use crate::fuse::{FuseOptions, Fuser};
use crate::motion::MotionEstimator;
use crate::pipeline::channel::Receiver;
use crate::pipeline::frequent_class;
use crate::pipeline::stages::{self, DrawnFrame, PipelineMode, PipelineStages};
use crate::reporting::progress::FrameProgress;
use crate::saliency::{ModelConfig, StaticSaliency};
use crate::source::FrameSource;
use crate::{Error, Result, source};
use notify_on_end::NotifyOnEnd;
use outputs::{RunOutputs, WrittenOutputs};
pub use preview::Preview;
pub use segment_window::{SegmentWindow, TimeSpan};

/// Pixels of a frame, 1920 x 1080, up to which it may be chosen to explain several at once. A batch's worker chooses before
/// it knows its clips.
const MAX_BATCHED_PIXELS: i32 = 1920 * 1080;

/// What a run came to.
#[derive(Debug)]
pub struct RunSummary {
    /// Frames written.
    pub frames: u64,
    /// Wall time of the pipeline in seconds, start-up not counted.
    pub seconds: f64,
    /// Model, device and precision, such as `efficientnet-lite0 on openvino f32`.
    pub classifier: String,
    /// The result; `None` where the user stopped the run before the first frame, or it is to be whole and is not.
    pub output: Option<PathBuf>,
    /// The clip in short, where a glance was asked for.
    pub overview: Option<Preview>,
    /// What the result holds, where that is a piece of the clip.
    pub span: Option<TimeSpan>,
    /// Mean milliseconds a frame of each stage.
    pub timing: Timing,
    /// How the input ended.
    pub ending: RunEnding,
}

/// How a run's input ended.
#[derive(Debug)]
pub enum RunEnding {
    /// Every frame was read.
    Complete,
    /// The user stopped it; what was finished is in the result.
    Interrupted,
    /// The rest could not be decoded; what came before is in the result.
    Broken(Error),
}

/// Runs the whole pipeline; `stop` ends it early with a playable result.
///
/// # Errors
/// The root cause of what failed first.
pub fn run(config: &RunConfig, stop: &AtomicBool) -> Result<RunSummary> {
    set_num_threads(config.threads as i32)?;
    let clip = OpenedClip::open(config.clone())?;
    let mut static_saliency = StaticSaliency::open(&clip.model())?;
    clip.process(&mut static_saliency, stop)?.finish()
}

/// An opened input, whose outputs may be written.
pub struct OpenedClip {
    config: RunConfig,
    source: Box<dyn FrameSource>,
    annotator: Annotator,
}

impl OpenedClip {
    /// Opens what `config` names. OpenCV's threads are not set here, since another clip may be in work.
    ///
    /// # Errors
    /// Those of [`source::open`], and of outputs that cannot or must not be written.
    pub fn open(config: RunConfig) -> Result<Self> {
        RunOutputs::check(&config)?;
        let options = config.window.map_or(config.source, |window| window.options(&config.source));
        let source = source::open(&config.input, &options)?;
        config.notes(source.warnings());
        let annotator = Annotator::new(config.style, source.info(), config.model.targets.len())?;
        Ok(Self { config, source, annotator })
    }

    /// The classifier that suits its frames: several large ones at once take more memory than they save time.
    fn model(&self) -> ModelConfig {
        let mut model = self.config.model.clone();
        model.wish.batches &= self.source.info().size.area() <= MAX_BATCHED_PIXELS;
        model
    }

    /// Has `read` called when the last frame was read, while it and those before it are still in work.
    pub fn watched(self, read: impl FnOnce() + Send + 'static) -> Self {
        Self { source: Box::new(NotifyOnEnd::new(self.source, read)), ..self }
    }

    /// Runs it through the pipeline, with a classifier that has seen no other clip, or has been restarted since.
    ///
    /// # Errors
    /// The root cause of what failed first.
    pub fn process(self, static_saliency: &mut StaticSaliency, stop: &AtomicBool) -> Result<ProcessedClip> {
        let Self { config, source, annotator } = self;
        let info = source.info().clone();
        let whole = || source::open(&config.input, &config.source);
        if static_saliency.wants_survey() {
            frequent_class::survey(whole()?, static_saliency, stop)?;
        } else if config.window.is_some() && static_saliency.wants_first() {
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
        Ok(ProcessedClip { config, outputs, progress, started, classifier, ending, span, empty })
    }
}

/// A clip whose frames went through the pipeline; its results are not complete yet. Dropped, it leaves none.
pub struct ProcessedClip {
    config: RunConfig,
    outputs: RunOutputs,
    progress: FrameProgress,
    started: Instant,
    classifier: String,
    ending: RunEnding,
    span: Option<TimeSpan>,
    empty: u64,
}

impl ProcessedClip {
    /// Completes the results.
    ///
    /// # Errors
    /// Those of the outputs.
    pub fn finish(self) -> Result<RunSummary> {
        let Self { config, outputs, progress, started, classifier, ending, span, empty } = self;
        let (frames, timing) = progress.totals();
        let (output, overview) = match ending {
            RunEnding::Interrupted if frames == 0 => (None, None),
            RunEnding::Interrupted | RunEnding::Broken(_) if config.whole_only => (None, None),
            _ => {
                let WrittenOutputs { path, warnings, overview } = outputs.finish()?;
                config.notes(&warnings);
                config.notes(&note_on_empty(empty, frames).into_iter().collect::<Vec<_>>());
                (Some(path), overview)
            }
        };
        let seconds = started.elapsed().as_secs_f64();
        let summary = RunSummary { frames, seconds, classifier, output, overview, span, timing, ending };
        closing::say_closing(config.report, &summary);
        Ok(summary)
    }
}

/// Up to this value everywhere, a fused map shows nothing.
const MIN_VISIBLE: f64 = 0.5;

/// Says in how many of the frames nothing stands out, from one in a hundred on.
fn note_on_empty(empty: u64, frames: u64) -> Option<String> {
    let percent = (100 * empty).checked_div(frames)?;
    (percent > 0).then(|| format!("nothing stood out in {percent} % of the frames: their fused maps stay below 0.5"))
}

/// What came of a clip's frames.
struct DrainResult {
    ending: RunEnding,
    span: Option<TimeSpan>,
    /// Frames in which nothing stands out.
    empty: u64,
}

/// Writes every frame of the `window` that arrives. An input that breaks off after some frames is an ending, not an error.
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
                empty += u64::from(peak <= MIN_VISIBLE);
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
