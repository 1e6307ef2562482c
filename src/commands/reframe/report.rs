//! What a reframing says at its end.

use std::path::PathBuf;

use serde_json::json;

use super::config::ReframeConfig;
use super::picture::is_padded;
use crate::Error;
use crate::reframe::CameraPath;
use crate::reporting::mode::ReportMode;
use crate::reporting::terminal::say;

/// The result of a reframing.
#[derive(Debug)]
pub struct ReframeSummary {
    /// Number of frames written.
    pub frames: u64,
    /// Wall time of both passes in seconds, with the start-up.
    pub seconds: f64,
    /// Model, device and precision.
    pub classifier: String,
    /// The result.
    pub output: PathBuf,
    /// Why the rest could not be decoded, if it could not.
    pub broken: Option<Error>,
    /// Whether the user stopped it.
    pub interrupted: bool,
}

/// Notes for the user about the path.
pub(super) fn notes(config: &ReframeConfig, path: &CameraPath) -> Vec<String> {
    let (picture, window) = (path.options.picture, path.options.window);
    if window == picture {
        return vec![format!("the picture already is {}: nothing is cropped", config.aspect)];
    }
    let mut notes = Vec::new();
    if config.safe_area > 0.0 && window.height == picture.height {
        notes.push("--safe-area changes nothing: the window is as high as the picture; --zoom makes it smaller".into());
    }
    let all = path.shots.len();
    let blank = path.shots.iter().filter(|shot| shot.is_blank).count();
    if blank > 0 {
        notes.push(format!("nothing stood out in {blank} of {all} shots: there, the window is in the middle"));
    }
    let tight = path.shots.iter().filter(|shot| is_padded(shot)).count();
    if tight > 0 && config.pad.is_none() {
        let what = "do not fit into the window: --pad blur shows them whole";
        notes.push(format!("the salient parts of {tight} of {all} shots {what}"));
    }
    notes
}

/// Prints the summary line.
pub(super) fn say_closing(report: ReportMode, path: &CameraPath, summary: &ReframeSummary) {
    let ReframeSummary { frames, seconds, classifier, output, broken, interrupted } = summary;
    let window = path.options.window;
    let shots = path.shots.len();
    match report {
        ReportMode::Quiet => {}
        ReportMode::Json => {
            let ending = match (broken, interrupted) {
                (Some(_), _) => "broken",
                (None, true) => "interrupted",
                (None, false) => "complete",
            };
            let line = json!({ "event": "done", "frames": frames, "shots": shots, "seconds": seconds,
                "window": [window.width, window.height], "classifier": classifier,
                "output": output.display().to_string(), "ending": ending });
            say(&line.to_string());
        }
        ReportMode::Bar | ReportMode::Lines => say(&format!(
            "{frames} frames in {shots} {}, window {}x{}, in {seconds:.1} s with {classifier}: {}",
            if shots == 1 { "shot" } else { "shots" },
            window.width,
            window.height,
            output.display()
        )),
    }
}
