//! A clip of the batch, or a segment of one.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::commands::run::TimeSpan;
use crate::frame::Rate;
use crate::passthrough::Passthrough;
use crate::{Error, Result};

/// A clip, and where its result goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clip {
    pub input: PathBuf,
    /// Path of the result in the output folder, without an extension.
    pub stem: PathBuf,
    /// Size of the file in bytes; 0 if it is not known.
    pub size: u64,
    /// Which segment of the file this is; `None` for the whole file.
    pub segment: Option<Segment>,
}

impl Clip {
    /// The result's file with this ending.
    pub fn file(&self, folder: &Path, ending: &str) -> PathBuf {
        let mut name = folder.join(&self.stem).into_os_string();
        name.push(ending);
        name.into()
    }

    /// The folder for the results of its segments.
    pub fn pieces(&self, folder: &Path) -> PathBuf {
        self.file(folder, ".pieces")
    }

    /// One of its segments.
    pub fn segment(&self, segment: Segment) -> Self {
        let Segment { index, count } = segment;
        let stem = self.pieces(Path::new("")).join(format!("{:04}-of-{count:04}", index + 1));
        Self { input: self.input.clone(), stem, size: self.size / count as u64, segment: Some(segment) }
    }

    /// The clip that this is a segment of, or the clip itself.
    pub fn whole(&self) -> Self {
        let stem = match (self.segment, self.stem.parent()) {
            (Some(_), Some(pieces)) => pieces.with_extension(""),
            _ => self.stem.clone(),
        };
        Self { stem, segment: None, ..self.clone() }
    }

    /// Refuses a name that is too long for a file system when the ending of a result is added.
    ///
    /// # Errors
    /// [`Error::Input`] with the maximum length.
    pub fn check_name(&self) -> Result<()> {
        const MAX_STEM_BYTES: usize = 255 - ".done.json".len();
        if self.whole().stem.file_name().is_some_and(|name| name.len() > MAX_STEM_BYTES) {
            let problem = format!(
                "its results would have too long names: shorten it to at most {MAX_STEM_BYTES} bytes without its extension"
            );
            return Err(Error::input(&self.input, problem));
        }
        Ok(())
    }

    /// Its name in messages.
    pub fn name(&self) -> String {
        let piece = |Segment { index, count }| format!(" ({} of {count})", index + 1);
        format!("{}{}", self.input.display(), self.segment.map(piece).unwrap_or_default())
    }
}

/// A segment of a clip, which is processed like a clip: the result of `--split`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// Its index, from 0.
    pub index: usize,
    /// The number of segments.
    pub count: usize,
}

/// What is needed to join a finished segment to the others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SegmentTiming {
    /// The times of the first frame of this segment and of the next.
    pub span: TimeSpan,
    /// The clip's nominal frame rate.
    pub rate: Rate,
    /// What is kept of the whole clip beside its picture.
    #[serde(rename = "sound")]
    pub passthrough: Option<Passthrough>,
    /// The time at which the whole clip's picture ends, if it is known.
    #[serde(default)]
    pub end: Option<f64>,
    /// Whether the clip was read to its own end.
    #[serde(default)]
    pub is_whole: bool,
}

impl SegmentTiming {
    /// Times of the clip that differ by less than this, in seconds, are equal.
    pub fn tolerance(&self) -> f64 {
        tolerance(self.rate)
    }
}

/// Times of a clip at `rate` that differ by less than this, in seconds, are equal.
pub fn tolerance(rate: Rate) -> f64 {
    rate.interval() / 4.0
}
