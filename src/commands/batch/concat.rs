//! Joins the segments of a clip: without loss, with the sound, and with no frame missing or repeated.

use super::clip::Clip;
use super::clip::Segment;
use super::clip::SegmentTiming;
use super::config::PICTURE;
use super::manifest::FinishedWork;
use super::manifest::Manifest;
use super::outcome::ClipOutcome;
use super::outcome::SummaryEntry;
use super::protocol::ClipResult;
use crate::colour::ColourTags;
use crate::frame::ClipEnd;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use crate::commands::run::Preview;
use crate::sink::ReadyOutput;
use crate::sink::records::{self, FrameRecord, RecordSink};
use crate::sink::video::{EncodeOptions, VideoSink};
use crate::{Error, Result, sink};

/// Replaces the entries of segments in `entries` by those of their clips. A clip is joined if all its segments are done
/// with these `settings`, and it is not joined yet.
pub fn join_segments(entries: Vec<SummaryEntry>, folder: &Path, settings: &str) -> Vec<SummaryEntry> {
    let (pieces, mut gathered): (Vec<SummaryEntry>, Vec<SummaryEntry>) =
        entries.into_iter().partition(|entry| entry.segment.is_some());
    let mut clips: BTreeMap<PathBuf, Vec<SummaryEntry>> = BTreeMap::new();
    for entry in pieces {
        clips.entry(entry.clip().whole().stem).or_default().push(entry);
    }
    gathered.iter().for_each(|entry| drop(clips.remove(&entry.place)));
    for mut pieces in clips.into_values() {
        pieces.sort_by_key(|entry| entry.segment.map(|piece| piece.index));
        gathered.push(entry(&pieces[0].clip().whole(), &pieces, folder, settings));
    }
    gathered
}

/// The outcome of a clip whose segments have the outcomes `pieces`.
fn entry(clip: &Clip, pieces: &[SummaryEntry], folder: &Path, settings: &str) -> SummaryEntry {
    let count = pieces[0].segment.map_or(0, |piece| piece.count);
    for entry in pieces {
        let number = entry.segment.map_or(0, |piece| piece.index + 1);
        match &entry.outcome {
            ClipOutcome::Failed(reason) | ClipOutcome::Partial(reason) => {
                return SummaryEntry::of(
                    clip,
                    ClipOutcome::Failed(format!("segment {number} of {count}: {reason}")),
                    None,
                );
            }
            ClipOutcome::Open => return SummaryEntry::of(clip, ClipOutcome::Open, None),
            ClipOutcome::Done | ClipOutcome::Skipped => {}
        }
    }
    let before = Manifest::read(&Manifest::path(clip, folder)).filter(|done| done.settings == settings);
    if let Some(done) = before.filter(|done| done.is_whole(clip, folder, false)) {
        // Its segments may be left over if a run was killed just after joining them.
        let _ = fs::remove_dir_all(clip.pieces(folder));
        return SummaryEntry::of(clip, ClipOutcome::Skipped, Some(&done));
    }
    join_clip(clip, count, folder)
}

/// Joins the `count` segments of `clip`, and returns the outcome.
pub fn join_clip(clip: &Clip, count: usize, folder: &Path) -> SummaryEntry {
    match join(clip, count, folder) {
        Ok(done) => SummaryEntry::of(clip, ClipOutcome::Done, Some(&done)),
        Err(error) => {
            let why = match error {
                Error::Input { path, problem } if path == clip.input => problem,
                error => error.to_string(),
            };
            SummaryEntry::of(clip, ClipOutcome::Failed(format!("its segments cannot be joined: {why}")), None)
        }
    }
}

/// Joins the `count` segments of `clip`, writes the manifest and removes the segments.
fn join(clip: &Clip, count: usize, folder: &Path) -> Result<Manifest> {
    let finished = |index: usize| {
        let piece = clip.segment(Segment { index, count });
        let path = Manifest::path(&piece, folder);
        let done = Manifest::read(&path).filter(|done| done.is_whole(&piece, folder, false));
        let missing = || Error::input(&path, "the segment is missing or damaged: run the same command again");
        let done = done.ok_or_else(missing)?;
        let joint = done.joint.clone().ok_or_else(missing)?;
        Ok((piece, (done, joint)))
    };
    // It stops at the first one that is missing: a damaged `count` may be any number.
    let finished = (0..count).map(finished).collect::<Result<Vec<_>>>()?;
    let (pieces, proofs): (Vec<Clip>, Vec<_>) = finished.into_iter().unzip();
    let (proofs, joints): (Vec<Manifest>, Vec<SegmentTiming>) = proofs.into_iter().unzip();
    check(clip, &proofs, &joints)?;
    let joining = Concatenation { clip, folder, pieces: &pieces, proofs: &proofs, joints: &joints };
    let mut notes = joined_notes(&proofs);
    let endings: Vec<String> = proofs[0].outputs.iter().map(|output| output.ending.clone()).collect();
    let outputs = endings.iter().map(|ending| joining.output(ending)).collect::<Result<Vec<_>>>()?;
    notes.extend(outputs.iter().flat_map(|output| output.written().warnings.clone()));
    sink::publish(outputs)?;
    let Manifest { state, settings, model, classifier, .. } = proofs[0].clone();
    let finished = ClipResult {
        frames: joining.frames(),
        seconds: proofs.iter().map(|done| done.seconds).sum(),
        overview: Preview::joined(proofs.iter().map(|done| &done.overview)),
        joint: None,
        notes,
        damage: None,
    };
    let done = Manifest::keep(FinishedWork { clip, state, settings, model, classifier, finished }, folder, &endings)?;
    let gone = clip.pieces(folder);
    fs::remove_dir_all(&gone).map_err(Error::io(gone))?;
    Ok(done)
}

/// Checks that the segments have the same clip and settings, and that each begins where the previous one ends.
fn check(clip: &Clip, proofs: &[Manifest], joints: &[SegmentTiming]) -> Result<()> {
    let same = |done: &Manifest| {
        (&done.state, &done.settings, &done.model) == (&proofs[0].state, &proofs[0].settings, &proofs[0].model)
    };
    if !proofs.iter().all(same) {
        return Err(Error::input(&clip.input, "their inputs or settings differ: run the same command again"));
    }
    if joints.iter().any(|joint| joint.span.next.is_some_and(|next| next < joint.span.first)) {
        return Err(Error::input(&clip.input, "their manifests are damaged: run the same command again"));
    }
    let gap = |pair: &[SegmentTiming]| {
        let tolerance = pair[0].tolerance();
        pair[0].span.next.is_none_or(|next| (next - pair[1].span.first).abs() > tolerance)
    };
    if joints.windows(2).any(gap) || joints.last().is_some_and(|last| last.span.next.is_some()) {
        let problem = "frames between them are missing, because the file gives other times each time it is read: \
                       run without --split";
        return Err(Error::input(&clip.input, problem));
    }
    Ok(())
}

/// The notes of all segments: those that they share once, the others with the segment's number.
fn joined_notes(proofs: &[Manifest]) -> Vec<String> {
    let is_shared = |note: &String| proofs.iter().all(|done| done.notes.contains(note));
    let shared = proofs[0].notes.iter().filter(|note| is_shared(note)).cloned();
    let own = proofs.iter().enumerate().flat_map(|(index, done)| {
        let number = format!("segment {} of {}", index + 1, proofs.len());
        done.notes.iter().filter(|note| !is_shared(note)).map(move |note| format!("{number}: {note}"))
    });
    shared.chain(own).collect()
}

struct Concatenation<'a> {
    clip: &'a Clip,
    folder: &'a Path,
    pieces: &'a [Clip],
    proofs: &'a [Manifest],
    joints: &'a [SegmentTiming],
}

impl Concatenation<'_> {
    fn frames(&self) -> u64 {
        self.proofs.iter().map(|done| done.frames).sum()
    }

    /// The clip's output with this ending.
    fn output(&self, ending: &str) -> Result<ReadyOutput> {
        match ending {
            ".mp4" => self.video(),
            PICTURE => self.picture(),
            ".maps" => self.maps(),
            _ => self.records(ending),
        }
    }

    fn video(&self) -> Result<ReadyOutput> {
        let place = self.clip.pieces(self.folder);
        let mut list = String::from("ffconcat version 1.0\n");
        // Durations are rounded to microseconds in such a way that errors do not add up.
        let micros = |seconds: f64| ((seconds - self.joints[0].span.first) * 1e6).round() as u64;
        for (piece, SegmentTiming { span, .. }) in self.pieces.iter().zip(self.joints) {
            let name = piece.stem.file_name().unwrap_or(OsStr::new("")).to_string_lossy();
            list += &format!("file {name}.mp4\n");
            if let Some(next) = span.next {
                let length = micros(next) - micros(span.first);
                list += &format!("duration {}.{:06}\n", length / 1_000_000, length % 1_000_000);
            }
        }
        let path = place.join("list.txt");
        sink::write(&path, list.as_bytes(), true)?;
        let rate = self.joints[0].rate;
        let last = self.joints.last().map_or(0.0, |joint| joint.span.last) - self.joints[0].span.first;
        let output = self.clip.file(self.folder, ".mp4");
        let SegmentTiming { passthrough, end, is_whole, span, .. } = self.joints[0].clone();
        let colour = ColourTags::BT709;
        let options = EncodeOptions { format: None, crf: 0, overwrite: true, passthrough, colour };
        let end = ClipEnd { time: end.map(|end| end - span.first), is_whole };
        let joined = VideoSink::join(&path, rate, self.frames(), last, &output, options)?;
        joined.finish(end)
    }

    /// The preview picture of the most salient segment.
    fn picture(&self) -> Result<ReadyOutput> {
        let most = self.pieces.iter().zip(self.proofs).max_by_key(|(_, done)| done.overview.peak);
        let file = most.map_or(&self.pieces[0], |(piece, _)| piece).file(self.folder, PICTURE);
        let bytes = fs::read(&file).map_err(Error::io(&file))?;
        sink::ready(&self.clip.file(self.folder, PICTURE), &bytes, true)
    }

    fn records(&self, ending: &str) -> Result<ReadyOutput> {
        let mut table = RecordSink::create(&self.clip.file(self.folder, ending), true)?;
        let mut before = 0;
        for (piece, done) in self.pieces.iter().zip(self.proofs) {
            for record in records::read(&piece.file(self.folder, ending))? {
                table.write(FrameRecord { index: record.index + before, ..record })?;
            }
            before += done.frames;
        }
        table.finish()?.ok_or_else(|| Error::output(self.clip.file(self.folder, ending), "is not a file"))
    }

    /// The maps, as hard links if the disk supports them: if joining is repeated, it must find the segments' maps
    /// again.
    fn maps(&self) -> Result<ReadyOutput> {
        let target = self.clip.file(self.folder, ".maps");
        let temp = sink::maps::temporary(&target)?;
        let mut before = 0;
        for (piece, done) in self.pieces.iter().zip(self.proofs) {
            let maps = piece.file(self.folder, ".maps");
            for entry in fs::read_dir(&maps).map_err(Error::io(&maps))? {
                let file = entry.map_err(Error::io(&maps))?.path();
                let index: Option<u64> = file.file_stem().and_then(|stem| stem.to_str()?.parse().ok());
                let (Some(index), Some(extension)) = (index, file.extension()) else { continue };
                let name = format!("{:06}.{}", index + before, extension.to_string_lossy());
                let link = temp.path().join(name);
                fs::hard_link(&file, &link).or_else(|_| fs::copy(&file, &link).map(drop)).map_err(Error::io(&link))?;
            }
            before += done.frames;
        }
        ReadyOutput::folder(temp, &target, true, |_| true)
    }
}
