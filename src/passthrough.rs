//! What a file holds beside its picture, and what is kept of it.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::{Deserialize, Serialize};
use tempfile::TempPath;

/// The streams and tags of a file that belong to the frames read from it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Passthrough {
    /// The file or address.
    pub location: OsString,
    /// The file as it was when it was opened; `None` for an address.
    #[serde(default)]
    pub identity: Option<FileIdentity>,
    /// The audio streams.
    #[serde(rename = "streams")]
    pub audio: Vec<AudioStream>,
    /// Seconds from the start of the file to the first frame; earlier audio is cut.
    pub from: f64,
    /// Whether the first frame is not the first one of the file.
    #[serde(default)]
    pub starts_later: bool,
    /// Whether the container's timestamps may jump, as in MPEG-TS.
    pub discontinuous: bool,
    /// Whether the file was put aside while a pipe was read. Its timestamps count from the start of what came through the
    /// pipe, not from its own first one.
    #[serde(default)]
    pub is_diverted: bool,
    /// Keeps that file.
    #[serde(skip)]
    pub file: Option<TemporaryFile>,
    /// Subtitles, chapters, attachments and tags; `None` if they are left out.
    #[serde(default)]
    pub metadata: Option<Metadata>,
}

/// What to keep of a clip beside its picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeptParts {
    pub audio: bool,
    /// Subtitles, chapters, attachments and tags.
    pub metadata: bool,
}

impl KeptParts {
    /// Only the picture.
    pub const NONE: Self = Self { audio: false, metadata: false };

    /// These parts of what a clip has.
    pub fn of(self, passthrough: Option<Passthrough>) -> Option<Passthrough> {
        let mut kept = passthrough?;
        if !self.audio {
            kept.audio = Vec::new();
        }
        kept.metadata = kept.metadata.filter(|_| self.metadata);
        (!kept.is_empty()).then_some(kept)
    }
}

/// One audio stream of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AudioStream {
    /// Its index among all streams of the file.
    pub index: usize,
    /// Its codec by FFmpeg's name, such as `aac`.
    pub codec: String,
    /// Number of channels; 0 if unknown.
    #[serde(default)]
    pub channels: u32,
}

/// What a file holds beside picture and audio.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata {
    /// Subtitle streams: index among all streams and codec by FFmpeg's name.
    pub subtitles: Vec<(usize, String)>,
    /// Attachments such as fonts: index among all streams and file name.
    pub attachments: Vec<(usize, String)>,
    /// Cover art: index among all streams.
    #[serde(default)]
    pub covers: Vec<usize>,
    /// The codecs of streams that no container of ours holds, such as `bin_data`.
    pub others: Vec<String>,
    /// Number of chapters.
    pub chapters: usize,
    /// Names of the file's tags.
    pub tags: Vec<String>,
    /// Index of the stream that has the file's tags, if the container itself has none, as in Ogg.
    #[serde(default)]
    pub tagged_stream: Option<usize>,
    /// Tags of the video stream that describe it, such as its language and title.
    pub video_tags: Vec<(String, String)>,
}

/// A file that is removed with its last owner. One owner may write it while another one reads it.
#[derive(Debug, Clone)]
pub struct TemporaryFile {
    path: Arc<TempPath>,
    is_complete: Arc<AtomicBool>,
}

impl TemporaryFile {
    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Records that nothing more will be written to it.
    pub fn complete(&self) {
        self.is_complete.store(true, Ordering::Release);
    }

    /// Whether nothing more will be written to it.
    pub fn is_complete(&self) -> bool {
        self.is_complete.load(Ordering::Acquire)
    }
}

impl From<TempPath> for TemporaryFile {
    fn from(path: TempPath) -> Self {
        Self { path: Arc::new(path), is_complete: Arc::default() }
    }
}

impl PartialEq for TemporaryFile {
    fn eq(&self, other: &Self) -> bool {
        self.path() == other.path()
    }
}

/// What tells whether a path still names the same, unchanged file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileIdentity {
    device: u64,
    inode: u64,
    length: u64,
    modified: (i64, i64),
}

/// What happened to a file since it was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileChange {
    /// Another file has its name now, or none.
    Replaced,
    /// It has fewer bytes.
    Shortened,
    /// It has more bytes.
    Grown,
    /// It was written to.
    Overwritten,
}

impl Passthrough {
    /// Whether there is nothing to keep.
    pub fn is_empty(&self) -> bool {
        self.audio.is_empty() && self.metadata.as_ref().is_none_or(|metadata| *metadata == Metadata::default())
    }
}

impl Metadata {
    /// Whether any of it is a stream.
    pub fn has_streams(&self) -> bool {
        !(self.subtitles.is_empty() && self.attachments.is_empty() && self.covers.is_empty())
    }
}

impl FileIdentity {
    /// The identity of the file at `path`; `None` if there is no regular file.
    pub fn of(path: &Path) -> Option<Self> {
        use std::os::unix::fs::MetadataExt;
        let file = fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
        let modified = (file.mtime(), file.mtime_nsec());
        Some(Self { device: file.dev(), inode: file.ino(), length: file.len(), modified })
    }

    /// What happened to the file at `path` since this identity was taken; `None` if nothing did.
    pub fn change(&self, path: &Path) -> Option<FileChange> {
        let Some(now) = Self::of(path) else { return Some(FileChange::Replaced) };
        match now {
            now if now == *self => None,
            now if (now.device, now.inode) != (self.device, self.inode) => Some(FileChange::Replaced),
            now if now.length < self.length => Some(FileChange::Shortened),
            now if now.length > self.length => Some(FileChange::Grown),
            _ => Some(FileChange::Overwritten),
        }
    }
}

impl FileChange {
    /// The change as a predicate for messages about the file.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Replaced => "was replaced by another file while it was read",
            Self::Shortened => "was cut short while it was read",
            Self::Grown => "grew while it was read",
            Self::Overwritten => "was overwritten while it was read",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_change_of_a_file_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("clip");
        fs::write(&path, "1234").unwrap();
        let identity = FileIdentity::of(&path).unwrap();
        assert_eq!(identity.change(&path), None);
        fs::write(&path, "123456").unwrap();
        assert_eq!(identity.change(&path), Some(FileChange::Grown));
        fs::write(&path, "1").unwrap();
        assert_eq!(identity.change(&path), Some(FileChange::Shortened));
        let file = fs::File::options().write(true).open(&path).unwrap();
        file.set_len(4).unwrap();
        file.set_modified(std::time::UNIX_EPOCH).unwrap();
        assert_eq!(identity.change(&path), Some(FileChange::Overwritten));
        fs::write(folder.path().join("other"), "1234").unwrap();
        fs::rename(folder.path().join("other"), &path).unwrap();
        assert_eq!(identity.change(&path), Some(FileChange::Replaced));
        fs::remove_file(&path).unwrap();
        assert_eq!(identity.change(&path), Some(FileChange::Replaced));
    }
}
