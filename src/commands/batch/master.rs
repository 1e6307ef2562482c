//! Keeps one worker process busy: it gets its next clip when it has read the one before to its end, so that one is opened
//! while the other ends. A worker that dies or hangs is replaced, and costs one clip only.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::done::{Done, State, Work};
use super::join::joined;
use super::pool::{Pool, Turn};
use super::process::{Heard, Worker};
use super::split::Piece;
use super::summary::{Entry, Outcome};
use super::worker::{Event, Finished, Job, reason};
use crate::{Error, Result};

/// How often a master looks up from waiting.
const GLANCE: Duration = Duration::from_millis(100);

/// A clip that the worker has.
struct Given {
    turn: Turn,
    state: State,
}

/// The master of one worker.
pub(super) struct Master<'a> {
    pool: &'a Pool<'a>,
    worker: Option<Worker>,
    /// What the worker has, in the order in which it answers.
    given: VecDeque<Given>,
    /// How many of them it has begun.
    begun: usize,
    /// Since when the first of them is the first, or the model is loaded.
    since: Instant,
    entries: Vec<Entry>,
}

impl<'a> Master<'a> {
    /// The master of a worker that is started when there is something for it to do.
    pub(super) fn new(pool: &'a Pool<'a>) -> Self {
        let since = Instant::now();
        Self { pool, worker: None, given: VecDeque::new(), begun: 0, since, entries: Vec::new() }
    }

    /// Works until no clip is left, and tells what came of each.
    ///
    /// # Errors
    /// What fails for every clip.
    pub(super) fn run(mut self) -> Result<Vec<Entry>> {
        let outcome = self.work();
        if outcome.is_err() {
            self.pool.end();
        }
        for Given { turn, .. } in self.given.drain(..) {
            self.entries.push(Entry::of(&turn.clip, Outcome::Open, None));
        }
        outcome.map(|()| self.entries)
    }

    fn work(&mut self) -> Result<()> {
        loop {
            if self.given.is_empty() {
                self.give()?;
            }
            let Some(worker) = self.worker.as_mut().filter(|_| !self.given.is_empty()) else { return Ok(()) };
            if self.pool.stop.load(Ordering::Relaxed) {
                return Ok(());
            }
            match worker.hear(GLANCE) {
                Heard::Event(event) => self.on(event)?,
                Heard::Nothing => {}
                Heard::End(how) => self.crashed(&how),
            }
            let patience = self.pool.config.clip_timeout;
            if let Some(patience) = patience.filter(|&patience| self.since.elapsed() > patience) {
                self.give_up(patience);
            }
        }
    }

    /// Gives the worker the next clip, if there is one that can be read.
    fn give(&mut self) -> Result<()> {
        if self.given.front().is_some_and(|given| given.turn.alone) {
            return Ok(());
        }
        while let Some(turn) = self.pool.take(self.given.is_empty()) {
            match turn.clip.check_name().and_then(|()| State::of(&turn.clip.input, self.pool.config.hash)) {
                Ok(state) => {
                    let worker = match &mut self.worker {
                        Some(worker) => worker,
                        None => self.worker.insert(Worker::start(self.pool.config, self.pool.threads)?),
                    };
                    worker.give(&Job::of(&turn.clip));
                    if self.given.is_empty() {
                        self.since = Instant::now();
                    }
                    self.given.push_back(Given { turn, state });
                    return Ok(());
                }
                Err(error) => self.settle(turn, Err(reason(error))),
            }
        }
        Ok(())
    }

    fn on(&mut self, event: Event) -> Result<()> {
        match event {
            Event::Ready { classifier } => {
                self.since = Instant::now();
                self.worker.iter_mut().for_each(|worker| worker.classifier.clone_from(&classifier));
            }
            Event::Begun => self.begun += 1,
            Event::Progress { frame, frames } => {
                if let Some(given) = self.begun.checked_sub(1).and_then(|last| self.given.get(last)) {
                    self.pool.seen.progress(&given.turn.clip, frame, frames);
                }
            }
            Event::Read => self.give()?,
            Event::Finished(finished) => {
                if let Some(Given { turn, state }) = self.answered() {
                    let done = self.keep(&turn, state, finished).map_err(reason);
                    self.settle(turn, done);
                }
            }
            Event::Failed { error } => {
                if let Some(Given { turn, .. }) = self.answered() {
                    self.settle(turn, Err(error));
                }
            }
            Event::Fatal { error, usage } => {
                return Err(if usage { Error::Usage(error) } else { Error::Runtime(error) });
            }
            Event::Other => {}
        }
        Ok(())
    }

    /// Takes the first clip off the list; the next one is the first now.
    fn answered(&mut self) -> Option<Given> {
        self.begun = self.begun.saturating_sub(1);
        self.since = Instant::now();
        self.given.pop_front()
    }

    /// Keeps the proof that a clip is done.
    fn keep(&self, turn: &Turn, state: State, finished: Finished) -> Result<Done> {
        let Pool { config, fingerprint, .. } = self.pool;
        let (settings, model) = (fingerprint.settings.clone(), fingerprint.model.clone());
        let classifier = self.worker.as_ref().map(|worker| worker.classifier.clone()).unwrap_or_default();
        let work = Work { clip: &turn.clip, state, settings, model, classifier, finished };
        Done::keep(work, &config.output, &config.endings())
    }

    /// What came of a try: the clip is done, or tried again, or failed.
    fn settle(&mut self, turn: Turn, outcome: Result<Done, String>) {
        let Pool { config, seen, .. } = self.pool;
        let (outcome, done) = match outcome {
            Ok(done) => (Outcome::Done, Some(done)),
            Err(_) if turn.tries < config.retries => return self.pool.put_back(Turn { tries: turn.tries + 1, ..turn }),
            Err(reason) => (Outcome::Failed(reason), None),
        };
        if config.fail_fast && done.is_none() {
            self.pool.end();
        }
        let entry = Entry::of(&turn.clip, outcome, done.as_ref());
        seen.finished(&turn.clip, &entry);
        self.entries.push(entry);
        if let Some(Piece { count, .. }) = turn.clip.piece
            && done.is_some()
            && self.pool.is_last_piece(&turn.clip)
        {
            self.entries.push(joined(&turn.clip.whole(), count, &self.pool.config.output));
        }
    }

    /// The worker has died. Which of several clips it was that killed it cannot be told: each is tried again alone.
    fn crashed(&mut self, how: &str) {
        self.worker = None;
        if self.given.len() == 1
            && let Some(Given { turn, .. }) = self.answered()
        {
            return self.settle(turn, Err(format!("the process that worked on it {how}")));
        }
        self.put_back(true);
    }

    /// The first clip takes too long.
    fn give_up(&mut self, patience: Duration) {
        self.worker.take().into_iter().for_each(Worker::kill);
        if let Some(Given { turn, .. }) = self.answered() {
            let seconds = patience.as_secs_f64();
            self.settle(turn, Err(format!("took longer than {seconds:.0} s (--timeout-per-clip)")));
        }
        self.put_back(false);
    }

    /// Hands back what the worker had.
    fn put_back(&mut self, alone: bool) {
        self.begun = 0;
        for Given { turn, .. } in self.given.drain(..).rev() {
            self.pool.put_back(Turn { alone, ..turn });
        }
    }
}
