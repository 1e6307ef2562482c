//! Signals that ask this process to end, and what happens if the work does not end.

use std::fs;
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;

use super::processes;

/// How often the processes are looked at after a signal.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// Up to this much processor time per interval, the processes only wait.
const IDLE_TIME: Duration = Duration::from_millis(50);

/// After so many idle intervals the children are killed, and after so many more this process ends.
const KILL_AFTER: u32 = 6;
const EXIT_AFTER: u32 = 4;

/// The flag of the whole process.
static REQUESTED: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);

/// Whether a signal has asked this process to end, for waits that must not go on then.
pub fn is_requested() -> bool {
    REQUESTED.load(Ordering::SeqCst)
}

/// The signals SIGINT, SIGTERM and SIGHUP as a flag.
///
/// The first one sets the flag, so that the work ends properly, with a playable result. If all that is left is waiting,
/// for example for a frozen `ffmpeg` or a pipe to which nobody writes, the children are killed after six seconds, and
/// this process ends four seconds later. A second SIGINT or SIGTERM ends it at once.
#[derive(Debug, Clone)]
pub struct StopSignals {
    /// The last one that arrived.
    signal: Arc<AtomicUsize>,
}

impl StopSignals {
    /// Handles the signals from now on. A SIGHUP that is ignored, as under `nohup`, stays ignored.
    ///
    /// # Errors
    /// Those of the system.
    pub fn install() -> io::Result<Self> {
        let signals = Self { signal: Arc::default() };
        for signal in [SIGINT, SIGTERM] {
            flag::register_conditional_shutdown(signal, status_of(signal).into(), REQUESTED.clone())?;
        }
        let hangup = (!is_ignored(SIGHUP)).then_some(SIGHUP);
        for signal in [SIGINT, SIGTERM].into_iter().chain(hangup) {
            flag::register_usize(signal, signals.signal.clone(), signal as usize)?;
            flag::register(signal, REQUESTED.clone())?;
        }
        let watched = signals.clone();
        end_when_idle(REQUESTED.clone(), move || watched.exit_status().unwrap_or(1));
        Ok(signals)
    }

    /// Whether a signal has arrived.
    pub fn flag(&self) -> &AtomicBool {
        &REQUESTED
    }

    /// The exit status of a process that a signal has stopped; `None` if none has arrived.
    pub fn exit_status(&self) -> Option<u8> {
        is_requested().then(|| status_of(self.signal.load(Ordering::SeqCst) as i32))
    }
}

/// When `stop` is set, ends what only waits, as [`StopSignals`] has it; this process with `exit_status`.
pub fn end_when_idle(stop: Arc<AtomicBool>, exit_status: impl Fn() -> u8 + Send + 'static) {
    thread::spawn(move || {
        while !stop.load(Ordering::SeqCst) {
            thread::sleep(POLL_INTERVAL);
        }
        let (mut idle, mut before) = (0, Duration::ZERO);
        loop {
            thread::sleep(POLL_INTERVAL);
            let now = processes::processor_time();
            idle = if now.saturating_sub(before) > IDLE_TIME { 0 } else { idle + 1 };
            before = now;
            if idle == KILL_AFTER {
                kill_children();
            }
            if idle == KILL_AFTER + EXIT_AFTER {
                let line = "error: stopped while waiting for something that does not answer";
                let _ = writeln!(io::stderr(), "{line}");
                std::process::exit(exit_status().into());
            }
        }
    });
}

fn kill_children() {
    for child in processes::descendants().into_iter().filter_map(Pid::from_raw) {
        // One that has ended meanwhile needs no signal.
        let _ = kill_process(child, Signal::KILL);
    }
}

/// The exit status that stands for `signal`: 129 for SIGHUP, and 130 for the others, as for Ctrl-C.
fn status_of(signal: i32) -> u8 {
    if signal == SIGHUP { 129 } else { 130 }
}

/// Whether this process ignores `signal`, which its parent decided.
fn is_ignored(signal: i32) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    mask >> (signal - 1) & 1 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_have_the_status_that_shells_report() {
        assert_eq!((status_of(SIGHUP), status_of(SIGINT), status_of(SIGTERM)), (129, 130, 130));
    }

    #[test]
    fn ignored_signals_are_known() {
        // Rust ignores SIGPIPE in every program.
        assert!(is_ignored(signal_hook::consts::SIGPIPE));
        assert!(!is_ignored(SIGTERM));
    }
}
