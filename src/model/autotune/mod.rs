//! Chooses how a classifier runs: the fastest configuration that the user allows and that matches
//! the reference, measured once per model, machine and library.

mod calibration;
mod execution_config;
mod execution_request;
mod prepared;
mod store;
mod trial;

pub use calibration::pictures as calibration;
pub use execution_config::{ExecutionConfig, candidates};
pub use execution_request::ExecutionRequest;
pub use prepared::PreparedModel;
pub use store::CacheReport;
pub use trial::{TrialMeasurement, TrialResult};

use serde::{Deserialize, Serialize};

use self::trial::ReferenceRun;
use super::source::CompiledGradient;
use super::{Classifier, ModelSource};
use crate::model::runtime::Device;
use crate::platform::machine::trim_heap;
use crate::{Error, Result};
use onnx_grad::Method;

/// The chosen configuration, and the reason.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Selection {
    /// The chosen configuration.
    pub candidate: ExecutionConfig,
    /// Notes for the user, shown at every run.
    pub notes: Vec<String>,
    /// The configurations that were tried; empty if there was no choice.
    pub trials: Vec<TrialResult>,
}

impl Selection {
    /// The largest share of the time in which a trial waited for other programs.
    fn waiting(&self) -> f64 {
        let measured = self.trials.iter().filter_map(|trial| trial.result.as_ref().ok()?.waiting);
        measured.fold(0.0, f64::max)
    }

    /// Opens the classifier with this configuration.
    ///
    /// # Errors
    /// Those of [`ModelSource::compile`] and [`CompiledGradient::open`].
    pub fn open(&self, source: &ModelSource, method: &Method) -> Result<Classifier> {
        compile(source, method, &self.candidate)?.open(&self.candidate.options())
    }
}

/// The largest number of frames computed at once. They wait for each other, and every channel
/// before the classifier holds this many.
pub const FRAMES_AT_ONCE: usize = 4;
/// A batch is worth its memory only if the time per image is at most this fraction of the time of a
/// single image.
const WORTH_WAITING: f64 = 0.95;

/// The number of samples that a GPU computes at once. CPUs gain nothing from more than one.
const SAMPLES_AT_ONCE: usize = 8;

/// Chooses the fastest configuration that `wish` allows and that matches the reference for
/// `method`. A sampled method is measured by its plain gradient, in batches if that is faster.
/// `pictures` are the input tensors to measure with.
///
/// # Errors
/// Those of [`candidates`], [`ModelSource::compile`] and [`CompiledGradient::open`]. If a requested
/// device or precision fails, that is an error unless `wish` allows a fallback.
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
            choice.notes.insert(0, format!("{error}; using {} instead (--fallback)", choice.candidate));
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
        // Some models take only one image at a time, even if a larger batch was requested.
        if opened.as_ref().map_or(true, |classifier| classifier.batch() == several.batch) {
            field.enter(several, opened);
        }
    }
    field.winner(wish)
}

/// The gradient model for a configuration. A cached gradient model is used as it is.
fn compile(source: &ModelSource, method: &Method, candidate: &ExecutionConfig) -> Result<CompiledGradient> {
    let is_card = matches!(candidate.device, Device::Cuda | Device::TensorRt);
    let batch = match method {
        Method::Sampled(_) if is_card => SAMPLES_AT_ONCE,
        _ => candidate.batch,
    };
    let batched = if batch > 1 { source.batched(batch) } else { None };
    batched.as_ref().unwrap_or(source).compile_as(candidate.variant, method.of_one_run())
}

/// The configurations tried so far, and the best one. Only one session is open at a time, because
/// each needs its memory.
struct CacheField<'a> {
    pictures: &'a [Vec<f32>],
    expected: ReferenceRun,
    trials: Vec<TrialResult>,
    best: Option<(f64, ExecutionConfig)>,
    /// A configuration that works but does not match the reference.
    doubtful: Option<ExecutionConfig>,
    problem: Option<Error>,
}

impl CacheField<'_> {
    /// Measures a classifier that was opened as `candidate`.
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
