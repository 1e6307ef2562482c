//! The summary of a batch: `summary.json` for programs, a table and a contact sheet for people.

use super::clip::Clip;
use super::folder_lock::FolderLock;
use super::manifest::{MAX_FRAMES, Manifest};
use super::outcome::ClipOutcome;
use super::outcome::SummaryEntry;
use super::shard::Shard;
use super::{concat, contact_sheet, disk_space};
use std::collections::HashSet;
use std::fs;
use std::path::{Display, Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::reporting::mode::ReportMode;
use crate::reporting::terminal::say;
use crate::{Error, Result, sink};

/// Maximum number of missing parts named.
const MAX_NAMED_PARTS: usize = 100;
/// Maximum number of failed clips named in the table.
const MAX_NAMED_FAILURES: usize = 20;

/// The summary of a batch, or of one part of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Which part (from 1), and the number of parts.
    shard: (usize, usize),
    /// SHA-256 of the settings.
    settings: String,
    /// Duration of the run in seconds.
    seconds: f64,
    /// The clips.
    clips: Vec<SummaryEntry>,
    #[serde(skip)]
    began: Option<Instant>,
}

impl Summary {
    /// An empty summary; its time starts now.
    pub(super) fn new(shard: Shard, settings: &str) -> Self {
        let shard = (shard.index + 1, shard.count);
        Self { shard, settings: settings.into(), seconds: 0.0, clips: Vec::new(), began: Some(Instant::now()) }
    }

    /// Reads a summary.
    ///
    /// # Errors
    /// What is wrong with it.
    fn parse(bytes: &[u8]) -> Result<Self, String> {
        let part: Self = serde_json::from_slice(bytes).map_err(|e| e.to_string())?;
        let (index, count) = part.shard;
        let segments = part.clips.iter().filter_map(|entry| entry.segment);
        let all_fit = segments.map(|segment| (segment.index, segment.count)).all(|(index, count)| index < count);
        if !(1..=count).contains(&index) || !all_fit || part.clips.iter().any(|entry| entry.frames > MAX_FRAMES) {
            return Err("its numbers of parts, segments or frames do not fit".into());
        }
        Ok(part)
    }

    pub(super) fn add(&mut self, entry: SummaryEntry) {
        self.clips.push(entry);
    }

    /// Notes how much disk space `clips` need, if the disk was full.
    pub(super) fn needed(&self, clips: &[Clip], folder: &Path) -> Option<String> {
        disk_space::needed(clips, &self.clips, folder)
    }

    /// Joins segments into clips.
    pub(super) fn gather(&mut self, folder: &Path) {
        self.clips = concat::join_segments(std::mem::take(&mut self.clips), folder, &self.settings);
    }

    /// Writes it to `folder`, sorted.
    pub(super) fn write(&mut self, folder: &Path) -> Result<()> {
        self.clips.sort_by(|a, b| a.place.cmp(&b.place));
        self.seconds = self.began.map_or(self.seconds, |began| began.elapsed().as_secs_f64());
        let (index, count) = self.shard;
        let path = folder.join(Shard { index: index - 1, count }.summary());
        let json = serde_json::to_vec_pretty(self).map_err(|e| Error::output(&path, e.to_string()))?;
        sink::write(&path, &json, true)?;
        // The contact sheet of a part is made by the merge.
        if count == 1 {
            sink::write(
                &folder.join("summary.html"),
                &contact_sheet::page(&self.clips, &self.closing(), folder),
                true,
            )?;
        }
        Ok(())
    }

    /// Whether any clip is not done.
    pub fn is_incomplete(&self) -> bool {
        self.clips.iter().any(|entry| !entry.outcome.is_done())
    }

    /// The clips that are not done because of a failure: how they are called in the table, their names and reasons.
    fn failures(&self) -> impl Iterator<Item = (&'static str, Display<'_>, &str)> {
        self.clips.iter().filter_map(|entry| match &entry.outcome {
            ClipOutcome::Failed(reason) => Some(("failed", entry.input.display(), &**reason)),
            ClipOutcome::Partial(reason) => Some(("partial", entry.input.display(), &**reason)),
            ClipOutcome::Done | ClipOutcome::Skipped | ClipOutcome::Open => None,
        })
    }

    /// Prints the final table; as JSON for programs.
    pub fn say(&self, json: bool) {
        if json {
            let Counts { done, skipped, partial, failed, open, frames, noted, .. } = self.counts();
            let line = json!({ "event": "done", "done": done, "skipped": skipped, "partial": partial,
                "failed": failed, "open": open, "with_notes": noted, "frames": frames, "seconds": self.seconds });
            return say(&line.to_string());
        }
        say(&self.closing());
        let named = self.failures().take(MAX_NAMED_FAILURES);
        named.for_each(|(kind, input, reason)| say(&format!("  {kind}  {input}: {reason}")));
        let failed = self.failures().count();
        if failed > MAX_NAMED_FAILURES {
            say(&format!("  and {} more: see the summary", failed - MAX_NAMED_FAILURES));
        }
        if let noted @ 1.. = self.counts().noted {
            let (clips, file) = (if noted == 1 { "clip" } else { "clips" }, self.notes_file());
            say(&format!("{noted} {clips} with notes: see {file}"));
        }
    }

    /// The file in which the user finds the clips' notes.
    fn notes_file(&self) -> String {
        match self.shard {
            (_, 1) => "summary.html".into(),
            (index, count) => Shard { index: index - 1, count }.summary(),
        }
    }

    /// The summary in one line.
    fn closing(&self) -> String {
        let Counts { done, skipped, partial, failed, open, frames, saved, .. } = self.counts();
        let fps = frames as f64 / self.seconds.max(1e-3);
        let cut = if partial > 0 { format!(", {partial} partial (up to the damage)") } else { String::new() };
        let left =
            if open > 0 { format!(", {open} left: run the same command again to continue") } else { String::new() };
        let hours = saved / 3600.0;
        format!(
            "{done} done ({frames} frames, {fps:.1} fps), {skipped} skipped ({hours:.2} h saved), {failed} failed{cut}{left}"
        )
    }

    fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for entry in &self.clips {
            counts.noted += usize::from(!entry.notes.is_empty());
            match entry.outcome {
                ClipOutcome::Done => {
                    counts.done += 1;
                    counts.frames += entry.frames;
                }
                ClipOutcome::Skipped => {
                    counts.skipped += 1;
                    counts.saved += entry.seconds;
                }
                ClipOutcome::Partial(_) => counts.partial += 1,
                ClipOutcome::Failed(_) => counts.failed += 1,
                ClipOutcome::Open => counts.open += 1,
            }
        }
        counts
    }
}

/// The number of clips by outcome.
#[derive(Default)]
struct Counts {
    done: usize,
    skipped: usize,
    partial: usize,
    failed: usize,
    open: usize,
    /// Clips with notes, whatever their outcome.
    noted: usize,
    /// Frames of the clips finished in this run.
    frames: u64,
    /// Processing seconds of the clips finished before.
    saved: f64,
}

/// Merges the summaries of all parts in `folder`.
///
/// # Errors
/// [`Error::Input`] if a part's summary is missing, cannot be read, or has other settings than the rest;
/// [`Error::Output`] if a part is in progress.
pub fn merge(folder: &Path, report: ReportMode, stop: &AtomicBool) -> Result<Summary> {
    let entries = fs::read_dir(folder).map_err(Error::io(folder))?.flatten();
    let Some(_lock) = FolderLock::acquire(folder, Shard::WHOLE, report, stop)? else {
        return Ok(Summary::new(Shard::WHOLE, ""));
    };
    let is_part = |name: &str| name.starts_with("summary-") && name.ends_with(".json") && name.contains("-of-");
    let mut parts = Vec::new();
    for path in entries
        .map(|entry| entry.path())
        .filter(|path| path.file_name().is_some_and(|name| is_part(&name.to_string_lossy())))
    {
        let bytes = fs::read(&path).map_err(Error::io(&path))?;
        parts.push(Summary::parse(&bytes).map_err(|e| Error::input(&path, format!("is not a summary: {e}")))?);
    }
    let Some(count) = parts.iter().map(|part| part.shard.1).max() else {
        return Err(Error::input(folder, "has no summary of a part: run the parts first (--shard I/N)"));
    };
    // Summaries of runs with another number of parts may be left over; the largest number counts.
    parts.retain(|part| part.shard.1 == count);
    let found: HashSet<usize> = parts.iter().map(|part| part.shard.0).collect();
    if found.len() < count {
        return Err(Error::input(folder, missing_parts(&found, count)));
    }
    if parts.iter().any(|part| part.settings != parts[0].settings) {
        return Err(Error::input(folder, "its parts have different settings: run them again with the same settings"));
    }
    let mut whole =
        Summary { shard: (1, 1), settings: parts[0].settings.clone(), seconds: 0.0, clips: Vec::new(), began: None };
    for part in parts {
        whole.seconds = whole.seconds.max(part.seconds);
        whole.clips.extend(part.clips);
    }
    whole.gather(folder);
    whole.clips = whole.clips.into_iter().map(|entry| checked(entry, folder)).collect();
    whole.write(folder)?;
    Ok(whole)
}

/// The problem that not all of `count` parts are among those `found`.
fn missing_parts(found: &HashSet<usize>, count: usize) -> String {
    let missing = (1..=count).filter(|index| !found.contains(index)).take(MAX_NAMED_PARTS);
    let named: Vec<String> = missing.map(|index| format!("{index}/{count}")).collect();
    let more = match count - found.len() - named.len() {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    format!("parts are missing: run them with --shard {}{more}", named.join(", "))
}

/// The entry, marked as failed if its result does not exist.
fn checked(entry: SummaryEntry, folder: &Path) -> SummaryEntry {
    let clip = entry.clip();
    let is_there =
        |manifest: PathBuf| Manifest::read(&manifest).is_some_and(|found| found.is_whole(&clip, folder, false));
    let reason = match &entry.outcome {
        ClipOutcome::Done | ClipOutcome::Skipped if !is_there(Manifest::path(&clip, folder)) => {
            "its result is missing or damaged".to_owned()
        }
        ClipOutcome::Partial(reason) if !is_there(Manifest::partial_path(&clip, folder)) => reason.clone(),
        _ => return entry,
    };
    SummaryEntry::of(&clip, ClipOutcome::Failed(reason), None)
}
