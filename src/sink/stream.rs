//! A video that is written while it is encoded, to standard output or a named pipe.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use opencv::core::{Mat, Size};

use super::WrittenFile;
use super::container::Container;
use super::encoder::{EncoderSettings, EncoderTarget, VideoEncoder};
use super::losses;
use super::mux;
use super::video::EncodeOptions;
use crate::frame::Rate;
use crate::passthrough::Passthrough;
use crate::platform::follow::FollowedFile;
use crate::platform::{ffmpeg, paths};
use crate::{Error, Result};

/// A stream being written. What has been written cannot be taken back.
pub struct StreamSink {
    output: PathBuf,
    encoder: VideoEncoder,
    /// The audio of a pipe, while it is put aside.
    _followed: Option<FollowedFile>,
    frames: u64,
    warnings: Vec<String>,
}

impl StreamSink {
    /// Rejects a format that cannot be streamed.
    ///
    /// # Errors
    /// [`Error::Usage`] for MP4, which needs its start at its end; [`Error::Child`] without `ffmpeg`.
    pub fn check(output: &Path, format: Option<Container>) -> Result<()> {
        if Container::of(output, format)? == Container::Mp4 {
            let problem = "an MP4 cannot be written to a pipe: use --format matroska or mpegts";
            return Err(Error::Usage(format!("{}: {problem}", output.display())));
        }
        if !ffmpeg::is_available()? {
            let problem = "is not installed, but writing to a pipe needs it".into();
            return Err(Error::Child { program: "ffmpeg", problem });
        }
        Ok(())
    }

    /// Starts the stream for frames of `size` pixels at the nominal rate `rate`. Audio is muxed while it is read, for
    /// `length` seconds if that is known.
    ///
    /// # Errors
    /// Those of [`StreamSink::check`], and [`Error::Io`] if a named pipe cannot be opened.
    pub fn create(output: &Path, size: Size, rate: Rate, options: &EncodeOptions, length: Option<f64>) -> Result<Self> {
        Self::check(output, options.format)?;
        let container = Container::of(output, options.format)?;
        let stdout = if paths::is_stdout(output) {
            Stdio::inherit()
        } else {
            File::options().write(true).open(output).map_err(Error::io(output))?.into()
        };
        let encoding =
            EncoderSettings { container, size, rate, crf: options.crf, colour: options.colour, timeout: None };
        let mut target = EncoderTarget { inputs: Vec::new(), mux: Vec::new(), file: "pipe:1".into() };
        let pictured = options.passthrough.as_ref().filter(|_| !container.holds_audio());
        let mut warnings: Vec<String> = losses::picture_only(pictured, output).into_iter().collect();
        let mut followed = None;
        if let Some(kept) = options.passthrough.as_ref().filter(|_| container.holds_audio()) {
            let mut kept = kept.clone();
            warnings.extend(losses::picture_and_audio_only(&kept, output));
            followed = follow(&mut kept)?;
            (target.inputs, target.mux) = mux::while_encoding(container, &kept, length);
        }
        target.mux.extend(container.growing_args(rate));
        let encoder = VideoEncoder::begin(output, encoding, target, stdout)?;
        Ok(Self { output: output.to_owned(), encoder, _followed: followed, frames: 0, warnings })
    }

    /// Appends a frame (`CV_8UC3`, BGR) that is shown from `time`, in seconds, increasing from 0.
    ///
    /// # Errors
    /// [`Error::ReaderGone`] if nobody reads the stream any more; [`Error::Output`] with the encoder's reason.
    pub fn write(&mut self, frame: &Mat, time: f64) -> Result<()> {
        self.frames += 1;
        self.encoder.write(frame, time).map_err(reader_gone)
    }

    /// Ends the stream.
    ///
    /// # Errors
    /// Those of [`StreamSink::write`].
    pub fn finish(mut self) -> Result<WrittenFile> {
        self.encoder.finish().map_err(reader_gone)?;
        Ok(WrittenFile { path: self.output, frames: self.frames, warnings: self.warnings })
    }
}

/// Points `kept` at a pipe from its file, if that file grows while the picture is read.
fn follow(kept: &mut Passthrough) -> Result<Option<FollowedFile>> {
    let Some(file) = kept.file.clone().filter(|_| kept.is_diverted) else { return Ok(None) };
    let path = file.path().to_owned();
    let followed = FollowedFile::start(&path, move || file.is_complete()).map_err(Error::io(path))?;
    kept.location = followed.path().into();
    Ok(Some(followed))
}

/// An encoder that could not write to its pipe has lost its reader.
fn reader_gone(error: Error) -> Error {
    match error {
        Error::Output { problem, .. } if problem.contains("Broken pipe") => Error::ReaderGone,
        other => other,
    }
}
