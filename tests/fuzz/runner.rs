//! Runs inputs one after the other, with limits.

use std::any::Any;
use std::fs;
use std::panic::catch_unwind;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

/// How long one input may take: hundreds of times as long as the slowest of the corpus, on a busy machine.
const INPUT_TIMEOUT: Duration = Duration::from_secs(20);
/// How much memory one input may take beyond the most that was used before.
const MAX_GROWTH_KILOBYTES: u64 = 256 * 1024;

/// A thread that runs a target.
pub struct Runner {
    read: fn(&[u8]),
    inputs: Sender<Vec<u8>>,
    outcomes: Receiver<Result<(), String>>,
}

impl Runner {
    pub fn start(read: fn(&[u8])) -> Self {
        let (inputs, waiting) = channel::<Vec<u8>>();
        let (done, outcomes) = channel();
        std::thread::spawn(move || {
            for input in waiting {
                let outcome = catch_unwind(|| read(&input)).map_err(|panic| message(&*panic));
                if done.send(outcome).is_err() {
                    break;
                }
            }
        });
        Self { read, inputs, outcomes }
    }

    /// What is wrong with the way in which the target reads `input`.
    pub fn problem(&mut self, input: &[u8]) -> Option<String> {
        // If this process dies, it is there.
        fs::write(last_input(), input).unwrap();
        let before = peak_kilobytes();
        self.inputs.send(input.to_vec()).unwrap();
        let Ok(outcome) = self.outcomes.recv_timeout(INPUT_TIMEOUT) else {
            *self = Self::start(self.read);
            return Some(format!("takes longer than {INPUT_TIMEOUT:?}"));
        };
        let grown = peak_kilobytes().saturating_sub(before);
        let is_large = grown > MAX_GROWTH_KILOBYTES;
        outcome.err().or_else(|| is_large.then(|| format!("takes {} MB of memory", grown / 1024)))
    }
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
