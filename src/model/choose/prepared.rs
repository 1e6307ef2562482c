//! A classifier on its way to a session: as it was chosen before, or measured now.

use std::fs::File;

use super::store::{Kept, Place};
use super::{Candidate, Opened, Trial, Wish, calibration, candidates, compile, open};
use crate::Result;
use crate::grad::Method;
use crate::model::catalog::Chosen;
use crate::model::{Preprocessor, Request, Source};

/// A classifier that waits to be opened.
pub struct Prepared {
    /// Its own file, or the gradient model that was kept of it.
    pub source: Source,
    wish: Wish,
    state: State,
}

enum State {
    /// The user leaves nothing open.
    Settled,
    /// It was measured before.
    Kept(Kept),
    /// It is to be measured; others wait while the file is open.
    New(Place, Option<File>),
}

impl Prepared {
    /// Finds what was kept of `chosen`, unless it is to be measured anew; else reads its file. `method` is that of one
    /// run, and `sampled` says whether there are many of them a picture.
    ///
    /// # Errors
    /// Those of [`Chosen::load`] and [`candidates`]; [`Error::Io`](crate::Error::Io) where the model cannot be read.
    pub fn new(
        chosen: &Chosen,
        request: &Request,
        method: &Method,
        sampled: bool,
        wish: Wish,
        remeasure: bool,
    ) -> Result<Self> {
        if !wish.is_open() {
            candidates(&wish)?;
            return Ok(Self { source: chosen.load(request)?, wish, state: State::Settled });
        }
        if !chosen.path.is_file() {
            // It says why; a device would be read for ever.
            chosen.load(request)?;
        }
        let place = Place::of(chosen, request, method, sampled, &wish)?;
        let kept = || if remeasure { None } else { place.kept() };
        if let Some((kept, source)) = kept() {
            return Ok(Self { source, wish, state: State::Kept(kept) });
        }
        let lock = place.lock();
        // Another process may have measured meanwhile.
        Ok(match kept() {
            Some((kept, source)) => Self { source, wish, state: State::Kept(kept) },
            None => Self { source: chosen.load(request)?, wish, state: State::New(place, lock) },
        })
    }

    /// Opens it for `method`, and keeps what was chosen.
    ///
    /// # Errors
    /// Those of [`open`]. A cache that cannot be written is a note.
    pub fn open(self, chosen: &Chosen, method: &Method, preprocessor: &Preprocessor) -> Result<Opened> {
        let Self { source, wish, state } = self;
        match state {
            State::Settled => settled(source, method, Candidate::reference(wish.threads), Vec::new()),
            State::Kept(kept) => settled(source, method, kept.candidate, kept.notes),
            State::New(place, _lock) => {
                let pictures = calibration(preprocessor, source.input_size()?, source.facts()?.layout)?;
                let mut opened = open(&source, method, &wish, &pictures)?;
                opened.notes.splice(0..0, source.notes().iter().cloned());
                let compiled = compile(&source, method, &opened.candidate)?;
                let kept = place.keep(&chosen.path, &opened, compiled);
                let tried: Vec<_> = opened.trials.iter().map(Trial::to_string).collect();
                opened.notes.push(format!("took {}; measured here once: {}", opened.candidate, tried.join(", ")));
                if let Err(error) = kept {
                    opened
                        .notes
                        .push(format!("what was measured is not kept ({error}); the next start measures again"));
                }
                Ok(opened)
            }
        }
    }
}

/// Opens the source in one way. Its weights go before the session takes its memory.
fn settled(source: Source, method: &Method, candidate: Candidate, notes: Vec<String>) -> Result<Opened> {
    let notes = [source.notes(), &*notes].concat();
    let compiled = compile(&source, method, &candidate)?;
    drop(source);
    Ok(Opened { classifier: compiled.open(&candidate.options())?, candidate, notes, trials: Vec::new() })
}
