//! A single still image.

use std::path::{Path, PathBuf};

use opencv::core::{Mat, Vector};
use opencv::imgcodecs;

use super::{ReadyOutput, WrittenFile};
use crate::{Error, Result, platform::paths};

const EXTENSIONS: [&str; 7] = ["png", "jpg", "jpeg", "webp", "bmp", "tif", "tiff"];

/// An image file to be written.
pub struct ImageSink {
    output: PathBuf,
    overwrite: bool,
}

impl ImageSink {
    /// Whether the sink can write the extension of the file name.
    pub fn accepts(output: &Path) -> bool {
        EXTENSIONS.contains(&paths::extension(output).as_str())
    }

    /// Rejects a file that cannot or must not be written.
    ///
    /// # Errors
    /// [`Error::Usage`] for an unknown extension, and the errors of [`check`](super::check).
    pub fn check(output: &Path, input: Option<&Path>, overwrite: bool) -> Result<()> {
        if !Self::accepts(output) {
            let problem =
                format!("unknown image format: end the name in {}", EXTENSIONS.map(|e| format!(".{e}")).join(", "));
            return Err(Error::Usage(format!("{}: {problem}", output.display())));
        }
        super::check(output, input, overwrite)
    }

    /// Prepares a file at `output`. Its extension determines the format.
    ///
    /// # Errors
    /// [`Error::Usage`] for an unknown extension or an existing file; [`Error::Output`] if it cannot be written.
    pub fn create(output: &Path, overwrite: bool) -> Result<Self> {
        Self::check(output, None, overwrite)?;
        Ok(Self { output: output.to_owned(), overwrite })
    }

    /// Encodes `image` (`CV_8UC3`, BGR).
    ///
    /// # Errors
    /// [`Error::Output`] or [`Error::Io`] if it cannot be encoded or written.
    pub fn finish(self, image: &Mat) -> Result<ReadyOutput> {
        let ready = super::ready(&self.output, &encode(image, &self.output)?, self.overwrite)?;
        Ok(ready.described(WrittenFile { path: self.output, frames: 1, warnings: Vec::new() }))
    }
}

/// The bytes of `image` in the format of `output`'s extension.
pub(super) fn encode(image: &Mat, output: &Path) -> Result<Vec<u8>> {
    let mut encoded = Vector::<u8>::new();
    if !imgcodecs::imencode_def(&format!(".{}", paths::extension(output)), image, &mut encoded)? {
        return Err(Error::output(output, "OpenCV cannot encode the picture in this format"));
    }
    Ok(encoded.into())
}
