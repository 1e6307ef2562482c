//! A live recording: a video that can be played at any time while it grows, even if this program is killed. A clean end
//! turns it into an ordinary file.

use std::path::{Path, PathBuf};
use std::time::Duration;

use opencv::core::{Mat, Size};
use opencv::prelude::*;
use opencv::videoio::{self, VideoCapture};

use super::ReadyOutput;
use super::container::Container;
use super::encoder::{EncoderSettings, VideoEncoder, failed};
use crate::colour::ColourTags;
use crate::frame::Rate;
use crate::platform::ffmpeg::{self, Ffmpeg, media_name};
use crate::platform::silence::silence_libraries;
use crate::{Error, Result};

/// A growing file: fragmented MP4, Matroska or WebM. If it is dropped before [`RecordingSink::end`], the part
/// written so far stays.
pub struct RecordingSink {
    output: PathBuf,
    container: Container,
    encoder: VideoEncoder,
    size: Size,
    rate: Rate,
    /// Time of the first picture.
    first: Option<f64>,
}

/// How long the encoder of a recording may be stuck.
const ENCODER_TIMEOUT: Duration = Duration::from_secs(20);

impl RecordingSink {
    /// Rejects a file that cannot or must not be written.
    ///
    /// # Errors
    /// [`Error::Usage`] for an unknown extension; [`Error::Child`] without `ffmpeg`; the errors of
    /// [`check`](super::check).
    pub fn check(output: &Path, overwrite: bool) -> Result<()> {
        if !Container::of(output, None)?.holds_audio() {
            let problem = "a recording that grows needs .mp4, .mov, .mkv, .webm or .ts";
            return Err(Error::Usage(format!("{}: {problem}", output.display())));
        }
        if !ffmpeg::is_available()? {
            let problem =
                "is not installed, but recording needs it: install it (Debian: apt-get install ffmpeg)".into();
            return Err(Error::Child { program: "ffmpeg", problem });
        }
        super::check(output, None, overwrite)
    }

    /// Starts a file at `output` for pictures of `size`, at the nominal rate `rate`. Its extension determines the
    /// container.
    ///
    /// # Errors
    /// The errors of [`check`](Self::check), and [`Error::Output`] if the encoder fails.
    pub fn create(output: &Path, size: Size, rate: Rate, crf: u8, overwrite: bool) -> Result<Self> {
        Self::check(output, overwrite)?;
        let container = Container::of(output, None)?;
        let encoding =
            EncoderSettings { container, size, rate, crf, colour: ColourTags::BT709, timeout: Some(ENCODER_TIMEOUT) };
        let encoder = VideoEncoder::start(output, encoding, container.growing_args(rate), output)?;
        Ok(Self { output: output.to_owned(), container, encoder, size, rate, first: None })
    }

    /// Whether a picture has the size of this file.
    pub fn takes(&self, picture: &Mat) -> bool {
        picture.size().is_ok_and(|size| size == self.size)
    }

    /// Appends a picture (`CV_8UC3`, BGR, of the given size) that is shown from `time`, in seconds of any clock.
    ///
    /// # Errors
    /// [`Error::Output`] with the encoder's reason, such as a full disk.
    pub fn write(&mut self, picture: &Mat, time: f64) -> Result<()> {
        let first = *self.first.get_or_insert(time);
        self.encoder.write(picture, time - first)
    }

    /// Ends the encoder. The file is complete then, in the form in which it grew.
    ///
    /// # Errors
    /// [`Error::Output`] if the encoder failed; the part written so far stays.
    pub fn end(&mut self) -> Result<()> {
        self.encoder.finish()
    }

    /// Remuxes the complete file, so that it opens and seeks quickly.
    ///
    /// # Errors
    /// [`Error::Output`] if this fails; the file stays as it is.
    pub fn index(self) -> Result<()> {
        let whole = super::temporary(&self.output)?.into_temp_path();
        let mut args = vec!["-i".into(), media_name(self.output.as_os_str())];
        args.extend(["-map", "0", "-c", "copy"].map(Into::into));
        args.extend(self.container.mux_args(self.rate));
        args.push(media_name(whole.as_os_str()));
        Ffmpeg::spawn(args)?.wait().map_err(|cause| failed(&self.output, &cause))?;
        ReadyOutput::file(whole, &self.output, true).publish().map(drop)
    }

    /// Whether a growing or finished file has a picture that can be played.
    pub fn has_pictures(path: &Path) -> bool {
        let opened = VideoCapture::from_file(media_name(path.as_os_str()), videoio::CAP_FFMPEG);
        silence_libraries();
        opened.is_ok_and(|mut file| file.grab().unwrap_or(false))
    }
}
