//! Measures how fast a workers is, on a short part of a clip of the list.

use super::clip::Clip;
use super::config::BatchConfig;
use super::protocol::WorkerMessage;
use super::protocol::WorkerRequest;
use super::worker_count::WorkerCount;
use super::worker_process::Received;
use super::worker_process::WorkerProcess;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::source::{self, Input};
use crate::{Result, sink};

/// Seconds of the clip that are worked on, and how often by each worker: it opens and ends clips as in a batch.
const SAMPLE_SECONDS: f64 = 2.0;
const RUNS_PER_WORKER: usize = 3;
/// Clips that are looked at for one that can be opened.
const MAX_CANDIDATE_CLIPS: usize = 5;
/// How long a worker may keep silent.
const WORKER_TIMEOUT: Duration = Duration::from_secs(60);
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// A clip on which crews are compared.
pub(super) struct ThroughputBenchmark<'a> {
    config: &'a BatchConfig,
    clip: &'a Clip,
    /// Frames of the part that is worked on.
    frames: f64,
    /// Frames to expect in the whole list.
    ahead: f64,
    /// Of a picture.
    pixels: i64,
}

impl<'a> ThroughputBenchmark<'a> {
    /// One on a clip of middle size; `None` where none of the clips looked at can be opened.
    pub(super) fn of(config: &'a BatchConfig, clips: &'a [Clip]) -> Option<Self> {
        let mut by_size: Vec<&Clip> = clips.iter().collect();
        by_size.sort_by_key(|clip| clip.size);
        by_size[by_size.len() / 2..].iter().take(MAX_CANDIDATE_CLIPS).find_map(|clip| {
            let source = source::open(&Input::Video(clip.input.clone()), &config.run.source).ok()?;
            let info = source.info();
            let (frames, pieces) = (info.frames? as f64, clip.segment.map_or(1, |piece| piece.count));
            let bytes: u64 = clips.iter().map(|clip| clip.size).sum();
            let ahead = frames * bytes as f64 / (clip.size * pieces as u64).max(1) as f64;
            let part = frames.min(SAMPLE_SECONDS * info.rate.fps());
            let pixels = i64::from(info.size.width) * i64::from(info.size.height);
            Some(Self { config, clip, frames: part, ahead, pixels })
        })
    }

    /// Frames to expect in the whole list.
    pub(super) fn ahead(&self) -> f64 {
        self.ahead
    }

    /// Frames that `jobs` workers need to be measured.
    pub(super) fn frames(&self, jobs: usize) -> f64 {
        self.frames * (RUNS_PER_WORKER * jobs) as f64
    }

    /// What the clip has to do with speed: its pictures' size, to a factor of two.
    pub(super) fn kind(&self) -> u32 {
        self.pixels.max(1).ilog2()
    }

    /// Frames a second of `workers`, once its models are loaded. `None` where a worker fails, or the user ends it all.
    pub(super) fn speed(&self, workers: WorkerCount, stop: &AtomicBool) -> Option<f64> {
        let results = tempfile::Builder::new().prefix(sink::TEMP_PREFIX).tempdir_in(&self.config.output).ok()?;
        let place = std::path::absolute(results.path()).ok()?;
        let start = |_| WorkerProcess::start(self.config, workers.threads);
        let mut workers = (0..workers.jobs).map(start).collect::<Result<Vec<_>>>().ok()?;
        for worker in &mut workers {
            wait(worker, stop, |event| matches!(event, WorkerMessage::Ready { .. }).then_some(()))?;
        }
        let started = Instant::now();
        for (number, worker) in workers.iter_mut().enumerate() {
            for round in 0..RUNS_PER_WORKER {
                worker.give(&WorkerRequest::part(self.clip, &place.join(format!("{number}-{round}")), SAMPLE_SECONDS));
            }
        }
        let mut frames = 0;
        for worker in &mut workers {
            for _ in 0..RUNS_PER_WORKER {
                frames += wait(worker, stop, |event| match event {
                    WorkerMessage::Finished(finished) => Some(finished.frames),
                    _ => None,
                })?;
            }
        }
        Some(frames as f64 / started.elapsed().as_secs_f64())
    }
}

/// Listens until `worker` says what is `wanted`; `None` where it fails, keeps silent, or the user ends it all.
fn wait<T>(worker: &mut WorkerProcess, stop: &AtomicBool, wanted: impl Fn(WorkerMessage) -> Option<T>) -> Option<T> {
    let mut since = Instant::now();
    while !stop.load(Ordering::Relaxed) && since.elapsed() < WORKER_TIMEOUT {
        match worker.hear(POLL_INTERVAL) {
            Received::Message(WorkerMessage::Failed { .. } | WorkerMessage::Fatal { .. }) | Received::End(_) => {
                return None;
            }
            Received::Message(event) => {
                since = Instant::now();
                if let Some(found) = wanted(event) {
                    return Some(found);
                }
            }
            Received::Nothing => {}
        }
    }
    None
}
