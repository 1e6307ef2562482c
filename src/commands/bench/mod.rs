//! `salstream bench`: measures the speed of this machine, for each device and precision, and for a whole clip.

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
use crate::platform::temporary;
use crate::{Error, Result};
use onnx_grad::Method;

/// Numbers of frames from one gradient to the next, in the runs of a whole clip.
const KEY_FRAMES: [u64; 2] = [1, 4];

/// The configuration of a benchmark.
#[derive(Debug, Clone)]
pub struct BenchConfig {
    /// The run of a whole clip, if there is one; its model is [`model`](Self::model).
    pub clip: Option<RunConfig>,
    pub model: ModelRequest,
    /// Number of threads for the classifier, and for OpenCV, at least 1.
    pub threads: usize,
}

/// The results of a benchmark.
#[derive(Debug, Serialize)]
pub struct Report {
    /// The machine.
    pub machine: Machine,
    /// ONNX Runtime's version.
    pub onnxruntime: String,
    /// The model's name.
    pub model: String,
    /// The gradient of one picture, on each device and in each precision.
    pub gradients: Vec<GradientTime>,
    /// Devices that this build of ONNX Runtime does not support.
    pub absent: Vec<Device>,
    /// The runs of the whole clip; empty if no clip was given.
    pub clips: Vec<ClipTime>,
}

/// The time of one picture's gradient on one device.
#[derive(Debug, Serialize)]
pub struct GradientTime {
    /// The device, precision and form of the graph.
    #[serde(flatten)]
    pub candidate: ExecutionConfig,
    /// The minimum of several runs in milliseconds; `None` if it fails.
    pub milliseconds: Option<f64>,
    /// The minimum correlation of its smoothed maps with those of the CPU in f32.
    pub correlation: Option<f64>,
    /// Whether `--device auto` may use it: it gives the same top classes, and nearly the same maps.
    pub faithful: bool,
    /// Why it fails, if it does.
    pub problem: Option<String>,
}

/// A run of a whole clip, from file to file.
#[derive(Debug, Serialize)]
pub struct ClipTime {
    /// Number of frames from one gradient to the next.
    pub static_every: u64,
    /// Number of frames written.
    pub frames: u64,
    /// Wall time in seconds, without the start-up.
    pub seconds: f64,
    /// Frames per second.
    pub fps: f64,
    /// Mean milliseconds per frame of each stage, while the others run in parallel.
    pub stages: Timing,
    /// Model, device and precision.
    pub classifier: String,
}

/// Runs the benchmark; `None` if `stop` ended it early.
///
/// # Errors
/// [`Error::Usage`] for an unknown model or an unsuitable clip; all errors of opening the model and running the clip.
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

/// The model's name, and the times of its gradient on all devices of this machine.
fn gradients(config: &BenchConfig) -> Result<(String, Vec<GradientTime>)> {
    let OpenedModel { chosen, source, metadata } = model::open(&config.model)?;
    let (preprocessor, _) = metadata.preprocessor;
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

/// Runs the clip as a user would; `None` if the user stopped it.
fn clip(config: &BenchConfig, run: &RunConfig, static_every: u64, stop: &AtomicBool) -> Result<Option<ClipTime>> {
    let folder = temporary::system_folder().map_err(Error::io(std::env::temp_dir()))?;
    let key_frames = KeyFrames::new(StaticEvery::Frames(static_every), 1.0);
    let mut model = run.model.clone();
    model.classifier.model = config.model.clone();
    model.classifier.execution.threads = config.threads;
    model.several &= key_frames.are_all();
    model.classifier.execution.batches &= key_frames.are_all();
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
