//! The times in which a recording fails: what is said about them, and when it is tried again.

use std::path::Path;
use std::sync::Arc;

use super::session_hub::SessionHub;
use crate::Error;
use crate::reporting::terminal::say;
use crate::sink::recording::RecordingSink;

/// The pauses between two attempts, in seconds: each is twice as long as the one before.
const MIN_PAUSE_SECONDS: f64 = 1.0;
const MAX_PAUSE_SECONDS: f64 = 60.0;
/// How often a new file is asked whether there are pictures in it, in seconds.
const PROOF_INTERVAL_SECONDS: f64 = 1.0;

/// How often a recording failed, and how many seconds are missing.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub(super) struct Outage {
    pub count: u32,
    pub seconds: f64,
}

/// The outages of a recording. Times are in seconds of the session.
pub(super) struct OutageLog {
    hub: Arc<SessionHub>,
    total: Outage,
    /// When the current outage began.
    since: Option<f64>,
    retry_at: f64,
    pause: f64,
    /// When the last outage ended.
    ended: f64,
    next_proof: f64,
}

impl OutageLog {
    pub(super) fn new(hub: Arc<SessionHub>) -> Self {
        let (retry_at, pause, ended, next_proof) = (0.0, 0.0, f64::NEG_INFINITY, 0.0);
        Self { hub, total: Outage::default(), since: None, retry_at, pause, ended, next_proof }
    }

    /// Whether the recording has failed and is not known to work again.
    pub(super) fn is_open(&self) -> bool {
        self.since.is_some()
    }

    /// Whether a new file may be started at `time`.
    pub(super) fn may_try(&self, time: f64) -> bool {
        self.since.is_none() || time >= self.retry_at
    }

    /// Notes that the recording failed at `time`. The user is told when an outage begins, not at each attempt.
    pub(super) fn begin(&mut self, time: f64, error: &Error) {
        // Failures in quick succession are one and the same problem.
        let is_same = self.since.is_some() || time - self.ended < MAX_PAUSE_SECONDS;
        self.pause = if is_same { (2.0 * self.pause).min(MAX_PAUSE_SECONDS) } else { MIN_PAUSE_SECONDS };
        self.retry_at = time + self.pause;
        self.next_proof = 0.0;
        let trouble = format!("the recording has stopped: {error}");
        self.hub.report(|state| state.recording_trouble = Some(trouble.clone()));
        if self.since.is_none() {
            (self.since, self.total.count) = (Some(time), self.total.count + 1);
            say(&format!("warning: {trouble}; it is tried again, in a new file"));
            self.hub.notice(trouble);
        }
    }

    /// Ends the outage if there are pictures in the new file, which began at a time.
    pub(super) fn prove(&mut self, time: f64, file: Option<(&Path, f64)>) {
        let (Some(since), Some((path, began))) = (self.since, file) else { return };
        if time < self.next_proof.max(began + PROOF_INTERVAL_SECONDS) {
            return;
        }
        self.next_proof = time + PROOF_INTERVAL_SECONDS;
        if !RecordingSink::has_pictures(path) {
            return;
        }
        (self.since, self.ended) = (None, time);
        self.total.seconds += began - since;
        let back = format!("the recording goes on in {}; {:.1} s are missing", path.display(), began - since);
        say(&format!("warning: {back}"));
        self.hub.report(|state| state.recording_trouble = None);
        self.hub.notice(back);
    }

    /// All outages of a recording that ends at `end`.
    pub(super) fn total(&self, end: f64) -> Outage {
        let running = self.since.map_or(0.0, |since| (end - since).max(0.0));
        Outage { seconds: self.total.seconds + running, ..self.total }
    }
}
