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

use self::trial::Reference;
use super::source::Compiled;
use super::{Classifier, Source};
use crate::grad::Method;
use crate::runtime::{Device, Precision};
use crate::{Error, Result};

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

/// An opened classifier, and how it came to run as it does.
pub struct Opened {
    /// The classifier.
    pub classifier: Classifier,
    /// How it runs.
    pub candidate: Candidate,
    /// What the user should know at every run.
    pub notes: Vec<String>,
    /// What was tried; nothing where there was no choice.
    pub trials: Vec<Trial>,
}

/// How many frames are computed at once, at most: they wait for each other, and every link before the classifier holds as many.
pub const FRAMES_AT_ONCE: usize = 4;
/// Part of one picture's time that a picture of several may take at most, to be worth their memory.
const WORTH_WAITING: f64 = 0.95;

/// How many samples a graphics card gets at a time; processors gain nothing from more than one.
const SAMPLES_AT_ONCE: usize = 8;

/// Opens the classifier for `method` in the fastest faithful way that `wish` leaves open; for a sampled method, with the
/// plain gradient, of several pictures where that pays. `pictures` are what it is tried on, as the network takes them.
///
/// # Errors
/// Those of [`candidates`], [`Source::compile`] and [`Compiled::open`]. A device or precision that was asked for and
/// fails is an error, unless the wish allows a fallback.
pub fn open(source: &Source, method: &Method, wish: &Wish, pictures: &[Vec<f32>]) -> Result<Opened> {
    match choose(source, method, wish, pictures) {
        Err(error) if wish.fallback && wish.device.is_some() => {
            let free = Wish { device: None, precision: None, ..*wish };
            let mut opened = choose(source, method, &free, pictures)?;
            opened.notes.insert(0, format!("{error}; taking {} instead (--fallback)", opened.candidate));
            Ok(opened)
        }
        found => found,
    }
}

fn choose(source: &Source, method: &Method, wish: &Wish, pictures: &[Vec<f32>]) -> Result<Opened> {
    let candidates = candidates(wish)?;
    let reference = Candidate::reference(wish.threads);
    let mut classifier = compile(source, method, &reference)?.open(&reference.options())?;
    if candidates == [reference] {
        return Ok(Opened { classifier, candidate: reference, notes: Vec::new(), trials: Vec::new() });
    }
    let expected = Reference::of(&mut classifier, pictures)?;
    let mut field = Field { pictures, expected, trials: Vec::new(), best: None, doubtful: None, problem: None };
    if candidates.contains(&reference) {
        field.enter(reference, Ok(classifier));
    } else {
        drop(classifier);
    }
    let open = |candidate: &Candidate| {
        compile(source, method, candidate).and_then(|compiled| compiled.open(&candidate.options()))
    };
    for candidate in candidates.into_iter().filter(|candidate| *candidate != reference) {
        field.enter(candidate, open(&candidate));
    }
    let best = field.best.as_ref().map(|(_, candidate, _)| *candidate);
    if let Some(best) = best.filter(|_| wish.batches && source.takes_batches()) {
        let several = Candidate { batch: FRAMES_AT_ONCE, ..best };
        let opened = open(&several);
        // A model may take one at a time only, whatever is asked of it.
        if opened.as_ref().map_or(true, |classifier| classifier.batch() == several.batch) {
            field.enter(several, opened);
        }
    }
    field.winner(wish)
}

/// Tries every way that `wish` leaves open.
///
/// # Errors
/// Those of [`candidates`]; those of the reference itself. What fails in another way is a trial that says so.
pub fn try_out(source: &Source, method: &Method, wish: &Wish, pictures: &[Vec<f32>]) -> Result<Vec<Trial>> {
    open(source, method, wish, pictures).map(|opened| opened.trials)
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

/// The ways that were tried, and the best so far.
struct Field<'a> {
    pictures: &'a [Vec<f32>],
    expected: Reference,
    trials: Vec<Trial>,
    best: Option<(f64, Candidate, Classifier)>,
    /// One that works, but is not faithful.
    doubtful: Option<(Candidate, Classifier)>,
    problem: Option<Error>,
}

impl Field<'_> {
    /// Tries a classifier that was opened as `candidate`.
    fn enter(&mut self, candidate: Candidate, opened: Result<Classifier>) {
        let measured = opened.and_then(|mut classifier| {
            let measured = self.expected.measure(&mut classifier, self.pictures)?;
            Ok((classifier, measured))
        });
        let (classifier, result) = match measured {
            Ok((classifier, measured)) => (Some(classifier), Ok(measured)),
            Err(error) => {
                let said = error.to_string();
                self.problem.get_or_insert(error);
                (None, Err(said))
            }
        };
        let trial = Trial { candidate, result };
        let takes_part = |took| if candidate.batch > 1 { took / WORTH_WAITING } else { took };
        match (classifier, trial.faithful().map(takes_part)) {
            (Some(classifier), Some(took)) if self.best.as_ref().is_none_or(|(best, ..)| took < *best) => {
                self.best = Some((took, candidate, classifier));
            }
            (Some(classifier), None) => self.doubtful = Some((candidate, classifier)),
            _ => {}
        }
        self.trials.push(trial);
    }

    fn winner(self, wish: &Wish) -> Result<Opened> {
        let Self { trials, best, doubtful, problem, .. } = self;
        if let Some((_, candidate, classifier)) = best {
            return Ok(Opened { classifier, candidate, notes: Vec::new(), trials });
        }
        match (doubtful, problem) {
            (Some((candidate, classifier)), _) if wish.is_settled() => {
                let notes = trials.iter().map(Trial::to_string).collect();
                Ok(Opened { classifier, candidate, notes, trials })
            }
            (None, Some(error)) => Err(error),
            _ => {
                let said: Vec<_> = trials.iter().map(Trial::to_string).collect();
                Err(Error::Runtime(format!("{}; use --device cpu --precision f32", said.join("; "))))
            }
        }
    }
}
