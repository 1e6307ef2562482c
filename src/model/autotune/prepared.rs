//! A classifier before its session is opened: with its cached choice, or to be measured.

use std::fs::File;

use super::store::CacheEntry;
use super::{ExecutionConfig, ExecutionRequest, Selection, TrialResult, calibration, candidates, choose, compile};
use crate::Result;
use crate::model::catalog::ResolvedModel;
use crate::model::load::load;
use crate::model::source::CompiledGradient;
use crate::model::{Classifier, ModelSource, Preprocessor};
use onnx_grad::Method;
use onnx_grad::Request;

/// A classifier that is ready to be opened.
pub struct PreparedModel {
    /// Its own file, or the cached gradient model.
    pub source: ModelSource,
    wish: ExecutionRequest,
    state: PreparedState,
}

enum PreparedState {
    /// The user leaves no choice open.
    Settled,
    /// The choice is cached.
    Kept(Selection),
    /// The choice must be measured. Other processes wait while the lock file is open.
    New(CacheEntry, Option<File>),
}

impl PreparedModel {
    /// Finds the cached choice for `chosen`, unless `remeasure` is set; otherwise reads its file.
    /// `method` is that of one run, and `sampled` tells whether an image takes many runs.
    ///
    /// # Errors
    /// Those of [`ModelSource::load`] and [`candidates`]. [`Error::Io`](crate::Error::Io) if the model cannot be
    /// read.
    pub fn new(
        chosen: &ResolvedModel,
        request: &Request,
        method: &Method,
        sampled: bool,
        wish: ExecutionRequest,
        remeasure: bool,
    ) -> Result<Self> {
        if !wish.is_open() {
            candidates(&wish)?;
            return Ok(Self { source: load(chosen, request)?, wish, state: PreparedState::Settled });
        }
        if !chosen.path.is_file() {
            // `load` returns the error that explains why; hashing a device file would never end.
            load(chosen, request)?;
        }
        let place = CacheEntry::of(chosen, request, method, sampled, &wish)?;
        let kept = || if remeasure { None } else { place.kept() };
        if let Some((choice, source)) = kept() {
            return Ok(Self { source, wish, state: PreparedState::Kept(choice) });
        }
        let lock = place.lock();
        // Another process may have measured while this one waited for the lock.
        Ok(match kept() {
            Some((choice, source)) => Self { source, wish, state: PreparedState::Kept(choice) },
            None => Self { source: load(chosen, request)?, wish, state: PreparedState::New(place, lock) },
        })
    }

    /// Opens it for `method`, and caches the choice.
    ///
    /// # Errors
    /// Those of [`choose`] and [`CompiledGradient::open`]. A cache that cannot be written only adds
    /// a note.
    pub fn open(
        self,
        chosen: &ResolvedModel,
        method: &Method,
        preprocessor: &Preprocessor,
    ) -> Result<(Classifier, Selection)> {
        let Self { source, wish, state } = self;
        let compiled =
            |choice: Selection| compile(&source, method, &choice.candidate).map(|compiled| (choice, compiled));
        let (choice, compiled) = match state {
            PreparedState::Settled => {
                let candidate = ExecutionConfig::reference(wish.threads);
                compiled(Selection { candidate, notes: source.notes().to_vec(), trials: Vec::new() })?
            }
            PreparedState::Kept(choice) => compiled(choice)?,
            PreparedState::New(place, _lock) => measured(&source, chosen, method, preprocessor, &wish, &place)?,
        };
        // Free the weights before the session allocates its memory.
        drop(source);
        Ok((compiled.open(&choice.candidate.options())?, choice))
    }
}

/// Measures, and caches the choice at `place`.
fn measured(
    source: &ModelSource,
    chosen: &ResolvedModel,
    method: &Method,
    preprocessor: &Preprocessor,
    wish: &ExecutionRequest,
    place: &CacheEntry,
) -> Result<(Selection, CompiledGradient)> {
    let pictures = calibration(preprocessor, source.input_size()?, source.facts()?.layout)?;
    let mut choice = choose(source, method, wish, &pictures)?;
    choice.notes.splice(0..0, source.notes().iter().cloned());
    let compiled = compile(source, method, &choice.candidate)?;
    let kept = place.keep(&chosen.path, &choice, &compiled);
    let tried: Vec<_> = choice.trials.iter().map(TrialResult::to_string).collect();
    choice.notes.push(format!("using {}; measured here once: {}", choice.candidate, tried.join(", ")));
    if let Err(error) = kept {
        choice.notes.push(format!("the measurement could not be cached ({error}); the next run measures again"));
    }
    Ok((choice, compiled))
}
