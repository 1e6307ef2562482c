//! Tells the user how far a run is, on stderr.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;

use super::{Ending, Summary};
use crate::frame::Timing;
use crate::reporting::mode::ReportMode;
use crate::reporting::terminal::say;

/// Seconds between two JSON lines.
const PERIOD: Duration = Duration::from_millis(500);

/// A run's progress in the form asked for.
pub struct Progress {
    report: ReportMode,
    bar: ProgressBar,
    frames: Option<u64>,
    started: Instant,
    state: RefCell<State>,
}

struct State {
    total: Timing,
    done: u64,
    said: Instant,
}

impl Progress {
    /// Progress of a run over `frames` frames, where their number is known.
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
            state: RefCell::new(State { total: Timing::default(), done: 0, said: started }),
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
        if self.report == ReportMode::Json && state.said.elapsed() >= PERIOD {
            state.said = Instant::now();
            let fps = state.done as f64 / self.started.elapsed().as_secs_f64();
            let eta = self.frames.map(|frames| frames.saturating_sub(state.done) as f64 / fps);
            let line = json!({ "event": "progress", "frame": state.done, "frames": self.frames, "fps": fps,
                "eta_seconds": eta, "limiting_stage": limiting });
            say(&line.to_string());
        }
    }

    /// Takes the bar off the terminal.
    pub fn clear(&self) {
        self.bar.finish_and_clear();
    }

    /// Frames counted, and the mean milliseconds a frame of each stage.
    pub fn totals(&self) -> (u64, Timing) {
        let state = self.state.borrow();
        (state.done, state.total / state.done.max(1) as f32)
    }

    /// The closing line.
    pub fn close(&self, summary: &Summary) {
        let Summary { frames, seconds, classifier, output, timing, ending, .. } = summary;
        let fps = *frames as f64 / seconds;
        match self.report {
            ReportMode::Quiet => {}
            ReportMode::Json => {
                let ending = match ending {
                    Ending::Complete => "complete",
                    Ending::Interrupted => "interrupted",
                    Ending::Broken(_) => "broken",
                };
                let output = output.as_ref().map(|output| output.display().to_string());
                let line = json!({ "event": "done", "frames": frames, "seconds": seconds, "fps": fps,
                    "classifier": classifier, "output": output, "ms": timing, "ending": ending });
                say(&line.to_string());
            }
            ReportMode::Bar | ReportMode::Lines => match output {
                None => say("stopped before the first frame, nothing was written"),
                Some(output) => say(&format!(
                    "{frames} frames in {seconds:.1} s ({fps:.1} fps, slowest stage {}) with {classifier}: {}",
                    timing.slowest(),
                    output.display()
                )),
            },
        }
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
