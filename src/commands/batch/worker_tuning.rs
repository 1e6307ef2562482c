//! Chooses the number of workers and their threads: as requested, or the fastest on this machine, which is measured
//! once and stored.

use super::clip::Clip;
use super::config::BatchConfig;
use super::fingerprint::SettingsFingerprint;
use super::throughput::ThroughputBenchmark;
use super::worker_count::WorkerCount;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use serde::{Deserialize, Serialize};

use crate::model::runtime::Runtime;
use crate::platform::cpu_time::{MAX_WAITING, waiting_now};
use crate::platform::machine::{Machine, cores};
use crate::platform::{dirs, sealed};

/// Maximum cost of the measurement, as a share of the work ahead.
const MAX_MEASURING_SHARE: f64 = 0.05;
/// A larger number of workers is chosen only if it is faster by this factor: otherwise, the cores are better left to
/// other programs.
const MIN_SPEEDUP: f64 = 1.03;
const MAX_WORKERS: usize = 256;
/// Maximum number of stored measurements.
const MAX_CACHED: usize = 100;

/// A number of workers that was the fastest.
#[derive(Debug, Serialize, Deserialize)]
struct CachedWorkerCount {
    /// What the measurement depends on: machine, library, settings, picture size.
    about: String,
    workers: WorkerCount,
    /// All numbers that were tried, with their frames per second.
    tried: Vec<(WorkerCount, f64)>,
    /// Whether other programs used the processor at the beginning or at the end.
    disturbed: bool,
}

/// The number of workers for `clips`. Without `--jobs`, it is measured if there is enough work.
pub(super) fn choose(
    config: &BatchConfig,
    fingerprint: &SettingsFingerprint,
    clips: &[Clip],
    stop: &AtomicBool,
) -> WorkerCount {
    let most = clips.len().clamp(1, MAX_WORKERS);
    // When one clip begins or ends, another one keeps the cores busy; but each worker has its own model in memory.
    let usual = WorkerCount::new(config, cores().div_ceil(2).max(2).min(most));
    let trial = || ThroughputBenchmark::of(config, clips);
    match config.jobs {
        Some(jobs) => WorkerCount::new(config, jobs.min(most)),
        None if most == 1 => usual,
        None => trial().and_then(|trial| measured(&trial, config, fingerprint, usual, most, stop)).unwrap_or(usual),
    }
}

/// The fastest number of workers: the stored one, or a new measurement if it pays off.
fn measured(
    trial: &ThroughputBenchmark<'_>,
    config: &BatchConfig,
    fingerprint: &SettingsFingerprint,
    usual: WorkerCount,
    most: usize,
    stop: &AtomicBool,
) -> Option<WorkerCount> {
    let (machine, library) = (Machine::this(), Runtime::installed());
    let about = format!("{machine} {library:?} {} {} {:?}", fingerprint.settings, trial.kind(), config.threads);
    let remeasure = config.run.model.classifier.remeasure;
    let mut kept = read(config);
    let known = kept.iter().find(|kept| kept.about == about).filter(|_| !remeasure);
    let workers =
        known.map(|known| if known.workers.jobs > most { WorkerCount::new(config, most) } else { known.workers });
    // A smaller and a larger number besides the usual one.
    let cost = trial.frames(3 * usual.jobs);
    let pays_off = remeasure || MAX_MEASURING_SHARE * trial.ahead() >= cost;
    if !pays_off || known.is_some_and(|known| !known.disturbed || is_busy()) {
        return workers;
    }
    let busy_before = is_busy();
    config.report.notes(&["measuring which number of workers is fastest on this machine; this takes a moment".into()]);
    let mut tried = Vec::new();
    let jobs = climb(usual.jobs, most, |jobs| {
        let workers = WorkerCount::new(config, jobs);
        let speed = trial.speed(workers, stop)?;
        tried.push((workers, speed));
        Some(speed)
    })?;
    let workers = WorkerCount::new(config, jobs);
    config.report.notes(&[format!("{}; --remeasure measures again", told(workers, &tried))]);
    kept.retain(|kept| kept.about != about);
    // A number that was measured beside other programs is measured again when the machine is quiet.
    kept.insert(0, CachedWorkerCount { about, workers, tried, disturbed: busy_before || is_busy() });
    kept.truncate(MAX_CACHED);
    // If it cannot be stored, it is measured again next time.
    let _ = sealed::write(&place(), &kept);
    Some(workers)
}

/// The fastest number of jobs, searched from `start` up to `most` as long as it gets faster. `None` if `start` fails.
fn climb(start: usize, most: usize, mut speed: impl FnMut(usize) -> Option<f64>) -> Option<usize> {
    let (mut best, mut fastest) = (start, speed(start)?);
    while let Some(more) = ladder().find(|&jobs| jobs > best).filter(|&jobs| jobs <= most)
        && let Some(speed) = speed(more).filter(|speed| *speed > fastest * MIN_SPEEDUP)
    {
        (best, fastest) = (more, speed);
    }
    while best <= start
        && let Some(fewer) = ladder().take_while(|&jobs| jobs < best).last()
        && let Some(speed) = speed(fewer).filter(|speed| speed * MIN_SPEEDUP > fastest)
    {
        (best, fastest) = (fewer, speed);
    }
    Some(best)
}

/// The numbers of workers to try: 1, 2, 3, 4, 6, 8, 12 and so on.
fn ladder() -> impl Iterator<Item = usize> {
    std::iter::once(1).chain((1..=8).flat_map(|power| [1 << power, 3 << (power - 1)]))
}

fn told(workers: WorkerCount, tried: &[(WorkerCount, f64)]) -> String {
    let each = tried.iter().map(|(workers, fps)| format!("{} x {}: {fps:.1}", workers.jobs, workers.threads));
    let each: Vec<String> = each.collect();
    let WorkerCount { jobs, threads } = workers;
    format!("workers x threads {jobs} x {threads} (frames per second: {})", each.join(", "))
}

fn place() -> PathBuf {
    dirs::cache().join("worker-counts.json")
}

/// Whether other programs use the processor now.
fn is_busy() -> bool {
    waiting_now(cores()).is_some_and(|waiting| waiting > MAX_WAITING)
}

fn read(config: &BatchConfig) -> Vec<CachedWorkerCount> {
    let kept = sealed::read(&place());
    if kept.is_err() {
        let file = place();
        config
            .report
            .notes(&[format!("{}: is damaged (wrong checksum); its measurements start again", file.display())]);
    }
    kept.ok().flatten().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `climb` chooses and tries if these are the speeds of 1, 2, 3, 4 and 6 jobs.
    fn climbed(start: usize, most: usize, speeds: [f64; 5]) -> (Option<usize>, Vec<usize>) {
        let mut tried = Vec::new();
        let best = climb(start, most, |jobs| {
            tried.push(jobs);
            let place = [1, 2, 3, 4, 6].iter().position(|&known| known == jobs)?;
            Some(speeds[place]).filter(|&speed| speed > 0.0)
        });
        (best, tried)
    }

    #[test]
    fn the_fastest_number_of_workers_is_found_uphill() {
        assert_eq!(climbed(2, 9, [40.0, 44.0, 46.0, 46.1, 0.0]), (Some(3), vec![2, 3, 4]));
        assert_eq!(climbed(2, 9, [40.0, 44.0, 43.0, 0.0, 0.0]), (Some(2), vec![2, 3, 1]));
        assert_eq!(climbed(4, 9, [30.0, 43.5, 44.0, 44.0, 43.0]), (Some(2), vec![4, 6, 3, 2, 1]), "fewer are as good");
        assert_eq!(climbed(2, 2, [40.0, 44.0, 99.0, 0.0, 0.0]), (Some(2), vec![2, 1]), "no more than there are clips");
        assert_eq!(climbed(2, 9, [40.0, 0.0, 0.0, 0.0, 0.0]), (None, vec![2]), "a failure gives no result");
        assert_eq!(ladder().take(8).collect::<Vec<_>>(), [1, 2, 3, 4, 6, 8, 12, 16]);
    }
}
