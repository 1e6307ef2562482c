//! An `ffmpeg` child process that encodes raw pictures, each with its own timestamp, into a file.

use std::ffi::OsString;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use opencv::core::{self, Mat, Size};
use opencv::prelude::*;

use super::container::Container;
use super::i420::I420;
use crate::colour::ColourTags;
use crate::frame::Rate;
use crate::platform::ffmpeg::{BoundedWriter, Ffmpeg, matroska, media_name};
use crate::{Error, Result};

/// What to encode, and how.
#[derive(Debug, Clone, Copy)]
pub(super) struct EncoderSettings {
    /// The container, which determines the codec.
    pub container: Container,
    /// Size of the input pictures.
    pub size: Size,
    /// Nominal frame rate.
    pub rate: Rate,
    /// x264's constant rate factor.
    pub crf: u8,
    /// How long the encoder may take nothing, or may take to end, before it counts as frozen; `None` for as long as it
    /// takes.
    pub timeout: Option<Duration>,
    /// The colours of the pictures.
    pub colour: ColourTags,
}

/// A running encoder. It is killed if it is dropped before [`VideoEncoder::finish`].
pub(super) struct VideoEncoder {
    /// The output file that error messages name.
    output: PathBuf,
    size: Size,
    planes: I420,
    ffmpeg: Ffmpeg,
    /// Where the encoder reads the pictures.
    pipe: Option<BoundedWriter>,
    timeout: Option<Duration>,
}

impl VideoEncoder {
    /// Starts to encode into `file` with the muxer options `mux`. Errors name `output`.
    pub(super) fn start(output: &Path, encoding: EncoderSettings, mux: Vec<OsString>, file: &Path) -> Result<Self> {
        let target = EncoderTarget { inputs: Vec::new(), mux, file: media_name(file.as_os_str()) };
        Self::begin(output, encoding, target, Stdio::null())
    }

    /// Starts to encode into `target`, which may be the process's standard output `stdout`. Errors name `output`.
    pub(super) fn begin(
        output: &Path,
        encoding: EncoderSettings,
        target: EncoderTarget,
        stdout: Stdio,
    ) -> Result<Self> {
        let EncoderSettings { size, rate, colour, timeout, .. } = encoding;
        let mut ffmpeg = Ffmpeg::spawn_writer(arguments(encoding, target), stdout)?;
        let pipe = ffmpeg.stdin.take().map(|stdin| BoundedWriter::new(stdin, timeout));
        let mut pipe = pipe.transpose().map_err(Error::io(output))?;
        let planes = I420::new(stored_size(size), colour);
        let started = pipe.as_mut().map(|pipe| matroska::write_header(pipe, stored_size(size), rate, colour));
        let mut encoder = Self { output: output.to_owned(), size, planes, ffmpeg, pipe, timeout };
        started.transpose().map_err(|e| encoder.broken(&e))?;
        Ok(encoder)
    }

    /// Encodes a picture (`CV_8UC3`, BGR, of the given size) that is shown from `time` (in seconds).
    pub(super) fn write(&mut self, picture: &Mat, time: f64) -> Result<()> {
        let mut padded = Mat::default();
        let picture = even(picture, self.size, &mut padded)?;
        let planes = self.planes.convert(picture.data_bytes()?).map_err(|e| failed(&self.output, &e.to_string()))?;
        let written = self.pipe.as_mut().map(|pipe| matroska::write_frame(pipe, time, planes));
        written.transpose().map(drop).map_err(|e| self.broken(&e))
    }

    /// Finishes the file.
    pub(super) fn finish(&mut self) -> Result<()> {
        drop(self.pipe.take());
        if let Some(timeout) = self.timeout {
            self.ffmpeg.end_within(timeout);
        }
        self.ffmpeg.wait().map(drop).map_err(|cause| failed(&self.output, &cause))
    }

    /// The error of a pipe on which a write failed: the encoder's own reason, if it gave one.
    fn broken(&mut self, error: &io::Error) -> Error {
        drop(self.pipe.take());
        let cause = match error.kind() {
            ErrorKind::BrokenPipe => self.ffmpeg.wait().err(),
            _ => None,
        };
        failed(&self.output, &cause.unwrap_or_else(|| error.to_string()))
    }
}

/// Where encoded pictures go.
pub(super) struct EncoderTarget {
    /// Further inputs, after the pictures.
    pub inputs: Vec<OsString>,
    /// Options of the output.
    pub mux: Vec<OsString>,
    /// The output, as FFmpeg spells it.
    pub file: OsString,
}

/// The arguments to read our stream from standard input and encode it into `target`.
fn arguments(encoding: EncoderSettings, target: EncoderTarget) -> Vec<OsString> {
    let EncoderSettings { container, rate, crf, .. } = encoding;
    let input = ["-f", "matroska", "-probesize", "32", "-analyzeduration", "0", "-i", "pipe:0"];
    let mut args: Vec<OsString> = input.map(Into::into).to_vec();
    args.extend(target.inputs);
    args.extend(["-map", "0:v:0"].map(Into::into));
    args.extend(container.encoder_args(crf));
    args.extend(container.timing_args(rate));
    args.extend(target.mux);
    args.push(target.file);
    args
}

/// The picture, continuous and with even sides: `picture` itself if possible, otherwise a copy in `padded`.
pub(super) fn even<'a>(picture: &'a Mat, size: Size, padded: &'a mut Mat) -> Result<&'a Mat> {
    let stored = stored_size(size);
    if stored == size && picture.is_continuous() {
        return Ok(picture);
    }
    let (bottom, right) = (stored.height - size.height, stored.width - size.width);
    core::copy_make_border_def(picture, padded, 0, bottom, 0, right, core::BORDER_REPLICATE)?;
    Ok(padded)
}

/// `size` with odd sides rounded up to even ones.
pub(super) fn stored_size(size: Size) -> Size {
    Size::new(size.width + size.width % 2, size.height + size.height % 2)
}

/// The error for an `output` that the encoder could not write.
pub(super) fn failed(output: &Path, cause: &str) -> Error {
    let remedy = if cause.contains("No space left") { ": free some space or choose another place with -o" } else { "" };
    Error::output(output, format!("not written: ffmpeg: {cause}{remedy}"))
}
