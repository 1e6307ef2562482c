//! Estimates a batch's progress in frames. The frames of a clip are known when it is opened; those of the rest are
//! estimated from their size in bytes.

use super::clip::Clip;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// The finished clips and those in progress.
#[derive(Debug, Default)]
pub(super) struct ProgressEstimate {
    clips: usize,
    bytes: u64,
    finished: Part,
    /// The number of finished clips that failed: their bytes say nothing about frames.
    failed: Part,
    /// Clips in progress by stem, with the frames that are done.
    running: HashMap<PathBuf, (Part, u64)>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Part {
    clips: usize,
    bytes: u64,
    frames: u64,
}

/// The progress of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub(super) struct ProgressTotals {
    /// Clips that have finished or failed.
    pub clips_done: usize,
    /// Number of all clips.
    pub clips: usize,
    /// Frames that are done.
    pub frames_done: u64,
    /// Estimated number of all frames, once one clip is known.
    pub frames: Option<u64>,
}

impl ProgressEstimate {
    pub(super) fn new(clips: &[Clip]) -> Self {
        Self { clips: clips.len(), bytes: clips.iter().map(|clip| clip.size).sum(), ..Self::default() }
    }

    /// The clip has reached `frame`, of this number of frames.
    pub(super) fn progress(&mut self, clip: &Clip, frame: u64, frames: Option<u64>) {
        let Some(frames) = frames else { return };
        let part = Part { clips: 1, bytes: clip.size, frames: frames.max(frame) };
        self.running.insert(clip.stem.clone(), (part, frame));
    }

    /// The clip has finished with this number of frames, or has failed.
    pub(super) fn finished(&mut self, clip: &Clip, frames: Option<u64>) {
        self.forget(&clip.stem);
        let part = if frames.is_some() { &mut self.finished } else { &mut self.failed };
        part.clips += 1;
        part.bytes += clip.size;
        part.frames += frames.unwrap_or(0);
    }

    /// The clip is not in progress any more.
    pub(super) fn forget(&mut self, place: &Path) {
        self.running.remove(place);
    }

    pub(super) fn reached(&self) -> ProgressTotals {
        let running = || self.running.values().map(|(part, _)| part);
        let known = self.finished.frames + running().map(|part| part.frames).sum::<u64>();
        let bytes = self.finished.bytes + running().map(|part| part.bytes).sum::<u64>();
        let rest = self.bytes.saturating_sub(bytes + self.failed.bytes);
        let expected = (rest as f64 * known as f64 / bytes.max(1) as f64).round() as u64;
        ProgressTotals {
            clips_done: self.finished.clips + self.failed.clips,
            clips: self.clips,
            frames_done: self.finished.frames + self.running.values().map(|(_, frame)| frame).sum::<u64>(),
            frames: (known > 0).then_some(known + expected),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_to_come_are_expected_by_bytes() {
        let clip = |stem: &str, size| Clip { input: stem.into(), stem: stem.into(), size, segment: None };
        let clips = [clip("a", 100), clip("b", 300), clip("c", 50), clip("d", 600)];
        let mut tally = ProgressEstimate::new(&clips);
        let reached = |tally: &ProgressEstimate| {
            let ProgressTotals { clips_done, frames_done, frames, .. } = tally.reached();
            (clips_done, frames_done, frames)
        };
        assert_eq!(reached(&tally), (0, 0, None));
        tally.progress(&clips[0], 5, Some(10));
        assert_eq!(reached(&tally), (0, 5, Some(105)), "ten frames in a hundred bytes");
        tally.finished(&clips[0], Some(10));
        tally.progress(&clips[1], 20, Some(70));
        assert_eq!(reached(&tally), (1, 30, Some(80 + 130)), "eighty in four hundred");
        tally.finished(&clips[2], None);
        assert_eq!(reached(&tally), (2, 30, Some(80 + 120)), "a clip that failed has none");
        tally.forget(&clips[1].stem);
        assert_eq!(reached(&tally), (2, 10, Some(100)));
    }
}
