//! How far a batch is, on stderr: a bar for the whole, a line for each clip in work; or JSON for other programs.

use std::io::IsTerminal;
use std::sync::Mutex;
use std::sync::PoisonError;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;

use super::inputs::Clip;
use super::summary::{Entry, Outcome};
use crate::cli::{BatchArgs, ProgressMode};
use crate::report::say;

/// What the user sees.
pub(super) struct Seen {
    json: bool,
    lines: bool,
    bars: MultiProgress,
    /// By bytes of the inputs: frames are not known before a clip is opened.
    whole: ProgressBar,
    running: Mutex<Vec<Option<ProgressBar>>>,
    clips: usize,
}

impl Seen {
    pub(super) fn new(args: &BatchArgs, clips: &[Clip]) -> Self {
        let json = args.progress == ProgressMode::Json && !args.quiet;
        let bar = args.progress == ProgressMode::Auto && !args.quiet && std::io::stderr().is_terminal();
        let target = if bar { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bars = MultiProgress::with_draw_target(target);
        let style = ProgressStyle::with_template("{bar:30} {msg}  {bytes}/{total_bytes}  ETA {eta}");
        let whole = bars.add(ProgressBar::new(clips.iter().map(|clip| clip.size).sum()));
        whole.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        whole.set_message(format!("0/{} clips", clips.len()));
        let lines = !bar && !json && !args.quiet && args.progress == ProgressMode::Auto;
        Self { json, lines, bars, whole, running: Mutex::default(), clips: clips.len() }
    }

    /// Worker `number` has come so far.
    pub(super) fn progress(&self, number: usize, clip: &Clip, frame: u64, frames: Option<u64>) {
        if self.json {
            let line = json!({ "event": "progress", "input": clip.name(), "frame": frame, "frames": frames });
            return say(&line.to_string());
        }
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let count = running.len().max(number + 1);
        running.resize_with(count, || None);
        let bar = running[number].get_or_insert_with(|| {
            let style = ProgressStyle::with_template("  {wide_msg} {pos}/{len} frames  {per_sec}");
            let bar = self.bars.add(ProgressBar::new(0));
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar
        });
        bar.set_message(clip.name());
        bar.set_length(frames.unwrap_or(0));
        bar.set_position(frame);
    }

    /// A clip is done with, well or not.
    pub(super) fn finished(&self, number: usize, clip: &Clip, entry: &Entry) {
        self.whole.inc(clip.size);
        if let Some(bar) =
            self.running.lock().unwrap_or_else(PoisonError::into_inner).get_mut(number).and_then(Option::take)
        {
            bar.finish_and_clear();
        }
        if self.json {
            return say(&json!({ "event": "clip", "clip": entry }).to_string());
        }
        let input = clip.name();
        let line = match &entry.outcome {
            Outcome::Failed(reason) => format!("failed: {input}: {reason}"),
            _ => format!("done: {input}, {} frames", entry.frames),
        };
        match &entry.outcome {
            // Above the bar, or plainly where there is none.
            Outcome::Failed(_) if !self.lines => drop(self.bars.println(&line)),
            _ if self.lines => say(&line),
            _ => {}
        }
        let done = self.clips.min(self.whole.message().split('/').next().and_then(|n| n.parse().ok()).unwrap_or(0) + 1);
        self.whole.set_message(format!("{done}/{} clips", self.clips));
    }

    /// Takes the bars off the terminal.
    pub(super) fn clear(&self) {
        self.whole.finish_and_clear();
    }
}
