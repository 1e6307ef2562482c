//! Chooses how a classifier runs: of the ways that the user leaves open the fastest one that is faithful, measured once
//! for a model, machine and library.

mod calibration;
mod candidate;
mod prepared;
mod store;
mod trial;

pub use calibration::pictures as calibration;
pub use candidate::{Candidate, candidates};
pub use prepared::Prepared;
pub use trial::{Measured, Trial};

use serde::{Deserialize, Serialize};

use self::trial::Reference;
use super::source::Compiled;
use super::{Classifier, Source};
use crate::model::runtime::{Device, Precision};
use crate::platform::machine::give_memory_back;
use crate::{Error, Result};
use onnx_grad::Method;

/// Where and how to compute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wish {
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

impl Wish {
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
pub struct Choice {
    /// The way.
    pub candidate: Candidate,
    /// What the user should know at every run.
    pub notes: Vec<String>,
    /// What was tried; nothing where there was no choice.
    pub trials: Vec<Trial>,
}

impl Choice {
    /// Opens the classifier in this way.
    ///
    /// # Errors
    /// Those of [`Source::compile`] and [`Compiled::open`].
    pub fn open(&self, source: &Source, method: &Method) -> Result<Classifier> {
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
/// Those of [`candidates`], [`Source::compile`] and [`Compiled::open`]. A device or precision that was asked for and
/// fails is an error, unless the wish allows a fallback.
pub fn choose(source: &Source, method: &Method, wish: &Wish, pictures: &[Vec<f32>]) -> Result<Choice> {
    match among_all(source, method, wish, pictures) {
        Err(error) if wish.fallback && wish.device.is_some() => {
            let free = Wish { device: None, precision: None, ..*wish };
            let mut choice = among_all(source, method, &free, pictures)?;
            choice.notes.insert(0, format!("{error}; taking {} instead (--fallback)", choice.candidate));
            Ok(choice)
        }
        found => found,
    }
}

fn among_all(source: &Source, method: &Method, wish: &Wish, pictures: &[Vec<f32>]) -> Result<Choice> {
    let candidates = candidates(wish)?;
    let reference = Candidate::reference(wish.threads);
    if candidates == [reference] {
        return Ok(Choice { candidate: reference, notes: Vec::new(), trials: Vec::new() });
    }
    let open = |candidate: &Candidate| compile(source, method, candidate)?.open(&candidate.options());
    let mut classifier = open(&reference)?;
    let expected = Reference::of(&mut classifier, pictures)?;
    let mut field = Field { pictures, expected, trials: Vec::new(), best: None, doubtful: None, problem: None };
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
        let several = Candidate { batch: FRAMES_AT_ONCE, ..best };
        let opened = open(&several);
        // A model may take one at a time only, whatever is asked of it.
        if opened.as_ref().map_or(true, |classifier| classifier.batch() == several.batch) {
            field.enter(several, opened);
        }
    }
    field.winner(wish)
}

/// The gradient model for a way to run it; of one that was kept, itself.
fn compile(source: &Source, method: &Method, candidate: &Candidate) -> Result<Compiled> {
    let is_card = matches!(candidate.device, Device::Cuda | Device::TensorRt);
    let batch = match method {
        Method::Sampled(_) if is_card => SAMPLES_AT_ONCE,
        _ => candidate.batch,
    };
    let batched = if batch > 1 { source.batched(batch) } else { None };
    batched.as_ref().unwrap_or(source).compile_as(candidate.variant, method.of_one_run())
}

/// The ways that were tried, and the best so far. No two are open at a time: each takes its memory.
struct Field<'a> {
    pictures: &'a [Vec<f32>],
    expected: Reference,
    trials: Vec<Trial>,
    best: Option<(f64, Candidate)>,
    /// One that works, but is not faithful.
    doubtful: Option<Candidate>,
    problem: Option<Error>,
}

impl Field<'_> {
    /// Tries a classifier that was opened as `candidate`.
    fn enter(&mut self, candidate: Candidate, opened: Result<Classifier>) {
        let measured = opened.and_then(|mut classifier| self.expected.measure(&mut classifier, self.pictures));
        let result = measured.map_err(|error| {
            let said = error.to_string();
            self.problem.get_or_insert(error);
            said
        });
        give_memory_back();
        let trial = Trial { candidate, result };
        let takes_part = |took| if candidate.batch > 1 { took / WORTH_WAITING } else { took };
        match trial.faithful().map(takes_part) {
            Some(took) if self.best.is_none_or(|(best, _)| took < best) => self.best = Some((took, candidate)),
            None if trial.result.is_ok() => self.doubtful = Some(candidate),
            _ => {}
        }
        self.trials.push(trial);
    }

    fn winner(self, wish: &Wish) -> Result<Choice> {
        let Self { trials, best, doubtful, problem, .. } = self;
        match (best, doubtful, problem) {
            (Some((_, candidate)), ..) => Ok(Choice { candidate, notes: Vec::new(), trials }),
            (None, Some(candidate), _) if wish.is_settled() => {
                let notes = trials.iter().map(Trial::to_string).collect();
                Ok(Choice { candidate, notes, trials })
            }
            (None, None, Some(error)) => Err(error),
            _ => {
                let said: Vec<_> = trials.iter().map(Trial::to_string).collect();
                Err(Error::Runtime(format!("{}; use --device cpu --precision f32", said.join("; "))))
            }
        }
    }
}
