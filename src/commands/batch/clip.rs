//! A clip of the batch, or a segment of one.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::commands::run::TimeSpan;
use crate::frame::{Rate, Sound};
use crate::{Error, Result};

/// A clip, and where its result goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clip {
    /// The file.
    pub input: PathBuf,
    /// The result's place in the output folder, without an extension.
    pub stem: PathBuf,
    /// Bytes of the file; 0 where it cannot be asked.
    pub size: u64,
    /// Which piece of the file it is, where it is not all of it.
    pub segment: Option<Segment>,
}

impl Clip {
    /// The result's file with another ending.
    pub fn file(&self, folder: &Path, ending: &str) -> PathBuf {
        let mut name = folder.join(&self.stem).into_os_string();
        name.push(ending);
        name.into()
    }

    /// Where the results of its pieces go.
    pub fn pieces(&self, folder: &Path) -> PathBuf {
        self.file(folder, ".pieces")
    }

    /// One of its pieces.
    pub fn segment(&self, segment: Segment) -> Self {
        let Segment { index, count } = segment;
        let stem = self.pieces(Path::new("")).join(format!("{:04}-of-{count:04}", index + 1));
        Self { input: self.input.clone(), stem, size: self.size / count as u64, segment: Some(segment) }
    }

    /// The clip that it is a piece of, or itself.
    pub fn whole(&self) -> Self {
        let stem = match (self.segment, self.stem.parent()) {
            (Some(_), Some(pieces)) => pieces.with_extension(""),
            _ => self.stem.clone(),
        };
        Self { stem, segment: None, ..self.clone() }
    }

    /// Refuses a name that is too long for a file system once it has the ending of a result.
    ///
    /// # Errors
    /// [`Error::Input`] with how long it may be.
    pub fn check_name(&self) -> Result<()> {
        const MAX_STEM_BYTES: usize = 255 - ".done.json".len();
        if self.whole().stem.file_name().is_some_and(|name| name.len() > MAX_STEM_BYTES) {
            let problem = format!(
                "its results would have too long a name: shorten it to at most {MAX_STEM_BYTES} bytes without its extension"
            );
            return Err(Error::input(&self.input, problem));
        }
        Ok(())
    }

    /// Its name for people.
    pub fn name(&self) -> String {
        let piece = |Segment { index, count }| format!(" ({} of {count})", index + 1);
        format!("{}{}", self.input.display(), self.segment.map(piece).unwrap_or_default())
    }
}

/// A part of a clip that is worked on like a clip: what `--split` makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// Which one, from 0.
    pub index: usize,
    /// Of how many.
    pub count: usize,
}

/// What a finished segment tells of how it is joined to the others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SegmentTiming {
    /// Where it begins, and where the next one does.
    pub span: TimeSpan,
    /// The clip's nominal rate.
    pub rate: Rate,
    /// The whole clip's sound, where it is kept.
    pub sound: Option<Sound>,
}

impl SegmentTiming {
    /// Times of the clip closer than this, in seconds, are the same.
    pub fn tolerance(&self) -> f64 {
        tolerance(self.rate)
    }
}

/// Times of a clip at `rate` closer than this, in seconds, are the same.
pub fn tolerance(rate: Rate) -> f64 {
    rate.interval() / 4.0
}
