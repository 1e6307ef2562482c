//! Measures the speed of a number of workers on a short part of a clip from the list.

use super::clip::Clip;
use super::config::BatchConfig;
use super::protocol::WorkerMessage;
use super::protocol::WorkerRequest;
use super::worker_count::WorkerCount;
use super::worker_process::Received;
use super::worker_process::WorkerProcess;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::Result;
use crate::platform::temporary;
use crate::source::{self, Input};

/// Seconds of the clip that are processed, and how often each worker does so: it opens and finishes clips as in a
/// batch.
const SAMPLE_SECONDS: f64 = 2.0;
const RUNS_PER_WORKER: usize = 3;
/// Maximum number of clips that are tried until one can be opened.
const MAX_CANDIDATE_CLIPS: usize = 5;
/// Maximum time without a message from a worker.
const WORKER_TIMEOUT: Duration = Duration::from_secs(60);
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// A clip on which numbers of workers are compared.
pub(super) struct ThroughputBenchmark<'a> {
    config: &'a BatchConfig,
    clip: &'a Clip,
    /// Number of frames of the part that is processed.
    frames: f64,
    /// Estimated number of frames in the whole list.
    ahead: f64,
    /// Pixels of a frame.
    pixels: i64,
}

impl<'a> ThroughputBenchmark<'a> {
    /// A benchmark on a clip of medium size; `None` if none of the clips tried can be opened.
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

    /// Estimated number of frames in the whole list.
    pub(super) fn ahead(&self) -> f64 {
        self.ahead
    }

    /// Number of frames that it costs to measure `jobs` workers.
    pub(super) fn frames(&self, jobs: usize) -> f64 {
        self.frames * (RUNS_PER_WORKER * jobs) as f64
    }

    /// What the speed depends on: the size of the pictures, to a factor of two.
    pub(super) fn kind(&self) -> u32 {
        self.pixels.max(1).ilog2()
    }

    /// Frames per second of `workers`, once their models are loaded. `None` if a worker fails or the user stops the
    /// batch.
    pub(super) fn speed(&self, workers: WorkerCount, stop: &AtomicBool) -> Option<f64> {
        let results = temporary::subfolder(&self.config.output).ok()?;
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

/// Waits until `worker` sends the `wanted` message; `None` if it fails, sends nothing, or the user stops the batch.
fn wait<T>(worker: &mut WorkerProcess, stop: &AtomicBool, wanted: impl Fn(WorkerMessage) -> Option<T>) -> Option<T> {
    let mut since = Instant::now();
    while !stop.load(Ordering::Relaxed) && since.elapsed() < WORKER_TIMEOUT {
        match worker.hear(POLL_INTERVAL) {
            Received::Message(WorkerMessage::Failed { .. } | WorkerMessage::Fatal { .. }) | Received::End(_) => {
                return None;
            }
            // Fewer frames than the number that is counted on.
            Received::Message(WorkerMessage::Finished(clip)) if clip.damage.is_some() => return None,
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
