//! A worker process, as its supervisor sees it.

use super::config::BatchConfig;
use super::protocol::WorkerMessage;
use super::protocol::WorkerRequest;
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, unbounded};

use crate::platform::child_process::end_within;
use crate::{Error, Result};

/// How long a worker may take to clean up and exit.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(3);
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// What was received from a worker.
pub(super) enum Received {
    Message(WorkerMessage),
    Nothing,
    /// It has ended, in this way.
    End(String),
}

/// A running worker. When it is dropped, it is told to exit, which also stops its current clip.
pub(super) struct WorkerProcess {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    /// Model, device and precision, once the model is loaded.
    pub classifier: String,
    /// The last line that was not an event: after a crash, the error message.
    last_words: String,
}

impl WorkerProcess {
    /// Starts this program with the same settings as a worker. With `--remeasure`, one worker measures before any other
    /// starts.
    ///
    /// # Errors
    /// [`Error::Child`] if no process can be started.
    pub(super) fn start(config: &BatchConfig, threads: usize) -> Result<Self> {
        static MEASURED: Mutex<BTreeSet<usize>> = Mutex::new(BTreeSet::new());
        let mut measured = MEASURED.lock().unwrap_or_else(PoisonError::into_inner);
        if config.run.model.classifier.remeasure && measured.insert(threads) {
            let mut first = Self::spawn(config, threads, true)?;
            let is_over = |heard| {
                matches!(
                    heard,
                    Received::End(_) | Received::Message(WorkerMessage::Ready { .. } | WorkerMessage::Fatal { .. })
                )
            };
            while !is_over(first.hear(POLL_INTERVAL)) {}
        }
        Self::spawn(config, threads, false)
    }

    fn spawn(config: &BatchConfig, threads: usize, measures: bool) -> Result<Self> {
        let failed =
            |e: std::io::Error| Error::Child { program: "salstream", problem: format!("cannot start a worker: {e}") };
        let mut command = Command::new(std::env::current_exe().map_err(failed)?);
        command.args(["batch", "--worker"]);
        if config.threads.is_none() {
            command.arg(format!("--threads={threads}"));
        }
        let line = config.worker_line.iter().filter(|flag| measures || *flag != "--remeasure");
        command.args(line).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        // Ctrl-C must reach the supervisor only, which stops its workers in order.
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
        Ok(Self { child, stdin, lines, classifier: String::new(), last_words: String::new() })
    }

    /// Gives it a request, to be handled after those that it has.
    pub(super) fn give(&mut self, job: &WorkerRequest) {
        let job = serde_json::to_string(job).unwrap_or_default();
        // A worker that has died is detected when its output ends.
        let _ = self.stdin.as_mut().map(|stdin| writeln!(stdin, "{job}"));
    }

    /// Its next message, waiting for up to `patience`.
    pub(super) fn hear(&mut self, patience: Duration) -> Received {
        match self.lines.recv_timeout(patience) {
            Ok(line) => match serde_json::from_str(&line) {
                Ok(event) => Received::Message(event),
                Err(_) => {
                    if !line.trim().is_empty() {
                        self.last_words = line.trim().to_owned();
                    }
                    Received::Nothing
                }
            },
            Err(RecvTimeoutError::Timeout) => Received::Nothing,
            Err(RecvTimeoutError::Disconnected) => {
                let how = self.child.wait().map_or_else(|e| e.to_string(), ended);
                let words = if self.last_words.is_empty() { String::new() } else { format!(": {}", self.last_words) };
                Received::End(format!("{how}{words}"))
            }
        }
    }

    /// Kills it at once.
    pub(super) fn kill(mut self) {
        let _ = self.child.kill();
    }
}

impl Drop for WorkerProcess {
    fn drop(&mut self) {
        drop(self.stdin.take());
        end_within(&mut self.child, SHUTDOWN_GRACE);
    }
}

fn ended(status: ExitStatus) -> String {
    match std::os::unix::process::ExitStatusExt::signal(&status) {
        Some(signal) => format!("was killed by signal {signal}"),
        None => format!("ended ({status})"),
    }
}
