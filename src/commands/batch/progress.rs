//! Progress of a batch on stderr: a bar for the whole batch and a line for each clip in progress; or JSON for other
//! programs.

use super::clip::Clip;
use super::config::BatchConfig;
use super::estimate::ProgressEstimate;
use super::estimate::ProgressTotals;
use super::outcome::ClipOutcome;
use super::outcome::SummaryEntry;
use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{FormattedDuration, MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value, json};

use crate::reporting::mode::ReportMode;
use crate::reporting::terminal::{printable, say};

/// What the user sees.
pub(super) struct BatchProgress {
    report: ReportMode,
    lines: bool,
    bars: MultiProgress,
    whole: ProgressBar,
    began: Instant,
    state: Mutex<ProgressState>,
}

struct ProgressState {
    tally: ProgressEstimate,
    /// By stem.
    running: HashMap<PathBuf, ProgressBar>,
    /// The notes printed so far.
    noted: HashSet<String>,
}

impl BatchProgress {
    pub(super) fn new(config: &BatchConfig, clips: &[Clip]) -> Self {
        let bar = config.report == ReportMode::Bar;
        let target = if bar { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bars = MultiProgress::with_draw_target(target);
        let whole = bars.add(ProgressBar::new(1).with_style(style("{bar:30} {msg}")));
        let lines = config.report == ReportMode::Lines && config.clip_lines;
        let tally = ProgressEstimate::new(clips);
        let reached = tally.reached();
        let state = Mutex::new(ProgressState { tally, running: HashMap::new(), noted: HashSet::new() });
        let progress = Self { report: config.report, lines, bars, whole, began: Instant::now(), state };
        progress.draw(reached);
        progress
    }

    /// Updates a clip's progress.
    pub(super) fn progress(&self, clip: &Clip, frame: u64, frames: Option<u64>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.tally.progress(clip, frame, frames);
        let reached = state.tally.reached();
        if self.report == ReportMode::Json {
            let whole = self.whole(reached);
            let line =
                json!({ "event": "progress", "input": clip.name(), "frame": frame, "frames": frames, "whole": whole });
            return say(&line.to_string());
        }
        let bar = state.running.entry(clip.stem.clone()).or_insert_with(|| {
            let bar = ProgressBar::new(0).with_style(style("  {wide_msg} {pos}/{len} frames  {per_sec}"));
            self.bars.add(bar.with_message(printable(&clip.name().to_string()).into_owned()))
        });
        bar.set_length(frames.unwrap_or(0));
        bar.set_position(frame);
        self.draw(reached);
    }

    /// A clip has finished or failed.
    pub(super) fn finished(&self, clip: &Clip, entry: &SummaryEntry) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let failed = !entry.outcome.is_done();
        state.tally.finished(clip, (!failed).then_some(entry.frames));
        let reached = state.tally.reached();
        if self.report == ReportMode::Json {
            return say(&json!({ "event": "clip", "clip": entry, "whole": self.whole(reached) }).to_string());
        }
        state.running.remove(&clip.stem).into_iter().for_each(|bar| bar.finish_and_clear());
        let input = clip.name();
        let line = match &entry.outcome {
            ClipOutcome::Failed(reason) => format!("failed: {input}: {reason}"),
            ClipOutcome::Partial(reason) => format!("partial: {input}, {} frames: {reason}", entry.frames),
            _ => format!("done: {input}, {} frames", entry.frames),
        };
        if self.lines {
            say(&line);
        } else if failed {
            // Above the bar. What cannot be printed here is in the table.
            let _ = self.bars.println(printable(&line));
        }
        self.draw(reached);
    }

    /// Prints those of `notes`, which do not belong to one clip, that have not been printed yet.
    pub(super) fn notes_once(&self, notes: &[String]) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let new: Vec<String> = notes.iter().filter(|note| state.noted.insert((*note).clone())).cloned().collect();
        if !new.is_empty() {
            self.bars.suspend(|| self.report.notes(&new));
        }
    }

    /// A clip has been returned to the queue, and starts again later.
    pub(super) fn put_back(&self, clip: &Clip) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.tally.forget(&clip.stem);
        state.running.remove(&clip.stem).into_iter().for_each(|bar| bar.finish_and_clear());
    }

    /// Removes the bars from the terminal.
    pub(super) fn clear(&self) {
        self.whole.finish_and_clear();
    }

    fn draw(&self, reached: ProgressTotals) {
        let ProgressTotals { clips_done, clips, frames_done, frames } = reached;
        let frames_text = frames.map_or_else(String::new, |frames| format!("  {frames_done}/{frames} frames"));
        let eta =
            self.eta(reached).map(|eta| format!("  {:.1} fps  ETA {}", self.fps(reached), FormattedDuration(eta)));
        self.whole.set_length(frames.unwrap_or(1));
        self.whole.set_position(frames_done);
        self.whole.set_message(format!("{clips_done}/{clips} clips{frames_text}{}", eta.unwrap_or_default()));
    }

    fn fps(&self, reached: ProgressTotals) -> f64 {
        reached.frames_done as f64 / self.began.elapsed().as_secs_f64()
    }

    fn eta(&self, reached: ProgressTotals) -> Option<Duration> {
        let rest = reached.frames?.saturating_sub(reached.frames_done);
        Duration::try_from_secs_f64(rest as f64 / self.fps(reached)).ok()
    }

    fn whole(&self, reached: ProgressTotals) -> Value {
        let mut whole = json!(reached);
        whole["fps"] = self.fps(reached).into();
        whole["eta_seconds"] = self.eta(reached).map(|eta| eta.as_secs_f64()).into();
        whole
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
