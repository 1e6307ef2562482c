//! Splits long clips into segments, which are processed like clips and joined at the end.
//!
//! Only a segment's number is fixed in advance. The worker that processes it computes where it begins and ends from the
//! clip, so that machines do not need to communicate.

use super::clip::Clip;
use super::clip::Segment;
use super::clip::tolerance;
use std::path::Path;
use std::thread;

use crate::commands::run::SegmentWindow;
use crate::commands::run::config::RunConfig;
use crate::frame::VideoInfo;
use crate::fuse::FuseOptions;
use crate::motion::CutFinder;
use crate::platform::machine::cores;
use crate::source::{self, Input, SourceOptions};
use crate::{Error, Result};

/// How far from its mark a cut is searched: as a share of a segment, and in seconds at most.
const CUT_SEARCH_RANGE: (f64, f64) = (0.125, 5.0);
/// Bounds of the pre-roll in seconds. The minimum is the time for which motion is held behind a still frame; a longer
/// pre-roll than the maximum would cost more than it is worth.
const PRE_ROLL_SECONDS: (f64, f64) = (1.0, 10.0);
/// The share of what the average would hold without the pre-roll that is left at the end of it.
const PRE_ROLL_REMAINDER: f64 = 2e-3;

/// Splits those of `clips` that are longer than one and a half times `seconds` into segments of about that length;
/// `options` set how a clip is read. A clip that cannot be opened stays whole: the reason is reported when it is
/// processed.
pub fn split(clips: Vec<Clip>, seconds: f64, options: &SourceOptions) -> Vec<Clip> {
    let count = |clip: &Clip| {
        let length = source::open(&Input::Video(clip.input.clone()), options).ok().and_then(|s| length(s.info()));
        length.map_or(1, |length| (length / seconds).round().max(1.0) as usize)
    };
    // Opening a clip takes a moment, most of it waiting for the disk, so this uses more threads than cores.
    let share = clips.len().div_ceil(2 * cores()).max(1);
    let counts: Vec<usize> = thread::scope(|scope| {
        let asked: Vec<_> =
            clips.chunks(share).map(|clips| (clips.len(), scope.spawn(|| clips.iter().map(count).collect()))).collect();
        asked.into_iter().flat_map(|(clips, thread)| thread.join().unwrap_or_else(|_| vec![1; clips])).collect()
    });
    let pieces = |(clip, count): (Clip, usize)| {
        let all = (0..count).map(|index| clip.segment(Segment { index, count })).collect();
        if count > 1 { all } else { vec![clip] }
    };
    clips.into_iter().zip(counts).flat_map(pieces).collect()
}

/// Duration of a clip in seconds.
fn length(info: &VideoInfo) -> Option<f64> {
    Some(info.frames? as f64 * info.rate.interval())
}

/// The window of `piece` in the clip that `config` names, and the properties of the whole clip.
///
/// # Errors
/// [`Error::Input`] if the clip is shorter than its header says.
pub fn window(config: &RunConfig, piece: Segment) -> Result<(SegmentWindow, VideoInfo)> {
    let info = source::open(&config.input, &config.source)?.info().clone();
    let name = config.input.path().unwrap_or(Path::new(""));
    let length = length(&info).ok_or_else(|| Error::input(name, "its length is not known: run without --split"))?;
    let marks = SplitPoints { config, info: &info, length, count: piece.count };
    let from = marks.joint(piece.index)?;
    let until = marks.joint(piece.index + 1)?;
    let interval = info.rate.interval();
    let pre_roll_start = (from - pre_roll(&config.fusion, interval)).max(0.0);
    let post_roll = (config.fusion.lookahead as f64 + 2.0) * interval;
    Ok((
        SegmentWindow { zero: info.start, pre_roll_start, from, until, post_roll, tolerance: tolerance(info.rate) },
        info,
    ))
}

/// What to do about a damaged clip: its segments are not joined, but a run on the whole clip keeps its good part.
const WITHOUT_SPLIT: &str = "run without --split to keep the frames before the damage";

/// The error of a clip with a damaged segment, with what to do about it.
pub fn damaged(error: Error) -> Error {
    match error {
        Error::Input { path, problem } => Error::Input { path, problem: format!("{problem}; or {WITHOUT_SPLIT}") },
        other => other,
    }
}

/// Seconds of frames before a segment that it takes until its averages are the same as without segments.
fn pre_roll(fusion: &FuseOptions, interval: f64) -> f64 {
    let frames = if fusion.raw { 0.0 } else { PRE_ROLL_REMAINDER.ln() / f64::from(fusion.smooth).ln() };
    (frames.abs() * interval).clamp(PRE_ROLL_SECONDS.0, PRE_ROLL_SECONDS.1)
}

/// Finds the time at which a clip is split.
struct SplitPoints<'a> {
    config: &'a RunConfig,
    info: &'a VideoInfo,
    length: f64,
    count: usize,
}

impl SplitPoints<'_> {
    /// Time of the first frame of segment `index`: at the cut nearest to its mark, or the first frame at the mark.
    fn joint(&self, index: usize) -> Result<f64> {
        match index {
            0 => return Ok(0.0),
            last if last == self.count => return Ok(f64::INFINITY),
            _ => {}
        }
        let piece = self.length / self.count as f64;
        let mark = piece * index as f64;
        let near = (piece * CUT_SEARCH_RANGE.0).min(CUT_SEARCH_RANGE.1);
        let tolerance = tolerance(self.info.rate);
        let all = SegmentWindow {
            zero: self.info.start,
            pre_roll_start: mark - near,
            from: 0.0,
            until: mark + near,
            post_roll: 0.0,
            tolerance,
        };
        let name = self.config.input.path().unwrap_or(Path::new(""));
        let too_short = || Error::input(name, format!("is shorter than its header says: {WITHOUT_SPLIT}"));
        let opened = source::open(&self.config.input, &all.options(&self.config.source));
        let mut source = opened.map_err(|error| match error {
            // The start is this function's, not the user's.
            Error::Usage(_) => too_short(),
            other => damaged(other),
        })?;
        let (mut cuts, mut at_mark, mut best) = (CutFinder::new()?, None, None);
        while let Some(frame) = source.read().map_err(damaged)? {
            if frame.time >= mark - tolerance {
                at_mark.get_or_insert(frame.time);
            }
            let closer = best.is_none_or(|best: f64| (frame.time - mark).abs() < (best - mark).abs());
            if cuts.is_cut(&frame.image)? && closer {
                best = Some(frame.time);
            }
        }
        best.or(at_mark).ok_or_else(too_short)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_run_up_grows_with_the_average_within_bounds() {
        let pre_roll = |smooth, raw| pre_roll(&FuseOptions { smooth, raw, ..FuseOptions::default() }, 0.04);
        assert!((pre_roll(0.9, false) - 2.36).abs() < 0.01, "{}", pre_roll(0.9, false));
        assert_eq!([pre_roll(0.0, false), pre_roll(0.5, true), pre_roll(1.0, false)], [1.0, 1.0, 10.0]);
    }
}
