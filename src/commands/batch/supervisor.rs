//! Keeps one worker process busy. The worker gets its next clip when it has read the previous one to its end, so that
//! one is opened while the other is finished. A worker that dies or hangs is replaced, and only one clip is lost.

use super::clip::Clip;
use super::clip::Segment;
use super::concat;
use super::config::BatchConfig;
use super::fingerprint::SettingsFingerprint;
use super::manifest::FinishedWork;
use super::manifest::InputState;
use super::manifest::Manifest;
use super::outcome::ClipOutcome;
use super::outcome::SummaryEntry;
use super::outcome::reason;
use super::protocol::ClipResult;
use super::protocol::WorkerMessage;
use super::protocol::WorkerRequest;
use super::queue::Job;
use super::queue::JobQueue;
use super::summary::Summary;
use super::worker_count::WorkerCount;
use super::worker_process::Received;
use super::worker_process::WorkerProcess;
use std::collections::VecDeque;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::{Error, Result};

/// How often a supervisor stops waiting to check for a timeout or the user's stop.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// A clip that the worker has.
struct InFlight {
    job: Job,
    state: InputState,
}

/// The supervisor of one worker.
pub(super) struct Supervisor<'a> {
    queue: &'a JobQueue<'a>,
    worker: Option<WorkerProcess>,
    /// The clips that the worker has, in the order in which it answers.
    in_flight: VecDeque<InFlight>,
    /// How many of them it has started.
    begun: usize,
    /// The time from which the timeout of the first one counts.
    since: Instant,
    entries: Vec<SummaryEntry>,
}

impl<'a> Supervisor<'a> {
    /// A supervisor; its worker is started when there is something to do.
    pub(super) fn new(queue: &'a JobQueue<'a>) -> Self {
        let since = Instant::now();
        Self { queue, worker: None, in_flight: VecDeque::new(), begun: 0, since, entries: Vec::new() }
    }

    /// Processes clips until none is left, and returns their outcomes.
    ///
    /// # Errors
    /// Errors that affect every clip.
    pub(super) fn run(mut self) -> Result<Vec<SummaryEntry>> {
        let outcome = self.work();
        if outcome.is_err() {
            self.queue.end();
        }
        for InFlight { job, .. } in self.in_flight.drain(..) {
            self.entries.push(SummaryEntry::of(&job.clip, ClipOutcome::Open, None));
        }
        outcome.map(|()| self.entries)
    }

    fn work(&mut self) -> Result<()> {
        loop {
            if self.in_flight.is_empty() {
                self.give()?;
            }
            let Some(worker) = self.worker.as_mut().filter(|_| !self.in_flight.is_empty()) else { return Ok(()) };
            if self.queue.stop.load(Ordering::Relaxed) {
                return Ok(());
            }
            match worker.hear(POLL_INTERVAL) {
                Received::Message(event) => self.on(event)?,
                Received::Nothing => {}
                Received::End(how) => self.crashed(&how),
            }
            let patience = self.queue.config.clip_timeout;
            if let Some(patience) = patience.filter(|&patience| self.since.elapsed() > patience) {
                self.give_up(patience);
            }
        }
    }

    /// Gives the worker the next clip that can be read, if there is one.
    fn give(&mut self) -> Result<()> {
        if self.in_flight.front().is_some_and(|in_flight| in_flight.job.alone) {
            return Ok(());
        }
        while let Some(job) = self.queue.take(self.in_flight.is_empty()) {
            match job.clip.check_name().and_then(|()| InputState::of(&job.clip.input, self.queue.config.hash)) {
                Ok(state) => {
                    let worker = match &mut self.worker {
                        Some(worker) => worker,
                        None => self.worker.insert(WorkerProcess::start(self.queue.config, self.queue.threads)?),
                    };
                    worker.give(&WorkerRequest::of(&job.clip));
                    if self.in_flight.is_empty() {
                        self.since = Instant::now();
                    }
                    self.in_flight.push_back(InFlight { job, state });
                    return Ok(());
                }
                Err(error) => self.settle(job, Err(reason(error))),
            }
        }
        Ok(())
    }

    fn on(&mut self, event: WorkerMessage) -> Result<()> {
        match event {
            WorkerMessage::Ready { classifier, notes } => {
                self.since = Instant::now();
                self.queue.progress.notes_once(&notes);
                self.worker.iter_mut().for_each(|worker| worker.classifier.clone_from(&classifier));
            }
            WorkerMessage::Begun => self.begun += 1,
            WorkerMessage::Progress { frame, frames } => {
                if let Some(in_flight) = self.begun.checked_sub(1).and_then(|last| self.in_flight.get(last)) {
                    self.queue.progress.progress(&in_flight.job.clip, frame, frames);
                }
            }
            WorkerMessage::Read => self.give()?,
            WorkerMessage::Finished(finished) => {
                if let Some(InFlight { job, state }) = self.answered() {
                    let done = self.keep(&job, state, *finished).map_err(reason);
                    self.settle(job, done);
                }
            }
            WorkerMessage::Failed { error } => {
                if let Some(InFlight { job, .. }) = self.answered() {
                    self.settle(job, Err(error));
                }
            }
            WorkerMessage::Fatal { error, usage } => {
                return Err(if usage { Error::Usage(error) } else { Error::Runtime(error) });
            }
            WorkerMessage::Other => {}
        }
        Ok(())
    }

    /// Removes the first clip, which the worker has answered; the next one becomes the first.
    fn answered(&mut self) -> Option<InFlight> {
        self.begun = self.begun.saturating_sub(1);
        self.since = Instant::now();
        self.in_flight.pop_front()
    }

    /// Writes the manifest of a processed clip.
    fn keep(&self, job: &Job, state: InputState, finished: ClipResult) -> Result<Manifest> {
        let JobQueue { config, fingerprint, .. } = self.queue;
        let (settings, model) = (fingerprint.settings.clone(), fingerprint.model.clone());
        let classifier = self.worker.as_ref().map(|worker| worker.classifier.clone()).unwrap_or_default();
        let work = FinishedWork { clip: &job.clip, state, settings, model, classifier, finished };
        Manifest::keep(work, &config.output, &config.endings())
    }

    /// Handles the outcome of a try: the clip is done, tried again, or failed.
    fn settle(&mut self, job: Job, outcome: Result<Manifest, String>) {
        let JobQueue { config, progress, .. } = self.queue;
        let entry = match outcome {
            Ok(manifest) => SummaryEntry::processed(&job.clip, &manifest),
            Err(reason) => SummaryEntry::of(&job.clip, ClipOutcome::Failed(reason), None),
        };
        let is_done = entry.outcome.is_done();
        if !is_done && job.tries < config.retries {
            return self.queue.put_back(Job { tries: job.tries + 1, ..job });
        }
        if config.fail_fast && !is_done {
            self.queue.end();
        }
        progress.finished(&job.clip, &entry);
        self.entries.push(entry);
        if let Some(Segment { count, .. }) = job.clip.segment
            && is_done
            && self.queue.is_last_piece(&job.clip)
        {
            self.entries.push(concat::join_clip(&job.clip.whole(), count, &self.queue.config.output));
        }
    }

    /// The worker has died. If it had several clips, it is not known which one killed it: each is tried again alone.
    fn crashed(&mut self, how: &str) {
        self.worker = None;
        if self.in_flight.len() == 1
            && let Some(InFlight { job, .. }) = self.answered()
        {
            return self.settle(job, Err(format!("the worker process {how}")));
        }
        self.put_back(true);
    }

    /// The first clip has timed out.
    fn give_up(&mut self, patience: Duration) {
        self.worker.take().into_iter().for_each(WorkerProcess::kill);
        if let Some(InFlight { job, .. }) = self.answered() {
            let seconds = patience.as_secs_f64();
            self.settle(job, Err(format!("took longer than {seconds:.0} s (--timeout-per-clip)")));
        }
        self.put_back(false);
    }

    /// Returns the worker's clips to the queue.
    fn put_back(&mut self, alone: bool) {
        self.begun = 0;
        for InFlight { job, .. } in self.in_flight.drain(..).rev() {
            self.queue.put_back(Job { alone, ..job });
        }
    }
}

/// Processes `clips` with worker processes, and adds the outcome of each clip to `summary`.
///
/// # Errors
/// Errors that affect every clip: a model that cannot be opened, a process that cannot be started.
pub(super) fn run(
    config: &BatchConfig,
    fingerprint: &SettingsFingerprint,
    clips: Vec<Clip>,
    WorkerCount { jobs, threads }: WorkerCount,
    stop: &AtomicBool,
    summary: &mut Summary,
) -> Result<()> {
    let queue = JobQueue::new(config, fingerprint, clips, threads, stop);
    let entries: Vec<Result<Vec<SummaryEntry>>> = std::thread::scope(|scope| {
        let supervisors: Vec<_> = (0..jobs).map(|_| scope.spawn(|| Supervisor::new(&queue).run())).collect();
        let panicked = |_| Err(Error::Panic { stage: "batch".into(), message: "panic".into() });
        supervisors.into_iter().map(|supervisor| supervisor.join().unwrap_or_else(panicked)).collect()
    });
    queue.progress.clear();
    for entries in entries {
        entries?.into_iter().for_each(|entry| summary.add(entry));
    }
    for job in queue.into_open() {
        summary.add(SummaryEntry::of(&job.clip, ClipOutcome::Open, None));
    }
    Ok(())
}
