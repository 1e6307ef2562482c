//! The summary line of a run.

use serde_json::json;

use super::{RunEnding, RunSummary};
use crate::Error;
use crate::reporting::mode::ReportMode;
use crate::reporting::terminal::say;

/// Prints the summary of a run.
pub fn say_closing(report: ReportMode, summary: &RunSummary) {
    let RunSummary { frames, seconds, classifier, output, timing, ending, .. } = summary;
    let fps = *frames as f64 / seconds;
    match report {
        ReportMode::Quiet => {}
        ReportMode::Json => {
            let ending = match ending {
                RunEnding::Complete => "complete",
                RunEnding::Interrupted => "interrupted",
                RunEnding::Broken(_) => "broken",
            };
            let output = output.as_ref().map(|output| output.display().to_string());
            let line = json!({ "event": "done", "frames": frames, "seconds": seconds, "fps": fps,
                "classifier": classifier, "output": output, "ms": timing, "ending": ending });
            say(&line.to_string());
        }
        ReportMode::Bar | ReportMode::Lines => match output {
            None => say(&Error::Interrupted.to_string()),
            Some(output) => say(&format!(
                "{frames} frames in {seconds:.1} s ({fps:.1} fps, slowest stage {}) with {classifier}: {}",
                timing.slowest(),
                output.display()
            )),
        },
    }
}
