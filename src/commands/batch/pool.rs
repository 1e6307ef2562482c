//! The clips that are to be done, and a master for each worker process.

use std::collections::{HashMap, VecDeque};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use super::config::BatchConfig;
use super::crew::Crew;
use super::fingerprint::SettingsFingerprint;
use super::inputs::Clip;
use super::master::Master;
use super::seen::Seen;
use super::shard::Shard;
use super::summary::{Entry, Outcome, Summary};
use crate::{Error, Result};

/// What the masters share.
pub(super) struct Pool<'a> {
    pub config: &'a BatchConfig,
    pub fingerprint: &'a SettingsFingerprint,
    /// Threads of each worker.
    pub threads: usize,
    /// Set by the user, to end it all.
    pub stop: &'a AtomicBool,
    pub seen: Seen,
    queue: Mutex<VecDeque<Turn>>,
    /// How many pieces of each long clip are still to be done, by the clip's place; none where the merge joins them.
    pieces: Mutex<HashMap<PathBuf, usize>>,
    /// Whether no further clip is to be begun.
    ended: AtomicBool,
}

/// A clip that is to be done.
#[derive(Debug)]
pub(super) struct Turn {
    pub clip: Clip,
    /// How often it has failed.
    pub tries: u8,
    /// Whether a worker is to have it alone, since one that had it with another has crashed.
    pub alone: bool,
}

/// Works on `clips` by a crew of processes, and adds what came of each to `summary`.
///
/// # Errors
/// What fails for every clip: a model that cannot be opened, a process that cannot be started.
pub(super) fn run(
    config: &BatchConfig,
    fingerprint: &SettingsFingerprint,
    clips: Vec<Clip>,
    Crew { jobs, threads }: Crew,
    stop: &AtomicBool,
    summary: &mut Summary,
) -> Result<()> {
    let seen = Seen::new(config, &clips);
    let mut pieces = HashMap::new();
    for clip in clips.iter().filter(|clip| clip.piece.is_some() && config.shard == Shard::WHOLE) {
        *pieces.entry(clip.whole().stem).or_default() += 1;
    }
    let queue = Mutex::new(clips.into_iter().map(|clip| Turn { clip, tries: 0, alone: false }).collect());
    let pool = Pool {
        config,
        fingerprint,
        threads,
        stop,
        seen,
        queue,
        pieces: Mutex::new(pieces),
        ended: AtomicBool::new(false),
    };
    let entries: Vec<Result<Vec<Entry>>> = std::thread::scope(|scope| {
        let masters: Vec<_> = (0..jobs).map(|_| scope.spawn(|| Master::new(&pool).run())).collect();
        let panicked = |_| Err(Error::Panic { stage: "batch".into(), message: "panic".into() });
        masters.into_iter().map(|master| master.join().unwrap_or_else(panicked)).collect()
    });
    pool.seen.clear();
    for entries in entries {
        entries?.into_iter().for_each(|entry| summary.add(entry));
    }
    for turn in pool.queue.into_inner().unwrap_or_else(PoisonError::into_inner) {
        summary.add(Entry::of(&turn.clip, Outcome::Open, None));
    }
    Ok(())
}

impl Pool<'_> {
    /// The next clip: for a worker that has nothing else where `idle`.
    pub(super) fn take(&self, idle: bool) -> Option<Turn> {
        if self.stop.load(Ordering::Relaxed) || self.ended.load(Ordering::Relaxed) {
            return None;
        }
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        if idle || queue.front().is_some_and(|turn| !turn.alone) { queue.pop_front() } else { None }
    }

    /// Puts a clip in front of all others.
    pub(super) fn put_back(&self, turn: Turn) {
        self.seen.put_back(&turn.clip);
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).push_front(turn);
    }

    /// Whether `clip` was the last open piece of a long one, now that it is done.
    pub(super) fn is_last_piece(&self, clip: &Clip) -> bool {
        let mut pieces = self.pieces.lock().unwrap_or_else(PoisonError::into_inner);
        pieces.get_mut(&clip.whole().stem).is_some_and(|open| {
            *open -= 1;
            *open == 0
        })
    }

    /// Lets no further clip be begun.
    pub(super) fn end(&self) {
        self.ended.store(true, Ordering::Relaxed);
    }
}
