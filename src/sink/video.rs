//! A video file: H.264 (VP9 in WebM) with the source's audio and metadata, encoded by an `ffmpeg` child process.
//!
//! The picture is encoded first. The rest is added at the end, when the length of the picture is known. So a run that
//! ends early has no audio without picture, and unreadable audio costs only the audio, not the run.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use opencv::core::{self, Mat, Size};
use opencv::prelude::*;
use opencv::videoio::{self, VideoCapture, VideoWriter};
use tempfile::TempPath;

use super::container::Container;
use super::encoder::{EncoderSettings, VideoEncoder, even, failed, stored_size};
use super::losses;
use super::mux::{self, EncodedPicture};
use super::{ReadyOutput, WrittenFile};
use crate::colour::ColourTags;
use crate::frame::{ClipEnd, Rate};
use crate::passthrough::Passthrough;
use crate::platform::ffmpeg::{self, Ffmpeg, media_name};
use crate::platform::silence::silence_libraries;
use crate::{Error, Result};

/// Encoding options.
#[derive(Debug, Clone, PartialEq)]
pub struct EncodeOptions {
    /// The format; by default that of the name's extension.
    pub format: Option<Container>,
    /// Constant rate factor of x264, 0 (lossless) to 51; 18 is visually lossless, 23 is x264's default.
    pub crf: u8,
    /// Whether to replace an existing file.
    pub overwrite: bool,
    /// What to keep of the source beside its picture.
    pub passthrough: Option<Passthrough>,
    /// The colours of the pictures.
    pub colour: ColourTags,
}

/// A video file being written. It leaves nothing behind if it is dropped before [`VideoSink::finish`].
pub struct VideoSink {
    output: PathBuf,
    options: EncodeOptions,
    container: Container,
    writer: FrameWriter,
    temp: TempPath,
    /// Size of the input frames. An odd side is stored one pixel larger, because 4:2:0 video needs even sides.
    size: Size,
    rate: Rate,
    frames: u64,
    last: f64,
    /// Whether all frames were shown for about the nominal interval.
    is_steady: bool,
    warnings: Vec<String>,
}

enum FrameWriter {
    Ffmpeg(VideoEncoder),
    OpenCv(VideoWriter),
    /// The pictures are already encoded.
    None,
}

impl VideoSink {
    /// Rejects a file that cannot or must not be written.
    ///
    /// # Errors
    /// [`Error::Usage`] for an unknown extension, and the errors of [`check`](super::check).
    pub fn check(output: &Path, format: Option<Container>, input: Option<&Path>, overwrite: bool) -> Result<()> {
        Container::of(output, format)?;
        super::check(output, input, overwrite)
    }

    /// Starts a file at `output` for frames of `size` pixels, at the nominal rate `rate`. Its extension determines the
    /// container.
    ///
    /// # Errors
    /// [`Error::Usage`] for an unknown extension or an existing file; [`Error::Output`] if it cannot be written.
    pub fn create(output: &Path, size: Size, rate: Rate, options: EncodeOptions) -> Result<Self> {
        Self::check(output, options.format, None, options.overwrite)?;
        let container = Container::of(output, options.format)?;
        let temp = super::temporary(output)?.into_temp_path();
        let pictured = options.passthrough.as_ref().filter(|_| !container.holds_audio());
        let mut warnings: Vec<String> = losses::picture_only(pictured, output).into_iter().collect();
        let writer = if ffmpeg::is_available()? {
            let is_muxed = options.passthrough.is_some() && container.holds_audio();
            let first = if is_muxed { Container::Mp4 } else { container };
            let EncodeOptions { crf, colour, .. } = options;
            let encoding = EncoderSettings { container, size, rate, crf, colour, timeout: None };
            FrameWriter::Ffmpeg(VideoEncoder::start(output, encoding, first.mux_args(rate), &temp)?)
        } else {
            let lost = if options.passthrough.is_some() { "audio and metadata are missing and " } else { "" };
            warnings.push(format!("ffmpeg is not installed: {lost}a variable frame rate becomes a constant one"));
            FrameWriter::OpenCv(opencv_writer(output, &temp, stored_size(size), rate)?)
        };
        let output = output.to_owned();
        Ok(Self {
            output,
            options,
            container,
            writer,
            temp,
            size,
            rate,
            frames: 0,
            last: 0.0,
            is_steady: true,
            warnings,
        })
    }

    /// Concatenates the pictures of finished videos, all encoded alike, without re-encoding. `list` gives the files and
    /// their durations in FFmpeg's ffconcat format. Together they have `frames` frames, the last one at `last` seconds.
    ///
    /// # Errors
    /// The errors of [`VideoSink::create`]; [`Error::Output`] if the files cannot be concatenated.
    pub fn join(
        list: &Path,
        rate: Rate,
        frames: u64,
        last: f64,
        output: &Path,
        options: EncodeOptions,
    ) -> Result<Self> {
        Self::check(output, options.format, None, options.overwrite)?;
        let container = Container::of(output, options.format)?;
        let temp = super::temporary(output)?.into_temp_path();
        let mut args: Vec<OsString> = ["-f", "concat", "-i"].map(Into::into).to_vec();
        args.push(media_name(list.as_os_str()));
        args.extend(["-map", "0:v:0", "-c:v", "copy"].map(Into::into));
        args.extend(container.mux_args(rate));
        args.push(media_name(temp.as_os_str()));
        Ffmpeg::spawn(args)?.wait().map_err(|cause| failed(output, &cause))?;
        let (output, size, warnings) = (output.to_owned(), Size::default(), Vec::new());
        let (writer, is_steady) = (FrameWriter::None, true);
        Ok(Self { output, options, container, writer, temp, size, rate, frames, last, is_steady, warnings })
    }

    /// Appends a frame (`CV_8UC3`, BGR, of the given size) that is shown from `time`, in seconds, increasing from 0.
    ///
    /// # Errors
    /// [`Error::Output`] with the encoder's reason, such as a full disk.
    pub fn write(&mut self, frame: &Mat, time: f64) -> Result<()> {
        if frame.size()? != self.size || frame.typ() != core::CV_8UC3 {
            let (width, height) = (self.size.width, self.size.height);
            return Err(Error::output(&self.output, format!("a frame is not {width}x{height} BGR like the first one")));
        }
        match &mut self.writer {
            FrameWriter::Ffmpeg(encoder) => encoder.write(frame, time)?,
            FrameWriter::OpenCv(writer) => writer.write(even(frame, self.size, &mut Mat::default())?)?,
            FrameWriter::None => {}
        }
        let interval = time - self.last;
        self.is_steady &= self.frames == 0 || (interval / self.rate.interval() - 1.0).abs() < 0.1;
        self.frames += 1;
        self.last = time;
        Ok(())
    }

    /// Finishes the file, adds audio and metadata, and verifies the result by opening it and counting its frames. The
    /// last frame is shown until `end`, if that is known. What comes with the picture may outlast the picture only if the
    /// whole clip was read.
    ///
    /// # Errors
    /// [`Error::Output`] if no frame was written, the encoder failed, or the file does not have the right number of
    /// frames.
    pub fn finish(mut self, end: ClipEnd) -> Result<ReadyOutput> {
        match &mut self.writer {
            FrameWriter::Ffmpeg(encoder) => encoder.finish()?,
            FrameWriter::OpenCv(writer) => writer.release()?,
            FrameWriter::None => {}
        }
        if self.frames == 0 {
            return Err(Error::output(&self.output, "not written: there are no frames"));
        }
        let can_mux = !matches!(self.writer, FrameWriter::OpenCv(_)) && self.container.holds_audio();
        let held = end.time.filter(|end| self.is_held_until(*end));
        let kept = self.options.passthrough.take();
        if can_mux && (kept.is_some() || held.is_some()) {
            self.temp = self.add_kept(&kept.unwrap_or_default(), held, end.is_whole)?;
        }
        // A format without times repeats frames.
        let found = if self.container == Container::Y4m { self.frames } else { count_frames(&self.temp)? };
        if found != self.frames {
            let problem = format!("not written: the encoder kept {found} of {} frames", self.frames);
            return Err(Error::output(&self.output, problem));
        }
        let ready = ReadyOutput::file(self.temp, &self.output, self.options.overwrite);
        Ok(ready.described(WrittenFile { path: self.output, frames: self.frames, warnings: self.warnings }))
    }

    /// Whether the last frame is shown until `end`, not for one nominal interval like the others.
    fn is_held_until(&self, end: f64) -> bool {
        let interval = self.rate.interval();
        end > self.last + 1.5 * interval || !self.is_steady && end > self.last
    }

    /// Adds what the source held beside its picture, and shows the last frame until `end`. What cannot be kept is left
    /// out with a warning.
    fn add_kept(&mut self, kept: &Passthrough, end: Option<f64>, is_whole: bool) -> Result<TempPath> {
        let picture = EncodedPicture {
            file: &self.temp,
            container: self.container,
            rate: self.rate,
            frames: self.frames,
            last: self.last,
            end,
            is_whole,
        };
        let (joined, warnings) = mux::mux(&picture, kept, &self.output)?;
        self.warnings.extend(warnings);
        Ok(joined)
    }
}

/// OpenCV's own writer, for machines without `ffmpeg`.
fn opencv_writer(output: &Path, temp: &Path, size: Size, rate: Rate) -> Result<VideoWriter> {
    for code in [['a', 'v', 'c', '1'], ['m', 'p', '4', 'v']] {
        let fourcc = VideoWriter::fourcc(code[0], code[1], code[2], code[3])?;
        let writer = VideoWriter::new_with_backend(temp, videoio::CAP_FFMPEG, fourcc, rate.fps(), size, true)?;
        if writer.is_opened()? {
            return Ok(writer);
        }
    }
    Err(Error::output(output, "OpenCV has no encoder for this format: install ffmpeg"))
}

/// Number of frames in a finished file: its video packets, which OpenCV can read without decoding. Starting `ffprobe`
/// would take longer than counting them.
fn count_frames(path: &Path) -> Result<u64> {
    let mut capture = VideoCapture::from_file(media_name(path.as_os_str()), videoio::CAP_FFMPEG)?;
    silence_libraries();
    capture.set(videoio::CAP_PROP_FORMAT, -1.0)?;
    let mut frames = 0;
    while capture.grab()? {
        frames += 1;
    }
    Ok(frames)
}
