//! Checks whether a classifier's attribution can be trusted. Each check has a verdict.
//!
//! The checks are those of "Sanity Checks for Saliency Maps" (Adebayo et al. 2018) and the tests
//! that apply to any derivative.

mod checks;
mod differences;
mod explained;
mod maps;
mod rounding;
mod weights;

use serde::Serialize;

use crate::Result;
use crate::model::runtime::{Device, Precision, SessionOptions};
use crate::model::{self, Attribution, Classifier, CompiledGradient, ExecutionRequest, ModelSource};
use crate::saliency::Sampler;
use onnx_grad::Method;

/// The result of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// The attribution passes the check.
    Pass,
    /// The attribution fails the check.
    Fail,
    /// A known weakness of the method.
    Known,
    /// The check says nothing about this model or picture.
    Skipped,
}

/// One check.
#[derive(Debug, Clone, Serialize)]
pub struct VerifyCheck {
    /// The name of the check.
    pub name: &'static str,
    /// The measured value that decides the verdict.
    pub value: f64,
    /// The verdict.
    pub verdict: Verdict,
    /// A description of the measured value.
    pub detail: String,
}

impl std::fmt::Display for VerifyCheck {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let verdict = match self.verdict {
            Verdict::Pass => "pass",
            Verdict::Fail => "FAIL",
            Verdict::Known => "known weakness",
            Verdict::Skipped => "skipped",
        };
        write!(f, "{verdict}: {}: {}", self.name, self.detail)
    }
}

impl VerifyCheck {
    fn new(name: &'static str, value: f64, passes: bool, detail: String) -> Self {
        Self { name, value, verdict: if passes { Verdict::Pass } else { Verdict::Fail }, detail }
    }

    /// The same check, which says nothing for this reason.
    fn skipped(self, reason: &str) -> Self {
        Self { verdict: Verdict::Skipped, detail: reason.into(), ..self }
    }
}

/// A classifier and a method, as used by the checks.
pub(crate) struct CheckSubject {
    classifier: Classifier,
    sampler: Option<Sampler>,
}

impl CheckSubject {
    /// Opens the source on the CPU.
    fn open(source: &ModelSource, method: &Method, threads: usize) -> Result<Self> {
        let compiled = source.compile(Device::Cpu, method.of_one_run())?;
        Self::new(compiled, method, threads)
    }

    fn new(compiled: CompiledGradient, method: &Method, threads: usize) -> Result<Self> {
        let options = SessionOptions { device: Device::Cpu, precision: Precision::F32, threads };
        Ok(Self { classifier: compiled.open(&options)?, sampler: Sampler::of(method) })
    }

    /// What the gradient is the slope of.
    fn value(&self, found: &Attribution, class: usize) -> f64 {
        explained::value(&self.classifier, found, class)
    }

    fn run(&mut self, picture: &[f32], target: Option<usize>) -> Result<Attribution> {
        let found = self.classifier.run(picture, target)?;
        match &mut self.sampler {
            Some(sampler) => sampler.run(&mut self.classifier, picture, found),
            None => Ok(found),
        }
    }
}

/// Runs every check on a classifier. `found` is called with each result as it is ready.
///
/// `pictures` are the input tensors of two different images.
///
/// # Errors
/// Those of [`model::choose`] and [`ModelSource::compile`].
pub fn verify(
    source: ModelSource,
    method: &Method,
    wish: &ExecutionRequest,
    pictures: [&[f32]; 2],
    mut found: impl FnMut(VerifyCheck),
) -> Result<()> {
    let mut plain = CheckSubject::open(&source, &Method::Gradient, wish.threads)?;
    let rounds = source.graph().and_then(rounding::rounding_operator);
    let differences = differences::check(&mut plain, pictures[0], rounds.as_deref())?;
    let is_right = differences.verdict != Verdict::Fail;
    found(differences);
    let mut subject = CheckSubject::open(&source, method, wish.threads)?;
    found(checks::two_pictures(&mut plain, &mut subject, pictures)?);
    found(checks::two_classes(&mut subject, method, pictures[0])?);
    if let Some(check) = checks::completeness(&mut subject, method, pictures[0])? {
        found(check);
    }
    let weights = weights::randomised(&source, method, &mut subject, pictures[0], wish.threads)?;
    weights.map(|check| weights::judged(check, method, is_right)).into_iter().for_each(&mut found);
    if *method == Method::Gradient
        && let Ok(compiled) = source.compile(Device::Cpu, &Method::Guided)
    {
        let mut guided = CheckSubject::new(compiled, &Method::Guided, wish.threads)?;
        let check = weights::randomised(&source, &Method::Guided, &mut guided, pictures[0], wish.threads)?;
        check.into_iter().for_each(&mut found);
    }
    let choice = model::choose(&source, method, wish, &pictures.map(<[f32]>::to_vec))?;
    let mut chosen = choice.open(&source, method)?;
    found(checks::devices(&choice, &mut chosen, &mut subject.classifier, pictures[0])?);
    Ok(())
}
