//! Chooses how a classifier runs: of the ways that the user leaves open the fastest one that is faithful, measured once
//! for a model, machine and library.

mod calibration;
mod execution_config;
mod prepared;
mod store;
mod trial;

pub use calibration::pictures as calibration;
pub use execution_config::{ExecutionConfig, candidates};
pub use prepared::PreparedModel;
pub use trial::{TrialMeasurement, TrialResult};

use serde::{Deserialize, Serialize};

use self::trial::ReferenceRun;
use super::source::CompiledGradient;
use super::{Classifier, ModelSource};
use crate::model::runtime::{Device, Precision};
use crate::platform::machine::trim_heap;
use crate::{Error, Result};
use onnx_grad::Method;

/// Where and how to compute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExecutionRequest {
    /// The device; none takes the fastest that is faithful.
    pub device: Option<Device>,
    /// The arithmetic; none takes the fastest that is faithful.
    pub precision: Option<Precision>,
    /// Threads, at least 1.
    pub threads: usize,
    /// Whether another device may stand in for the one asked for, where that is missing or fails.
    pub fallback: bool,
    /// Whether several pictures may be computed at once, where that is faster.
    pub batches: bool,
}

impl ExecutionRequest {
    /// Whether there is anything to choose or to compare: ONNX Runtime's own kernels are what is compared with.
    pub fn is_open(&self) -> bool {
        self.device != Some(Device::Cpu)
    }

    /// Whether device and arithmetic are both asked for.
    fn is_settled(&self) -> bool {
        self.device == Some(Device::Cpu) || self.device.is_some() && self.precision.is_some()
    }
}

/// The way that was chosen, and why.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Selection {
    /// The way.
    pub candidate: ExecutionConfig,
    /// What the user should know at every run.
    pub notes: Vec<String>,
    /// What was tried; nothing where there was no choice.
    pub trials: Vec<TrialResult>,
}

impl Selection {
    /// Opens the classifier in this way.
    ///
    /// # Errors
    /// Those of [`ModelSource::compile`] and [`CompiledGradient::open`].
    pub fn open(&self, source: &ModelSource, method: &Method) -> Result<Classifier> {
        compile(source, method, &self.candidate)?.open(&self.candidate.options())
    }
}

/// How many frames are computed at once, at most: they wait for each other, and every link before the classifier holds as many.
pub const FRAMES_AT_ONCE: usize = 4;
/// Part of one picture's time that a picture of several may take at most, to be worth their memory.
const WORTH_WAITING: f64 = 0.95;

/// How many samples a graphics card gets at a time; processors gain nothing from more than one.
const SAMPLES_AT_ONCE: usize = 8;

/// Chooses the fastest faithful way that `wish` leaves open to run the classifier for `method`; for a sampled method, by the
/// plain gradient, of several pictures where that pays. `pictures` are what it is tried on, as the network takes them.
///
/// # Errors
/// Those of [`candidates`], [`ModelSource::compile`] and [`CompiledGradient::open`]. A device or precision that was asked for and
/// fails is an error, unless the wish allows a fallback.
pub fn choose(
    source: &ModelSource,
    method: &Method,
    wish: &ExecutionRequest,
    pictures: &[Vec<f32>],
) -> Result<Selection> {
    match among_all(source, method, wish, pictures) {
        Err(error) if wish.fallback && wish.device.is_some() => {
            let free = ExecutionRequest { device: None, precision: None, ..*wish };
            let mut choice = among_all(source, method, &free, pictures)?;
            choice.notes.insert(0, format!("{error}; taking {} instead (--fallback)", choice.candidate));
            Ok(choice)
        }
        found => found,
    }
}

fn among_all(
    source: &ModelSource,
    method: &Method,
    wish: &ExecutionRequest,
    pictures: &[Vec<f32>],
) -> Result<Selection> {
    let candidates = candidates(wish)?;
    let reference = ExecutionConfig::reference(wish.threads);
    if candidates == [reference] {
        return Ok(Selection { candidate: reference, notes: Vec::new(), trials: Vec::new() });
    }
    let open = |candidate: &ExecutionConfig| compile(source, method, candidate)?.open(&candidate.options());
    let mut classifier = open(&reference)?;
    let expected = ReferenceRun::of(&mut classifier, pictures)?;
    let mut field = CacheField { pictures, expected, trials: Vec::new(), best: None, doubtful: None, problem: None };
    if candidates.contains(&reference) {
        field.enter(reference, Ok(classifier));
    } else {
        drop(classifier);
    }
    for candidate in candidates.into_iter().filter(|candidate| *candidate != reference) {
        field.enter(candidate, open(&candidate));
    }
    if let Some((_, best)) = field.best
        && wish.batches
        && source.takes_batches()
    {
        let several = ExecutionConfig { batch: FRAMES_AT_ONCE, ..best };
        let opened = open(&several);
        // A model may take one at a time only, whatever is asked of it.
        if opened.as_ref().map_or(true, |classifier| classifier.batch() == several.batch) {
            field.enter(several, opened);
        }
    }
    field.winner(wish)
}

/// The gradient model for a way to run it; of one that was kept, itself.
fn compile(source: &ModelSource, method: &Method, candidate: &ExecutionConfig) -> Result<CompiledGradient> {
    let is_card = matches!(candidate.device, Device::Cuda | Device::TensorRt);
    let batch = match method {
        Method::Sampled(_) if is_card => SAMPLES_AT_ONCE,
        _ => candidate.batch,
    };
    let batched = if batch > 1 { source.batched(batch) } else { None };
    batched.as_ref().unwrap_or(source).compile_as(candidate.variant, method.of_one_run())
}

/// The ways that were tried, and the best so far. No two are open at a time: each takes its memory.
struct CacheField<'a> {
    pictures: &'a [Vec<f32>],
    expected: ReferenceRun,
    trials: Vec<TrialResult>,
    best: Option<(f64, ExecutionConfig)>,
    /// One that works, but is not faithful.
    doubtful: Option<ExecutionConfig>,
    problem: Option<Error>,
}

impl CacheField<'_> {
    /// Tries a classifier that was opened as `candidate`.
    fn enter(&mut self, candidate: ExecutionConfig, opened: Result<Classifier>) {
        let measured = opened.and_then(|mut classifier| self.expected.measure(&mut classifier, self.pictures));
        let result = measured.map_err(|error| {
            let said = error.to_string();
            self.problem.get_or_insert(error);
            said
        });
        trim_heap();
        let trial = TrialResult { candidate, result };
        let takes_part = |took| if candidate.batch > 1 { took / WORTH_WAITING } else { took };
        match trial.matches_reference().map(takes_part) {
            Some(took) if self.best.is_none_or(|(best, _)| took < best) => self.best = Some((took, candidate)),
            None if trial.result.is_ok() => self.doubtful = Some(candidate),
            _ => {}
        }
        self.trials.push(trial);
    }

    fn winner(self, wish: &ExecutionRequest) -> Result<Selection> {
        let Self { trials, best, doubtful, problem, .. } = self;
        match (best, doubtful, problem) {
            (Some((_, candidate)), ..) => Ok(Selection { candidate, notes: Vec::new(), trials }),
            (None, Some(candidate), _) if wish.is_settled() => {
                let notes = trials.iter().map(TrialResult::to_string).collect();
                Ok(Selection { candidate, notes, trials })
            }
            (None, None, Some(error)) => Err(error),
            _ => {
                let said: Vec<_> = trials.iter().map(TrialResult::to_string).collect();
                Err(Error::Runtime(format!("{}; use --device cpu --precision f32", said.join("; "))))
            }
        }
    }
}
