//! How much disk space is missing, if the disk was full.

use super::clip::Clip;
use super::manifest::Manifest;
use super::outcome::ClipOutcome;
use super::outcome::SummaryEntry;
use std::collections::HashMap;
use std::path::Path;

use indicatif::HumanBytes;

/// The error messages for a full disk and for a full user quota.
const FULL: [&str; 2] = ["No space left on device", "Disk quota exceeded"];

/// The space that the remaining `clips` need, if the disk was full for one of them. It is estimated from their sizes
/// and from the results of the other clips in `folder`.
pub(super) fn needed(clips: &[Clip], entries: &[SummaryEntry], folder: &Path) -> Option<String> {
    let is_full = |entry: &SummaryEntry| match &entry.outcome {
        ClipOutcome::Failed(reason) => FULL.iter().any(|full| reason.contains(full)),
        _ => false,
    };
    if !entries.iter().any(is_full) {
        return None;
    }
    let by_place: HashMap<&Path, &Clip> = clips.iter().map(|clip| (clip.stem.as_path(), clip)).collect();
    let (mut read, mut written, mut left, mut bytes) = (0, 0, 0, 0u64);
    for entry in entries {
        let Some(clip) = by_place.get(&*entry.place) else { continue };
        match &entry.outcome {
            ClipOutcome::Done | ClipOutcome::Skipped => {
                let Some(done) = Manifest::read(&Manifest::path(clip, folder)) else { continue };
                read += clip.size;
                written += done.outputs.iter().map(|output| output.size).sum::<u64>();
            }
            ClipOutcome::Partial(_) | ClipOutcome::Failed(_) | ClipOutcome::Open => {
                left += 1;
                bytes += clip.size;
            }
        }
    }
    // If there is no result yet, as much as the inputs.
    let factor = if read > 0 && written > 0 { written as f64 / read as f64 } else { 1.0 };
    let what = if left == 1 { "clip" } else { "clips" };
    let size = HumanBytes((bytes as f64 * factor) as u64);
    Some(format!(
        "the disk is full: about {size} needed for {left} more {what}: make room and run the same command again"
    ))
}
