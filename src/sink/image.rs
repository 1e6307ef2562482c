//! A single still image.

use std::io::Write;
use std::path::{Path, PathBuf};

use opencv::core::{Mat, Vector};
use opencv::imgcodecs;
use tempfile::NamedTempFile;

use super::WrittenFile;
use crate::{Error, Result, platform::paths};

const EXTENSIONS: [&str; 7] = ["png", "jpg", "jpeg", "webp", "bmp", "tif", "tiff"];

/// An image file to be written. Dropped before [`ImageSink::finish`], it leaves nothing behind.
pub struct ImageSink {
    output: PathBuf,
    overwrite: bool,
    temp: NamedTempFile,
}

impl ImageSink {
    /// Whether the file name's extension is one that this sink writes.
    pub fn accepts(output: &Path) -> bool {
        EXTENSIONS.contains(&paths::extension(output).as_str())
    }

    /// Refuses a file that cannot or must not be written.
    ///
    /// # Errors
    /// [`Error::Usage`] for an unknown extension; those of [`check`](super::check).
    pub fn check(output: &Path, input: Option<&Path>, overwrite: bool) -> Result<()> {
        if !Self::accepts(output) {
            let problem =
                format!("no image format: end the name in {}", EXTENSIONS.map(|e| format!(".{e}")).join(", "));
            return Err(Error::Usage(format!("{}: {problem}", output.display())));
        }
        super::check(output, input, overwrite)
    }

    /// Prepares a file at `output`. Its extension chooses the format.
    ///
    /// # Errors
    /// [`Error::Usage`] for an unknown extension or a file that exists; [`Error::Output`] where it cannot be written.
    pub fn create(output: &Path, overwrite: bool) -> Result<Self> {
        Self::check(output, None, overwrite)?;
        Ok(Self { output: output.to_owned(), overwrite, temp: super::temporary(output)? })
    }

    /// Encodes `image` (`CV_8UC3`, BGR) and gives the file its name.
    ///
    /// # Errors
    /// [`Error::Output`] or [`Error::Io`] where it cannot be encoded or written.
    pub fn finish(mut self, image: &Mat) -> Result<WrittenFile> {
        let extension = format!(".{}", paths::extension(&self.output));
        let mut encoded = Vector::<u8>::new();
        if !imgcodecs::imencode_def(&extension, image, &mut encoded)? {
            return Err(Error::output(&self.output, "OpenCV cannot encode it in this format"));
        }
        self.temp.write_all(encoded.as_slice()).map_err(Error::io(&self.output))?;
        super::publish(self.temp.into_temp_path(), &self.output, self.overwrite)?;
        Ok(WrittenFile { path: self.output, frames: 1, warnings: Vec::new() })
    }
}
