//! `salstream bench`: how fast this machine is, on each device and in each arithmetic, and with a whole clip.

mod table;

use std::sync::atomic::AtomicBool;

use serde::Serialize;

use crate::commands::run::config::RunConfig;
use crate::commands::run::{self, RunEnding};
use crate::frame::Timing;
use crate::model::runtime::{Device, Runtime};
use crate::model::{self, ExecutionConfig, ExecutionRequest, ModelRequest, OpenedModel};
use crate::pipeline::keyframes::{KeyFrames, StaticEvery};
use crate::platform::machine::Machine;
use crate::{Error, Result};
use onnx_grad::Method;

/// Frames from one gradient to the next, in the runs of a whole clip.
const KEY_FRAMES: [u64; 2] = [1, 4];

/// What a benchmark needs to know.
#[derive(Debug, Clone)]
pub struct BenchConfig {
    /// The run of a clip as a whole, if there is one; its model is [`model`](Self::model).
    pub clip: Option<RunConfig>,
    /// The model.
    pub model: ModelRequest,
    /// Threads for the classifier and OpenCV, each, at least 1.
    pub threads: usize,
}

/// What this machine does.
#[derive(Debug, Serialize)]
pub struct Report {
    /// The machine.
    pub machine: Machine,
    /// ONNX Runtime's version.
    pub onnxruntime: String,
    /// The model's name.
    pub model: String,
    /// Each way to compute the gradient of one picture.
    pub gradients: Vec<GradientTime>,
    /// Devices that this build of ONNX Runtime has no code for.
    pub absent: Vec<Device>,
    /// The clip as a whole; nothing where none was given.
    pub clips: Vec<ClipTime>,
}

/// The gradient of one picture in one way.
#[derive(Debug, Serialize)]
pub struct GradientTime {
    /// The way.
    #[serde(flatten)]
    pub candidate: ExecutionConfig,
    /// The least milliseconds of some runs; none where it fails.
    pub milliseconds: Option<f64>,
    /// The least correlation of its smoothed maps with those of the CPU in f32.
    pub correlation: Option<f64>,
    /// Whether `--device auto` may take it: the same top classes, and nearly the same maps.
    pub faithful: bool,
    /// Why it fails, where it does.
    pub problem: Option<String>,
}

/// A clip's run from file to file.
#[derive(Debug, Serialize)]
pub struct ClipTime {
    /// Frames from one gradient to the next.
    pub static_every: u64,
    /// Frames written.
    pub frames: u64,
    /// Wall time in seconds, start-up not counted.
    pub seconds: f64,
    /// Frames a second.
    pub fps: f64,
    /// Mean milliseconds a frame of each stage, while the others run beside it.
    pub stages: Timing,
    /// Model, device and precision.
    pub classifier: String,
}

/// Measures; `stop` ends it early, with nothing.
///
/// # Errors
/// [`Error::Usage`] for an unknown model or an unfit clip; whatever opening the model and running the clip may fail by.
pub fn bench(config: &BenchConfig, stop: &AtomicBool) -> Result<Option<Report>> {
    let runtime = Runtime::get()?;
    let (model, gradients) = gradients(config)?;
    let mut clips = Vec::new();
    if let Some(run) = &config.clip {
        for static_every in KEY_FRAMES {
            match clip(config, run, static_every, stop)? {
                Some(time) => clips.push(time),
                None => return Ok(None),
            }
        }
    }
    Ok(Some(Report {
        machine: Machine::this(),
        onnxruntime: runtime.version(),
        model,
        gradients,
        absent: Device::ALL.into_iter().filter(|device| !runtime.has(*device)).collect(),
        clips,
    }))
}

/// The model's name, and its gradient in every way that this machine has.
fn gradients(config: &BenchConfig) -> Result<(String, Vec<GradientTime>)> {
    let OpenedModel { chosen, source, card } = model::open(&config.model)?;
    let (preprocessor, _) = card.preprocessor;
    let layout = source.facts()?.layout;
    let pictures = model::calibration(&preprocessor, source.input_size()?, layout)?;
    let wish =
        ExecutionRequest { device: None, precision: None, threads: config.threads, fallback: false, batches: true };
    let trials = model::choose(&source, &Method::Gradient, &wish, &pictures)?.trials;
    let time = |trial: model::TrialResult| GradientTime {
        candidate: trial.candidate,
        milliseconds: trial.result.as_ref().ok().map(|found| found.milliseconds),
        correlation: trial.result.as_ref().ok().map(|found| found.correlation),
        faithful: trial.matches_reference().is_some(),
        problem: trial.result.err(),
    };
    Ok((chosen.name, trials.into_iter().map(time).collect()))
}

/// Runs the clip as a user would; none where the user stopped it.
fn clip(config: &BenchConfig, run: &RunConfig, static_every: u64, stop: &AtomicBool) -> Result<Option<ClipTime>> {
    let folder = std::env::temp_dir();
    let folder = tempfile::tempdir_in(&folder).map_err(Error::io(&folder))?;
    let key_frames = KeyFrames::new(StaticEvery::Frames(static_every), 1.0);
    let mut model = run.model.clone();
    (model.name, model.card) = (config.model.name.clone(), config.model.card.clone());
    model.wish.threads = config.threads;
    model.several &= key_frames.are_all();
    model.wish.batches &= key_frames.are_all();
    let run = RunConfig { output: folder.path().join("bench.mp4"), key_frames, model, ..run.clone() };
    let summary = run::run(&run, stop)?;
    match summary.ending {
        RunEnding::Interrupted => Ok(None),
        RunEnding::Broken(error) => Err(error),
        RunEnding::Complete => Ok(Some(ClipTime {
            static_every,
            frames: summary.frames,
            seconds: summary.seconds,
            fps: summary.frames as f64 / summary.seconds,
            stages: summary.timing,
            classifier: summary.classifier,
        })),
    }
}
