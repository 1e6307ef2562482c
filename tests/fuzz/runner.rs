//! Runs inputs one after the other, with limits.

use std::any::Any;
use std::fs;
use std::io::{Seek, Write};
use std::panic::catch_unwind;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

/// How long one input may take: hundreds of times as long as the slowest of the corpus, on a busy machine.
const INPUT_TIMEOUT: Duration = Duration::from_secs(10);
/// How much memory one input may take beyond the most that was used before.
const MAX_GROWTH_KILOBYTES: u64 = 256 * 1024;

/// What is wrong with the way in which a target reads an input; `None` if nothing is.
type Problem = Option<String>;

/// A thread that runs a target.
pub struct Runner {
    inputs: Sender<Vec<u8>>,
    outcomes: Receiver<Problem>,
    /// Whether an input does not end: there is no way to stop it, other than to end the process.
    pub is_stuck: bool,
}

impl Runner {
    pub fn start(read: fn(&[u8])) -> Self {
        let (inputs, waiting) = channel::<Vec<u8>>();
        let (done, outcomes) = channel();
        // If this process dies, the input that it died of is there. An open file is much faster than one file per input.
        let mut last = fs::File::create(last_input()).unwrap();
        std::thread::spawn(move || {
            waiting.iter().try_for_each(|input| {
                last.set_len(0).and_then(|()| last.rewind()).and_then(|()| last.write_all(&input)).unwrap();
                done.send(watched(read, &input))
            })
        });
        Self { inputs, outcomes, is_stuck: false }
    }

    /// The problems of `inputs`, by their indices. They are sent at once, so that the threads need not take turns. One that
    /// does not end is the last.
    pub fn problems(&mut self, inputs: &[Vec<u8>]) -> Vec<(usize, String)> {
        let mut found = Vec::new();
        inputs.iter().for_each(|input| self.inputs.send(input.clone()).unwrap());
        for index in 0..inputs.len() {
            match self.outcomes.recv_timeout(INPUT_TIMEOUT) {
                Ok(problem) => found.extend(problem.map(|problem| (index, problem))),
                Err(_) => {
                    found.push((index, format!("takes longer than {INPUT_TIMEOUT:?}")));
                    self.is_stuck = true;
                    break;
                }
            }
        }
        found
    }
}

fn watched(read: fn(&[u8]), input: &[u8]) -> Problem {
    let before = peak_kilobytes();
    let outcome = catch_unwind(|| read(input));
    let grown = peak_kilobytes().saturating_sub(before);
    let is_large = grown > MAX_GROWTH_KILOBYTES;
    let panic = outcome.err().map(|panic| message(&*panic));
    panic.or_else(|| is_large.then(|| format!("takes {} MB of memory", grown / 1024)))
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
    format!("panics: {}", text.unwrap_or("(no message)"))
}

/// Where the input that is being read is kept.
pub fn last_input() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("fuzz-input")
}

/// The most memory that this process has used; 0 where the system does not tell.
fn peak_kilobytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}
