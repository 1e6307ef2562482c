//! An `ffmpeg` child that encodes raw pictures, each with its own time, into a file.

use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use opencv::core::{self, Mat, Size};
use opencv::prelude::*;

use super::container::{Container, timescale};
use super::i420::I420;
use super::matroska;
use crate::frame::Rate;
use crate::platform::ffmpeg::{Ffmpeg, media_name};
use crate::{Error, Result};

/// What is encoded, and how.
#[derive(Debug, Clone, Copy)]
pub(super) struct EncoderSettings {
    /// Whose codec it is.
    pub container: Container,
    /// Of the pictures taken.
    pub size: Size,
    /// Nominal.
    pub rate: Rate,
    /// x264's constant rate factor.
    pub crf: u8,
}

/// A running encoder. Dropped before [`VideoEncoder::finish`], it is killed.
pub(super) struct VideoEncoder {
    /// The result, as the user knows it.
    output: PathBuf,
    size: Size,
    planes: I420,
    ffmpeg: Ffmpeg,
}

impl VideoEncoder {
    /// Starts to encode into `file` with the muxer that `mux` names; errors speak of `output`.
    pub(super) fn start(output: &Path, encoding: EncoderSettings, mux: Vec<OsString>, file: &Path) -> Result<Self> {
        let EncoderSettings { size, rate, .. } = encoding;
        let mut ffmpeg = Ffmpeg::spawn(arguments(encoding, mux, file))?;
        let started = ffmpeg.stdin.as_mut().map(|stdin| matroska::write_header(stdin, stored_size(size), rate));
        started.transpose().map_err(|e| ended(output, &mut ffmpeg, &e))?;
        Ok(Self { output: output.to_owned(), size, planes: I420::new(stored_size(size)), ffmpeg })
    }

    /// Encodes a picture (`CV_8UC3`, BGR, of the size given) that is shown from `time` seconds on.
    pub(super) fn write(&mut self, picture: &Mat, time: f64) -> Result<()> {
        let mut padded = Mat::default();
        let picture = even(picture, self.size, &mut padded)?;
        let planes = self.planes.convert(picture.data_bytes()?).map_err(|e| failed(&self.output, &e.to_string()))?;
        let written = self.ffmpeg.stdin.as_mut().map(|stdin| matroska::write_frame(stdin, time, planes));
        written.transpose().map(drop).map_err(|e| ended(&self.output, &mut self.ffmpeg, &e))
    }

    /// Ends the file.
    pub(super) fn finish(&mut self) -> Result<()> {
        self.ffmpeg.wait().map_err(|cause| failed(&self.output, &cause))
    }
}

/// The arguments that read our stream from standard input and encode it into `file`.
fn arguments(encoding: EncoderSettings, mux: Vec<OsString>, file: &Path) -> Vec<OsString> {
    let EncoderSettings { container, rate, crf, .. } = encoding;
    let input = ["-f", "matroska", "-probesize", "32", "-analyzeduration", "0", "-i", "pipe:0", "-map", "0:v:0"];
    let mut args: Vec<OsString> = input.map(Into::into).to_vec();
    args.extend(container.encoder_args(crf));
    args.extend(["-fps_mode", "passthrough", "-enc_time_base"].map(Into::into));
    args.push(format!("1:{}", timescale(rate)).into());
    args.extend(mux);
    args.push(media_name(file.as_os_str()));
    args
}

/// The picture with even sides, continuous: itself where it is so, else made in `padded`.
pub(super) fn even<'a>(picture: &'a Mat, size: Size, padded: &'a mut Mat) -> Result<&'a Mat> {
    let stored = stored_size(size);
    if stored == size && picture.is_continuous() {
        return Ok(picture);
    }
    let (bottom, right) = (stored.height - size.height, stored.width - size.width);
    core::copy_make_border_def(picture, padded, 0, bottom, 0, right, core::BORDER_REPLICATE)?;
    Ok(padded)
}

/// `size` with even sides.
pub(super) fn stored_size(size: Size) -> Size {
    Size::new(size.width + size.width % 2, size.height + size.height % 2)
}

/// The error for a pipe that broke: what the encoder died of, if it said so.
fn ended(output: &Path, ffmpeg: &mut Ffmpeg, error: &std::io::Error) -> Error {
    let cause = match ffmpeg.wait() {
        Err(cause) if error.kind() == ErrorKind::BrokenPipe => cause,
        _ => error.to_string(),
    };
    failed(output, &cause)
}

/// The error for `output`, which the encoder could not write.
pub(super) fn failed(output: &Path, cause: &str) -> Error {
    let remedy = if cause.contains("No space left") { ": free some space or choose another place with -o" } else { "" };
    Error::output(output, format!("not written: ffmpeg: {cause}{remedy}"))
}
