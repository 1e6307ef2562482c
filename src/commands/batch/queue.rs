//! The queue of clips to process, and a supervisor for each worker process.

use super::clip::Clip;
use super::config::BatchConfig;
use super::fingerprint::SettingsFingerprint;
use super::progress::BatchProgress;
use super::shard::Shard;
use std::collections::{HashMap, VecDeque};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

/// The state that the supervisors share.
pub(super) struct JobQueue<'a> {
    pub config: &'a BatchConfig,
    pub fingerprint: &'a SettingsFingerprint,
    /// Threads of each worker.
    pub threads: usize,
    /// Set when the user stops the batch.
    pub stop: &'a AtomicBool,
    pub progress: BatchProgress,
    jobs: Mutex<VecDeque<Job>>,
    /// The number of open segments of each long clip, by the clip's stem; empty if the merge joins them.
    segments: Mutex<HashMap<PathBuf, usize>>,
    /// Whether no more clips are started.
    ended: AtomicBool,
}

/// A clip to process.
#[derive(Debug)]
pub(super) struct Job {
    pub clip: Clip,
    /// How often it has failed.
    pub tries: u8,
    /// Whether a worker must have no other clip beside it, because it was one of two when a worker crashed.
    pub alone: bool,
}

impl<'a> JobQueue<'a> {
    /// A queue of `clips` for workers with `threads` threads each.
    pub(super) fn new(
        config: &'a BatchConfig,
        fingerprint: &'a SettingsFingerprint,
        clips: Vec<Clip>,
        threads: usize,
        stop: &'a AtomicBool,
    ) -> Self {
        let progress = BatchProgress::new(config, &clips);
        let mut segments = HashMap::new();
        for clip in clips.iter().filter(|clip| clip.segment.is_some() && config.shard == Shard::WHOLE) {
            *segments.entry(clip.whole().stem).or_default() += 1;
        }
        let jobs = clips.into_iter().map(|clip| Job { clip, tries: 0, alone: false }).collect();
        let (jobs, segments) = (Mutex::new(jobs), Mutex::new(segments));
        Self { config, fingerprint, threads, stop, progress, jobs, segments, ended: AtomicBool::new(false) }
    }

    /// The next clip; `idle` if the worker has no other clip.
    pub(super) fn take(&self, idle: bool) -> Option<Job> {
        if self.stop.load(Ordering::Relaxed) || self.ended.load(Ordering::Relaxed) {
            return None;
        }
        let mut jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        if idle || jobs.front().is_some_and(|job| !job.alone) { jobs.pop_front() } else { None }
    }

    /// Puts a clip at the front of the queue.
    pub(super) fn put_back(&self, job: Job) {
        self.progress.put_back(&job.clip);
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner).push_front(job);
    }

    /// Whether `clip`, which is now done, was the last open segment of a long clip.
    pub(super) fn is_last_piece(&self, clip: &Clip) -> bool {
        let mut segments = self.segments.lock().unwrap_or_else(PoisonError::into_inner);
        segments.get_mut(&clip.whole().stem).is_some_and(|open| {
            *open -= 1;
            *open == 0
        })
    }

    /// The clips that are left.
    pub(super) fn into_open(self) -> VecDeque<Job> {
        self.jobs.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stops the queue: no more clips are started.
    pub(super) fn end(&self) {
        self.ended.store(true, Ordering::Relaxed);
    }
}
