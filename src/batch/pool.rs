//! The worker processes: each has one clip at a time; one that dies or hangs is replaced, and costs that clip only.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, unbounded};

use super::Recipe;
use super::done::{Done, State, Work};
use super::inputs::Clip;
use super::seen::Seen;
use super::summary::{Entry, Outcome, Summary};
use super::worker::{Event, Finished, Job, endings};
use crate::cli::BatchArgs;
use crate::{Error, Result};

/// How often a master looks up from waiting.
const GLANCE: Duration = Duration::from_millis(100);

/// Works on `clips` by so many processes of so many threads, and adds what came of each to `summary`.
///
/// # Errors
/// What fails for every clip: a model that cannot be opened, a process that cannot be started.
pub(super) fn run(
    args: &BatchArgs,
    recipe: &Recipe,
    folder: &Path,
    clips: Vec<Clip>,
    (jobs, threads): (usize, usize),
    stop: &AtomicBool,
    summary: &mut Summary,
) -> Result<()> {
    let seen = Seen::new(args, &clips);
    let queue = Mutex::new(VecDeque::from(clips));
    let ended = AtomicBool::new(false);
    let pool = Pool { args, recipe, folder, threads, queue: &queue, stop, ended: &ended, seen: &seen };
    let entries: Vec<Result<Vec<Entry>>> = std::thread::scope(|scope| {
        let masters: Vec<_> = (0..jobs).map(|number| scope.spawn(move || pool.master(number))).collect();
        let panicked = |_| Err(Error::Panic { stage: "batch".into(), message: "panic".into() });
        masters.into_iter().map(|master| master.join().unwrap_or_else(panicked)).collect()
    });
    seen.clear();
    for entries in entries {
        entries?.into_iter().for_each(|entry| summary.add(entry));
    }
    for clip in queue.into_inner().unwrap_or_else(PoisonError::into_inner) {
        summary.add(Entry::of(&clip, Outcome::Open, None));
    }
    Ok(())
}

#[derive(Clone, Copy)]
struct Pool<'a> {
    args: &'a BatchArgs,
    recipe: &'a Recipe,
    folder: &'a Path,
    threads: usize,
    queue: &'a Mutex<VecDeque<Clip>>,
    stop: &'a AtomicBool,
    /// Whether no further clip is to be begun.
    ended: &'a AtomicBool,
    seen: &'a Seen,
}

/// Why a clip was not finished.
enum Failure {
    /// It failed; another try may help.
    Clip(String),
    /// The user ended it all.
    Stopped,
    /// It would fail for every clip.
    Fatal(Error),
}

impl Pool<'_> {
    /// Has one worker work on one clip after the other.
    fn master(&self, number: usize) -> Result<Vec<Entry>> {
        let (mut worker, mut entries) = (None, Vec::new());
        while let Some(clip) = self.next() {
            let (mut outcome, mut tries) = (Err(Failure::Stopped), 0);
            while tries <= self.args.retry {
                tries += 1;
                outcome = self.work(number, &mut worker, &clip);
                if !matches!(outcome, Err(Failure::Clip(_))) {
                    break;
                }
            }
            let entry = match outcome {
                Ok(done) => Entry::of(&clip, Outcome::Done, Some(&done)),
                Err(Failure::Clip(reason)) => {
                    if self.args.fail_fast {
                        self.ended.store(true, Ordering::Relaxed);
                    }
                    Entry::of(&clip, Outcome::Failed(reason), None)
                }
                Err(Failure::Stopped) => {
                    entries.push(Entry::of(&clip, Outcome::Open, None));
                    break;
                }
                Err(Failure::Fatal(error)) => {
                    self.ended.store(true, Ordering::Relaxed);
                    return Err(error);
                }
            };
            self.seen.finished(number, &clip, &entry);
            entries.push(entry);
        }
        Ok(entries)
    }

    fn next(&self) -> Option<Clip> {
        if self.stop.load(Ordering::Relaxed) || self.ended.load(Ordering::Relaxed) {
            return None;
        }
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    /// One try at one clip.
    fn work(&self, number: usize, slot: &mut Option<Worker>, clip: &Clip) -> Result<Done, Failure> {
        let failed = |error: Error| Failure::Clip(error.to_string());
        let state = State::of(&clip.input, self.args.hash).map_err(failed)?;
        let worker = match slot {
            Some(worker) => worker,
            None => slot.insert(Worker::start(self.args, self.threads).map_err(Failure::Fatal)?),
        };
        let outcome = self.attend(number, worker, clip);
        if !worker.is_idle {
            *slot = None;
        }
        let (finished, classifier) = outcome?;
        let (settings, model) = (self.recipe.settings.clone(), self.recipe.model.clone());
        let work = Work { clip, state, settings, model, classifier, finished };
        Done::keep(work, self.folder, &endings(self.args)).map_err(failed)
    }

    /// Gives the worker its clip and waits for what comes of it.
    fn attend(&self, number: usize, worker: &mut Worker, clip: &Clip) -> Result<(Finished, String), Failure> {
        let deadline = self.args.timeout_per_clip.map(|seconds| Instant::now() + Duration::from_secs_f64(seconds));
        worker.give(clip);
        loop {
            if self.stop.load(Ordering::Relaxed) {
                return Err(Failure::Stopped);
            }
            if deadline.is_some_and(|deadline| Instant::now() > deadline) {
                let seconds = self.args.timeout_per_clip.unwrap_or_default();
                return Err(Failure::Clip(format!("took longer than {seconds:.0} s (--timeout-per-clip)")));
            }
            match worker.hear() {
                Heard::Nothing | Heard::Event(Event::Other) => {}
                Heard::Event(Event::Ready { classifier }) => worker.classifier = classifier,
                Heard::Event(Event::Progress { frame, frames }) => self.seen.progress(number, clip, frame, frames),
                Heard::Event(Event::Finished(finished)) => {
                    worker.is_idle = true;
                    return Ok((finished, worker.classifier.clone()));
                }
                Heard::Event(Event::Failed { error }) => {
                    worker.is_idle = true;
                    return Err(Failure::Clip(error));
                }
                Heard::Event(Event::Fatal { error, usage }) => {
                    return Err(Failure::Fatal(if usage { Error::Usage(error) } else { Error::Runtime(error) }));
                }
                Heard::End(how) => return Err(Failure::Clip(format!("the process that worked on it {how}"))),
            }
        }
    }
}

/// What a worker was heard to say.
enum Heard {
    Event(Event),
    Nothing,
    /// It has ended, and how.
    End(String),
}

/// A running worker. Dropped, it is told to end, or killed where it has a clip in work.
struct Worker {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    classifier: String,
    is_idle: bool,
    /// The last thing said that was no event: a crash's own words.
    last_words: String,
}

impl Worker {
    /// Starts this very program with the same settings, as a worker.
    fn start(args: &BatchArgs, threads: usize) -> Result<Self> {
        let failed = |e: std::io::Error| Error::Child { program: "salstream", problem: format!("no worker: {e}") };
        let mut command = Command::new(std::env::current_exe().map_err(failed)?);
        command.args(["batch", "--worker"]);
        if args.threads.is_none() {
            command.arg(format!("--threads={threads}"));
        }
        command.args(&args.settings.line).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        // Ctrl-C reaches the master alone, which ends its workers in order.
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut child = command.spawn().map_err(failed)?;
        let (sender, lines) = unbounded();
        if let Some(stderr) = child.stderr.take() {
            std::thread::spawn(move || {
                let lines = BufReader::new(stderr).split(b'\n').map_while(std::io::Result::ok);
                for line in lines {
                    if sender.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                        break;
                    }
                }
            });
        }
        let stdin = child.stdin.take();
        Ok(Self { child, stdin, lines, classifier: String::new(), is_idle: true, last_words: String::new() })
    }

    fn give(&mut self, clip: &Clip) {
        self.is_idle = false;
        let job = serde_json::to_string(&Job::of(clip)).unwrap_or_default();
        // One that has died is found out when nothing is heard of it.
        let _ = self.stdin.as_mut().map(|stdin| writeln!(stdin, "{job}"));
    }

    fn hear(&mut self) -> Heard {
        match self.lines.recv_timeout(GLANCE) {
            Ok(line) => match serde_json::from_str(&line) {
                Ok(event) => Heard::Event(event),
                Err(_) => {
                    if !line.trim().is_empty() {
                        self.last_words = line.trim().to_owned();
                    }
                    Heard::Nothing
                }
            },
            Err(RecvTimeoutError::Timeout) => Heard::Nothing,
            Err(RecvTimeoutError::Disconnected) => {
                let how = self.child.wait().map_or_else(|e| e.to_string(), ended);
                let words = if self.last_words.is_empty() { String::new() } else { format!(": {}", self.last_words) };
                Heard::End(format!("{how}{words}"))
            }
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        drop(self.stdin.take());
        if !self.is_idle {
            // Nothing that it has written so far is of use.
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}

fn ended(status: ExitStatus) -> String {
    match std::os::unix::process::ExitStatusExt::signal(&status) {
        Some(signal) => format!("was killed by signal {signal}"),
        None => format!("ended ({status})"),
    }
}
