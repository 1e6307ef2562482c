//! Numbered images, one per frame.

use std::fs;
use std::path::{Path, PathBuf};

use opencv::core::Mat;
use tempfile::TempDir;

use super::WrittenFile;
use super::image::{ImageSink, encode};
use super::mux;
use super::{TEMP_PREFIX, unwritable};
use crate::passthrough::Passthrough;
use crate::platform::number_pattern::NumberPattern;
use crate::{Error, Result, platform::paths};

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
        let warnings = mux::picture_only(passthrough, output).into_iter().collect();
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

    /// Moves the images into place, and removes those of an earlier, longer run.
    ///
    /// # Errors
    /// [`Error::Output`] if there is no image; [`Error::Io`] if a file cannot be moved or removed.
    pub fn finish(self) -> Result<WrittenFile> {
        if self.frames == 0 {
            return Err(Error::output(&self.output, "not written: there are no frames"));
        }
        for number in 0..self.frames {
            let name = self.name(number);
            let target = self.output.with_file_name(&name);
            fs::rename(self.temp.path().join(&name), &target).map_err(Error::io(&target))?;
        }
        if self.overwrite {
            for (_, file) in numbered(&self.output)?.into_iter().filter(|(number, _)| *number >= self.frames) {
                fs::remove_file(&file).map_err(Error::io(&file))?;
            }
        }
        Ok(WrittenFile { path: self.output, frames: self.frames, warnings: self.warnings })
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
    tempfile::Builder::new().prefix(TEMP_PREFIX).tempdir_in(folder).map_err(|e| unwritable(folder, &e))
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
