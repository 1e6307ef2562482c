//! Progress in frames, on standard error.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;

use super::mode::ReportMode;
use super::terminal::say;
use crate::frame::Timing;

/// Seconds between two JSON lines.
const JSON_INTERVAL: Duration = Duration::from_millis(500);

/// Counts frames, and shows the progress in the requested form.
pub struct FrameProgress {
    report: ReportMode,
    bar: ProgressBar,
    frames: Option<u64>,
    started: Instant,
    state: RefCell<ProgressState>,
}

struct ProgressState {
    total: Timing,
    done: u64,
    said: Instant,
}

impl FrameProgress {
    /// The progress of a run over `frames` frames, if their number is known.
    pub fn new(report: ReportMode, frames: Option<u64>) -> Self {
        let target =
            if report == ReportMode::Bar { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(frames, target).with_style(style(frames.is_some()));
        let started = Instant::now();
        Self {
            report,
            bar,
            frames,
            started,
            state: RefCell::new(ProgressState { total: Timing::default(), done: 0, said: started }),
        }
    }

    /// Counts one more frame.
    pub fn frame(&self, timing: &Timing) {
        let mut state = self.state.borrow_mut();
        state.total += *timing;
        state.done += 1;
        let limiting = state.total.slowest();
        self.bar.set_message(limiting);
        self.bar.inc(1);
        if self.report == ReportMode::Json && state.said.elapsed() >= JSON_INTERVAL {
            state.said = Instant::now();
            let fps = state.done as f64 / self.started.elapsed().as_secs_f64();
            let eta = self.frames.map(|frames| frames.saturating_sub(state.done) as f64 / fps);
            let line = json!({ "event": "progress", "frame": state.done, "frames": self.frames, "fps": fps,
                "eta_seconds": eta, "limiting_stage": limiting });
            say(&line.to_string());
        }
    }

    /// Removes the bar from the terminal.
    pub fn clear(&self) {
        self.bar.finish_and_clear();
    }

    /// The number of frames counted, and the mean milliseconds per frame of each stage.
    pub fn totals(&self) -> (u64, Timing) {
        let state = self.state.borrow();
        (state.done, state.total / state.done.max(1) as f32)
    }
}

fn style(known: bool) -> ProgressStyle {
    let template = if known {
        "{bar:30} {pos}/{len} frames  {per_sec}  ETA {eta}  slowest: {msg}"
    } else {
        "{spinner} {pos} frames  {per_sec}  {elapsed}  slowest: {msg}"
    };
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
