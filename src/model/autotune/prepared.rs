//! A classifier before its session is opened: with its cached choice, or to be measured.

use std::fs::File;

use super::store::CacheEntry;
use super::{ExecutionConfig, ExecutionRequest, Selection, TrialResult, calibration, candidates, choose, compile};
use crate::Result;
use crate::model::catalog::ResolvedModel;
use crate::model::load::load;
use crate::model::model_request::ModelRequest;
use crate::model::source::CompiledGradient;
use crate::model::{Classifier, ModelSource, Preprocessor};
use crate::platform::cpu_time::{MAX_WAITING, waiting_now};
use crate::platform::machine::cores;
use crate::platform::sealed::Damaged;
use onnx_grad::Method;

/// A classifier that is ready to be opened.
pub struct PreparedModel {
    /// Its own file, or the cached gradient model.
    pub source: ModelSource,
    request: ModelRequest,
    wish: ExecutionRequest,
    state: PreparedState,
    /// Notes for the user about the cache.
    notes: Vec<String>,
}

enum PreparedState {
    /// The user leaves no choice open.
    Settled,
    /// The choice is cached.
    Kept(Selection, CacheEntry),
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
        request: &ModelRequest,
        method: &Method,
        sampled: bool,
        wish: ExecutionRequest,
        remeasure: bool,
    ) -> Result<Self> {
        let prepared = |source, state, notes| Self { source, request: request.clone(), wish, state, notes };
        if !wish.is_open() {
            candidates(&wish)?;
            return Ok(prepared(load(chosen, request)?, PreparedState::Settled, Vec::new()));
        }
        if !chosen.path.is_file() {
            // `load` returns the error that explains why; hashing a device file would never end.
            load(chosen, request)?;
        }
        let place = CacheEntry::of(chosen, request, method, sampled, &wish)?;
        let found = || if remeasure { CacheLookup::default() } else { CacheLookup::new(&place, &wish) };
        let (mut lookup, mut lock) = (found(), None);
        if lookup.kept.is_none() {
            lock = place.lock();
            // Another process may have measured while this one waited for the lock.
            lookup = found();
        }
        let notes = lookup.notes;
        Ok(match lookup.kept {
            Some((choice, source)) => prepared(source, PreparedState::Kept(choice, place), notes),
            None => prepared(load(chosen, request)?, PreparedState::New(place, lock), notes),
        })
    }

    /// Opens it for `method`, and caches the choice. A cached choice that no longer works is measured again.
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
        let Self { source, request, wish, state, mut notes } = self;
        let measured = |source: ModelSource, place: &CacheEntry| {
            let (choice, compiled) = measured(&source, chosen, method, preprocessor, &wish, place)?;
            // Free the weights before the session allocates its memory.
            drop(source);
            compiled.open(&choice.candidate.options()).map(|classifier| (classifier, choice))
        };
        let (classifier, mut choice) = match state {
            PreparedState::Settled => {
                let candidate = ExecutionConfig::reference(wish.threads);
                let choice = Selection { candidate, notes: source.notes().to_vec(), trials: Vec::new() };
                open(source, method, choice)?
            }
            PreparedState::Kept(choice, place) => {
                let candidate = choice.candidate;
                match open(source, method, choice) {
                    Ok(opened) => opened,
                    Err(error) => {
                        notes.push(format!("the stored choice {candidate} no longer works ({error}); measuring again"));
                        let _lock = place.lock();
                        measured(load(chosen, &request)?, &place)?
                    }
                }
            }
            PreparedState::New(place, _lock) => measured(source, &place)?,
        };
        choice.notes.splice(0..0, notes);
        Ok((classifier, choice))
    }
}

/// Opens a session as `choice` says.
fn open(source: ModelSource, method: &Method, choice: Selection) -> Result<(Classifier, Selection)> {
    let compiled = compile(&source, method, &choice.candidate)?;
    // Free the weights before the session allocates its memory.
    drop(source);
    Ok((compiled.open(&choice.candidate.options())?, choice))
}

/// What the cache has, and what the user should know about it.
#[derive(Default)]
struct CacheLookup {
    kept: Option<(Selection, ModelSource)>,
    notes: Vec<String>,
}

impl CacheLookup {
    fn new(place: &CacheEntry, wish: &ExecutionRequest) -> Self {
        match place.kept() {
            Ok(Some(kept)) if !is_disturbed(&kept.0, wish) => Self { kept: Some(kept), notes: Vec::new() },
            Ok(Some(kept)) => {
                let quiet = waiting_now(wish.threads).is_some_and(|waiting| waiting < MAX_WAITING / 2.0);
                let (kept, then) = match quiet {
                    true => (None, "measuring again, because the machine is quiet now"),
                    false => (Some(kept), "it is measured again when the machine is quiet"),
                };
                Self { kept, notes: vec![format!("the stored choice was measured while other programs ran; {then}")] }
            }
            Ok(None) => Self::default(),
            Err(Damaged) => Self {
                kept: None,
                notes: vec!["the stored choice is damaged (wrong checksum); making it again".into()],
            },
        }
    }
}

/// Whether other programs slowed the measurement. Threads in excess of the cores slow each other.
fn is_disturbed(choice: &Selection, wish: &ExecutionRequest) -> bool {
    wish.threads <= cores() && choice.waiting() > MAX_WAITING
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
    let disturbed = match is_disturbed(&choice, wish) {
        true => "; other programs ran meanwhile, so it is measured again when the machine is quiet",
        false => "",
    };
    choice.notes.push(format!("using {}; measured here once: {}{disturbed}", choice.candidate, tried.join(", ")));
    if let Err(error) = kept {
        choice.notes.push(format!("the measurement could not be cached ({error}); the next run measures again"));
    }
    Ok((choice, compiled))
}
