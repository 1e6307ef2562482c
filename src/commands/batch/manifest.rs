//! The manifest of a clip: `NAME.done.json`, which is written last. A result without it is not finished. The manifest of
//! a result that ends where its input is damaged is `NAME.part.json`: it says what is there, but not that it is done.

use super::clip::Clip;
use super::clip::SegmentTiming;
use super::protocol::ClipResult;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};

use crate::commands::run::Preview;
use crate::platform::checksum::{file_sha256, sampled_sha256, sha256};
use crate::{Error, Result, sink};

/// Version of the file's schema. A manifest of another version is ignored.
const SCHEMA: u32 = 3;

/// More frames than any clip has. Up to this, sums do not overflow.
pub const MAX_FRAMES: u64 = 1 << 40;

/// The record of a finished clip, or of one that is damaged: input, settings, and files written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    schema: u32,
    /// The program's version.
    pub version: String,
    /// The input, as it was named on the command line.
    pub input: String,
    /// The state of the input when processing started.
    pub state: InputState,
    /// SHA-256 of all settings that affect the result.
    pub settings: String,
    /// SHA-256 of the model.
    pub model: String,
    /// Model, device and precision.
    pub classifier: String,
    /// Number of frames of the result.
    pub frames: u64,
    /// Processing time in seconds.
    pub seconds: f64,
    /// A short overview of the clip.
    pub overview: Preview,
    /// How to join it, if it is a segment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub joint: Option<SegmentTiming>,
    /// Notes for the user, one line each. Manifests of earlier versions have none.
    #[serde(default)]
    pub notes: Vec<String>,
    /// Why the result has only the frames before a damaged place; `None` if it is whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub damage: Option<String>,
    /// The files written.
    pub outputs: Vec<Output>,
}

/// The state of an input, by which changes are detected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputState {
    /// Size in bytes.
    pub size: u64,
    /// Time of the last change, in nanoseconds since 1970.
    pub modified: u64,
    /// SHA-256 of the content, with `--hash`.
    pub sha256: Option<String>,
}

/// A file that was written, or a folder of files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// The end of its name, after the clip's stem, such as `.mp4`.
    pub ending: String,
    /// Number of files: 1 for a file, the number of entries for a folder.
    pub files: u64,
    /// Total size in bytes.
    pub size: u64,
    /// SHA-256 of a file; `None` for a folder.
    pub sha256: Option<String>,
    /// Checksum of a sample: of the start, middle and end of the file, or of the first, middle and last file in the
    /// folder. Manifests of earlier versions have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sample: Option<String>,
}

/// What to do with a clip, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlannedAction {
    /// It has never been finished.
    Do,
    /// It was finished, but has to be done again, for this reason.
    Redo(&'static str),
    /// It is finished.
    Skip,
}

impl InputState {
    /// The current state of a file.
    ///
    /// # Errors
    /// [`Error::Input`] if it cannot be read.
    pub fn of(file: &Path, hash: bool) -> Result<Self> {
        let unreadable = |e: std::io::Error| Error::input(file, format!("cannot be read: {e}"));
        let metadata = fs::metadata(file).map_err(unreadable)?;
        let modified = metadata.modified().map_err(unreadable)?.duration_since(UNIX_EPOCH).unwrap_or_default();
        let sha256 = if hash { Some(file_sha256(file)?) } else { None };
        Ok(Self { size: metadata.len(), modified: modified.as_nanos() as u64, sha256 })
    }

    /// Whether the file is unchanged since `then`: by content if both states have a hash, else by size and time.
    fn is_same(&self, then: &Self) -> bool {
        match (&self.sha256, &then.sha256) {
            (Some(now), Some(then)) => now == then,
            _ => self.size == then.size && self.modified == then.modified,
        }
    }
}

impl Output {
    /// The file or folder that is at `path` now; with the SHA-256 of all of a file if `checksum`.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be read.
    pub fn of(path: &Path, ending: &str, checksum: bool) -> Result<Self> {
        let metadata = fs::metadata(path).map_err(Error::io(path))?;
        if metadata.is_file() {
            let sha256 = if checksum { Some(file_sha256(path)?) } else { None };
            let sample = Some(sampled_sha256(path)?);
            return Ok(Self { ending: ending.into(), files: 1, size: metadata.len(), sha256, sample });
        }
        let (mut files, mut size) = (Vec::new(), 0);
        for entry in fs::read_dir(path).map_err(Error::io(path))? {
            let entry = entry.map_err(Error::io(path))?;
            size += entry.metadata().map_err(Error::io(path))?.len();
            files.push(entry.path());
        }
        let sample = sample_of_folder(&mut files)?;
        Ok(Self { ending: ending.into(), files: files.len() as u64, size, sha256: None, sample })
    }

    /// Whether the file or folder is what it was when it was finished: by number of files, size and sample, which costs a
    /// few milliseconds; with `checksum`, by all bytes of a file. The sample is what tells a file whose blocks never
    /// reached the disk before a power failure: it has the right size, but reads as zeros.
    fn is_whole(&self, clip: &Clip, folder: &Path, checksum: bool) -> bool {
        let Ok(now) = Self::of(&clip.file(folder, &self.ending), &self.ending, checksum) else { return false };
        (now.files, now.size) == (self.files, self.size)
            && (now.sha256.is_none() || now.sha256 == self.sha256)
            && (self.sample.is_none() || now.sample == self.sample)
    }
}

/// The checksum of a sample of the `files` in a folder; `None` if there is none.
fn sample_of_folder(files: &mut [PathBuf]) -> Result<Option<String>> {
    files.sort();
    let [first, .., last] = &*files else { return files.first().map(|file| sampled_sha256(file)).transpose() };
    let samples = [first, &files[files.len() / 2], last].map(|file| sampled_sha256(file));
    let samples: Vec<String> = samples.into_iter().collect::<Result<_>>()?;
    Ok(Some(sha256(samples.concat().as_bytes())))
}

/// A clip with its result, ready to be written as a manifest.
pub struct FinishedWork<'a> {
    pub clip: &'a Clip,
    pub state: InputState,
    pub settings: String,
    pub model: String,
    pub classifier: String,
    pub finished: ClipResult,
}

impl Manifest {
    /// The path of a finished clip's manifest.
    pub fn path(clip: &Clip, folder: &Path) -> PathBuf {
        clip.file(folder, ".done.json")
    }

    /// The path of the manifest of a result that ends where its input is damaged.
    pub fn partial_path(clip: &Clip, folder: &Path) -> PathBuf {
        clip.file(folder, ".part.json")
    }

    /// Checks the files written, and writes the manifest: of a finished clip, or of a partial result if there was damage.
    /// The clip's other manifest, if there is one, says nothing about these files any more and is removed.
    ///
    /// # Errors
    /// [`Error::Input`] if the input has changed in the meantime; [`Error::Io`] if a file cannot be read or written.
    pub fn keep(work: FinishedWork<'_>, folder: &Path, endings: &[String]) -> Result<Self> {
        let FinishedWork { clip, state, settings, model, classifier, finished } = work;
        let ClipResult { frames, seconds, overview, joint, notes, damage } = finished;
        if !InputState::of(&clip.input, false)?.is_same(&InputState { sha256: None, ..state.clone() }) {
            return Err(Error::input(&clip.input, "changed while it was being processed: run the same command again"));
        }
        let outputs = endings.iter().map(|ending| Output::of(&clip.file(folder, ending), ending, true));
        let done = Self {
            schema: SCHEMA,
            version: env!("CARGO_PKG_VERSION").into(),
            input: clip.input.display().to_string(),
            state,
            settings,
            model,
            classifier,
            frames,
            seconds,
            overview,
            joint,
            notes: notes.into_iter().map(|note| bare_note(note, clip, folder)).collect(),
            damage,
            outputs: outputs.collect::<Result<_>>()?,
        };
        let (mut path, mut other) = (Self::path(clip, folder), Self::partial_path(clip, folder));
        if done.damage.is_some() {
            std::mem::swap(&mut path, &mut other);
        }
        remove(&other)?;
        let json = serde_json::to_vec_pretty(&done).map_err(|e| Error::output(&path, e.to_string()))?;
        sink::write(&path, &json, true)?;
        Ok(done)
    }

    /// Reads a clip's manifest; `None` if there is none, or it is damaged.
    pub fn read(path: &Path) -> Option<Self> {
        let done: Self = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
        let mut counts = done.overview.classes.iter().map(|(_, count)| *count).chain([done.frames]);
        (done.schema == SCHEMA && counts.all(|count| count <= MAX_FRAMES)).then_some(done)
    }

    /// Whether all files that it lists exist; with their checksums if `verify`.
    pub fn is_whole(&self, clip: &Clip, folder: &Path, verify: bool) -> bool {
        self.outputs.iter().all(|output| output.is_whole(clip, folder, verify))
    }
}

/// The note without a path of the clip or of its video at its start: it is shown beside the clip's name.
fn bare_note(note: String, clip: &Clip, folder: &Path) -> String {
    let paths = [std::path::absolute(&clip.input).ok(), Some(clip.file(folder, ".mp4"))];
    let bare = paths.iter().flatten().find_map(|path| note.strip_prefix(&format!("{}: ", path.display())));
    bare.map(str::to_owned).unwrap_or(note)
}

/// Removes a file, if there is one.
fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(Error::io(path)(error)),
        _ => Ok(()),
    }
}

/// What to do with `clip` under these `settings`.
pub fn plan_clip(
    clip: &Clip,
    folder: &Path,
    settings: &str,
    hash: bool,
    verify: bool,
) -> (PlannedAction, Option<Manifest>) {
    let path = Manifest::path(clip, folder);
    let Some(done) = Manifest::read(&path) else {
        let todo = if path.exists() {
            PlannedAction::Redo("its .done.json file is damaged")
        } else if Manifest::partial_path(clip, folder).exists() {
            PlannedAction::Redo("its input was damaged, and the result has only a part of it")
        } else {
            PlannedAction::Do
        };
        return (todo, None);
    };
    let same =
        InputState::of(&clip.input, hash && done.state.sha256.is_some()).is_ok_and(|now| now.is_same(&done.state));
    let todo = if !same {
        PlannedAction::Redo("the input has changed")
    } else if done.settings != settings {
        PlannedAction::Redo("the settings have changed")
    } else if !done.is_whole(clip, folder, verify) {
        PlannedAction::Redo("its result is missing or damaged")
    } else {
        PlannedAction::Skip
    };
    (todo, Some(done))
}
