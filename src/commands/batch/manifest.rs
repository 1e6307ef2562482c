//! The manifest of a finished clip: `NAME.done.json`, which is written last. A result without it is not finished.

use super::clip::Clip;
use super::clip::SegmentTiming;
use super::protocol::ClipResult;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};

use crate::commands::run::Preview;
use crate::platform::checksum::file_sha256;
use crate::{Error, Result, sink};

/// Version of the file's schema. A manifest of another version is ignored.
const SCHEMA: u32 = 3;

/// The record of a finished clip: input, settings, and files written.
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
    /// The file or folder that is at `path` now.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be read.
    pub fn of(path: &Path, ending: &str, checksum: bool) -> Result<Self> {
        let metadata = fs::metadata(path).map_err(Error::io(path))?;
        if metadata.is_file() {
            let sha256 = if checksum { Some(file_sha256(path)?) } else { None };
            return Ok(Self { ending: ending.into(), files: 1, size: metadata.len(), sha256 });
        }
        let (mut files, mut size) = (0, 0);
        for entry in fs::read_dir(path).map_err(Error::io(path))? {
            size += entry.and_then(|entry| entry.metadata()).map_err(Error::io(path))?.len();
            files += 1;
        }
        Ok(Self { ending: ending.into(), files, size, sha256: None })
    }

    fn is_whole(&self, clip: &Clip, folder: &Path, checksum: bool) -> bool {
        let Ok(now) = Self::of(&clip.file(folder, &self.ending), &self.ending, checksum) else { return false };
        (now.files, now.size) == (self.files, self.size) && (now.sha256.is_none() || now.sha256 == self.sha256)
    }
}

/// A finished clip, ready to be written as a manifest.
pub struct FinishedWork<'a> {
    pub clip: &'a Clip,
    pub state: InputState,
    pub settings: String,
    pub model: String,
    pub classifier: String,
    pub finished: ClipResult,
}

impl Manifest {
    /// The path of the manifest.
    pub fn path(clip: &Clip, folder: &Path) -> PathBuf {
        clip.file(folder, ".done.json")
    }

    /// Checks the files written, and writes the manifest.
    ///
    /// # Errors
    /// [`Error::Input`] if the input has changed in the meantime; [`Error::Io`] if a file cannot be read or written.
    pub fn keep(work: FinishedWork<'_>, folder: &Path, endings: &[String]) -> Result<Self> {
        let FinishedWork { clip, state, settings, model, classifier, finished } = work;
        let ClipResult { frames, seconds, overview, joint } = finished;
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
            outputs: outputs.collect::<Result<_>>()?,
        };
        let path = Self::path(clip, folder);
        let json = serde_json::to_vec_pretty(&done).map_err(|e| Error::output(&path, e.to_string()))?;
        sink::write(&path, &json, true)?;
        Ok(done)
    }

    /// Reads a clip's manifest, if there is one.
    pub fn read(path: &Path) -> Option<Self> {
        let done: Self = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
        (done.schema == SCHEMA).then_some(done)
    }

    /// Whether all files that it lists exist; with their checksums if `verify`.
    pub fn is_whole(&self, clip: &Clip, folder: &Path, verify: bool) -> bool {
        self.outputs.iter().all(|output| output.is_whole(clip, folder, verify))
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
        let todo =
            if path.exists() { PlannedAction::Redo("its .done.json file is damaged") } else { PlannedAction::Do };
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
