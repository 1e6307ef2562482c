//! Numbered images, one per frame.

use std::fs;
use std::path::{Path, PathBuf};

use opencv::core::Mat;
use tempfile::TempDir;

use super::image::{ImageSink, encode};
use super::losses;
use super::{ReadyOutput, WrittenFile, unwritable};
use crate::passthrough::Passthrough;
use crate::platform::number_pattern::NumberPattern;
use crate::platform::{paths, temporary};
use crate::{Error, Result};

/// Images named by a pattern such as `frame_%04d.png`, from 0. They are written into a hidden folder nearby and moved
/// into place together. The sink leaves nothing behind if it is dropped before [`ImageSequenceSink::finish`].
pub struct ImageSequenceSink {
    output: PathBuf,
    overwrite: bool,
    temp: TempDir,
    frames: u64,
    warnings: Vec<String>,
}

impl ImageSequenceSink {
    /// Whether the file name is that of numbered images.
    pub fn accepts(output: &Path) -> bool {
        ImageSink::accepts(output) && NumberPattern::parse(&file_name(output)).is_some()
    }

    /// Rejects images that must not or cannot be written.
    ///
    /// # Errors
    /// [`Error::Usage`] if there are images of these names and `overwrite` is not set; [`Error::Output`] or
    /// [`Error::Io`] if the folder cannot be read or written.
    pub fn check(output: &Path, overwrite: bool) -> Result<()> {
        let temp = temporary(output)?;
        if !overwrite && let Some((_, file)) = numbered(output)?.first() {
            let problem = "already exists: overwrite such images with -y or choose another name";
            return Err(Error::Usage(format!("{}: {problem}", file.display())));
        }
        temp.close().map_err(Error::io(output))
    }

    /// Prepares images at `output`, for a clip with `passthrough` beside its picture.
    ///
    /// # Errors
    /// Those of [`ImageSequenceSink::check`].
    pub fn create(output: &Path, overwrite: bool, passthrough: Option<&Passthrough>) -> Result<Self> {
        Self::check(output, overwrite)?;
        let warnings = losses::picture_only(passthrough, output).into_iter().collect();
        Ok(Self { output: output.to_owned(), overwrite, temp: temporary(output)?, frames: 0, warnings })
    }

    /// Writes the next image (`CV_8UC3`, BGR).
    ///
    /// # Errors
    /// [`Error::Output`] or [`Error::Io`] if it cannot be encoded or written.
    pub fn write(&mut self, image: &Mat) -> Result<()> {
        let name = self.name(self.frames);
        let bytes = encode(image, &self.output)?;
        fs::write(self.temp.path().join(&name), bytes).map_err(Error::io(self.output.with_file_name(&name)))?;
        self.frames += 1;
        Ok(())
    }

    /// The images, which also replace those of an earlier, longer run.
    ///
    /// # Errors
    /// [`Error::Output`] if there is no image; [`Error::Io`] if the folder cannot be read.
    pub fn finish(self) -> Result<ReadyOutput> {
        if self.frames == 0 {
            return Err(Error::output(&self.output, "not written: there are no frames"));
        }
        let name = file_name(&self.output);
        let pattern = NumberPattern::parse(&name);
        let is_earlier =
            |file: &Path| pattern.as_ref().is_some_and(|pattern| pattern.number(&file_name(file)).is_some());
        let ready = ReadyOutput::folder(self.temp, paths::folder(&self.output), self.overwrite, is_earlier)?;
        Ok(ready.described(WrittenFile { path: self.output, frames: self.frames, warnings: self.warnings }))
    }

    fn name(&self, number: u64) -> String {
        let name = file_name(&self.output);
        NumberPattern::parse(&name).map_or_else(|| name.clone(), |pattern| pattern.name(number))
    }
}

fn file_name(output: &Path) -> String {
    output.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn temporary(output: &Path) -> Result<TempDir> {
    let folder = paths::folder(output);
    temporary::subfolder(folder).map_err(|e| unwritable(folder, &e))
}

/// The existing files of the pattern `output`, with their numbers.
fn numbered(output: &Path) -> Result<Vec<(u64, PathBuf)>> {
    let (folder, name) = (paths::folder(output), file_name(output));
    let Some(pattern) = NumberPattern::parse(&name) else { return Ok(Vec::new()) };
    let entries = fs::read_dir(folder).map_err(Error::io(folder))?.flatten();
    let mut found: Vec<_> = entries
        .filter_map(|entry| Some((pattern.number(&entry.file_name().to_string_lossy())?, entry.path())))
        .collect();
    found.sort();
    Ok(found)
}
