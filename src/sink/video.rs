//! A video file: H.264 (VP9 in WebM) with the source's sound, encoded by an `ffmpeg` child process.
//!
//! The picture is encoded first. The sound is added at the end, when the picture's length is known: so a run that ends
//! early has no sound without picture, and sound that cannot be read costs the sound only, not the run.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use opencv::core::{self, Mat, Size};
use opencv::prelude::*;
use opencv::videoio::{self, VideoCapture, VideoWriter};
use tempfile::TempPath;

use super::WrittenFile;
use super::container::Container;
use super::encoder::{EncoderSettings, VideoEncoder, even, failed, stored_size};
use crate::frame::{Rate, Sound};
use crate::platform::ffmpeg::{self, Ffmpeg, media_name};
use crate::{Error, Result};

/// How to encode.
#[derive(Debug, Clone, PartialEq)]
pub struct EncodeOptions {
    /// Constant rate factor of x264, 0 (lossless) to 51; 18 is visually lossless, 23 its default.
    pub crf: u8,
    /// Whether an existing file is replaced.
    pub overwrite: bool,
    /// The sound to keep.
    pub sound: Option<Sound>,
}

/// A video file being written. Dropped before [`VideoSink::finish`], it leaves nothing behind.
pub struct VideoSink {
    output: PathBuf,
    options: EncodeOptions,
    container: Container,
    writer: FrameWriter,
    temp: TempPath,
    /// Size of the frames taken; an odd side is stored one pixel larger, since 4:2:0 video has even sides.
    size: Size,
    rate: Rate,
    frames: u64,
    last: f64,
    warnings: Vec<String>,
}

enum FrameWriter {
    Ffmpeg(VideoEncoder),
    OpenCv(VideoWriter),
    /// Everything is encoded already.
    None,
}

impl VideoSink {
    /// Refuses a file that cannot or must not be written.
    ///
    /// # Errors
    /// [`Error::Usage`] for an unknown extension; those of [`check`](super::check).
    pub fn check(output: &Path, input: Option<&Path>, overwrite: bool) -> Result<()> {
        Container::of(output)?;
        super::check(output, input, overwrite)
    }

    /// Starts a file at `output` for frames of `size` pixels, nominally at `rate`. Its extension chooses the container.
    ///
    /// # Errors
    /// [`Error::Usage`] for an unknown extension or a file that exists; [`Error::Output`] where it cannot be written.
    pub fn create(output: &Path, size: Size, rate: Rate, options: EncodeOptions) -> Result<Self> {
        Self::check(output, None, options.overwrite)?;
        let container = Container::of(output)?;
        let temp = super::temporary(output)?.into_temp_path();
        let mut warnings = Vec::new();
        let writer = if ffmpeg::is_available() {
            let first = if options.sound.is_some() { Container::Mp4 } else { container };
            let encoding = EncoderSettings { container, size, rate, crf: options.crf };
            FrameWriter::Ffmpeg(VideoEncoder::start(output, encoding, first.mux_args(rate), &temp)?)
        } else {
            let lost = if options.sound.is_some() { "the sound is missing, " } else { "" };
            warnings.push(format!("ffmpeg is not installed: {lost}a variable frame rate becomes a constant one"));
            FrameWriter::OpenCv(opencv_writer(output, &temp, stored_size(size), rate)?)
        };
        let output = output.to_owned();
        Ok(Self { output, options, container, writer, temp, size, rate, frames: 0, last: 0.0, warnings })
    }

    /// Joins the pictures of finished videos, all encoded alike, as they are. `list` names them and their lengths in FFmpeg's
    /// ffconcat form; together they have so many `frames`, the last of them at `last` seconds.
    ///
    /// # Errors
    /// Those of [`VideoSink::create`]; [`Error::Output`] where they do not go together.
    pub fn join(
        list: &Path,
        rate: Rate,
        frames: u64,
        last: f64,
        output: &Path,
        options: EncodeOptions,
    ) -> Result<Self> {
        Self::check(output, None, options.overwrite)?;
        let container = Container::of(output)?;
        let temp = super::temporary(output)?.into_temp_path();
        let mut args: Vec<OsString> = ["-f", "concat", "-i"].map(Into::into).to_vec();
        args.push(media_name(list.as_os_str()));
        args.extend(["-map", "0:v:0", "-c:v", "copy"].map(Into::into));
        args.extend(container.mux_args(rate));
        args.push(media_name(temp.as_os_str()));
        Ffmpeg::spawn(args)?.wait().map_err(|cause| failed(output, &cause))?;
        let (output, size, warnings) = (output.to_owned(), Size::default(), Vec::new());
        Ok(Self { output, options, container, writer: FrameWriter::None, temp, size, rate, frames, last, warnings })
    }

    /// Appends a frame (`CV_8UC3`, BGR, of the size given) that is shown from `time` on; seconds, increasing from 0.
    ///
    /// # Errors
    /// [`Error::Output`] with the encoder's reason, such as a full disk.
    pub fn write(&mut self, frame: &Mat, time: f64) -> Result<()> {
        if frame.size()? != self.size || frame.typ() != core::CV_8UC3 {
            let (width, height) = (self.size.width, self.size.height);
            return Err(Error::output(&self.output, format!("a frame is not {width}x{height} BGR as the first one")));
        }
        match &mut self.writer {
            FrameWriter::Ffmpeg(encoder) => encoder.write(frame, time)?,
            FrameWriter::OpenCv(writer) => writer.write(even(frame, self.size, &mut Mat::default())?)?,
            FrameWriter::None => {}
        }
        self.frames += 1;
        self.last = time;
        Ok(())
    }

    /// Ends the file, adds the sound, verifies the result by opening it and counting its frames, and gives it its name.
    ///
    /// # Errors
    /// [`Error::Output`] where no frame was written, the encoder failed, or the file does not hold what it should.
    pub fn finish(mut self) -> Result<WrittenFile> {
        match &mut self.writer {
            FrameWriter::Ffmpeg(encoder) => encoder.finish()?,
            FrameWriter::OpenCv(writer) => writer.release()?,
            FrameWriter::None => {}
        }
        if self.frames == 0 {
            return Err(Error::output(&self.output, "not written: there is no frame to put into it"));
        }
        let can_mux = !matches!(self.writer, FrameWriter::OpenCv(_));
        if let Some(sound) = self.options.sound.take().filter(|_| can_mux) {
            self.temp = self.add_sound(&sound)?;
        }
        let held = count_frames(&self.temp)?;
        if held != self.frames {
            let problem = format!("not written: the encoder kept {held} of {} frames", self.frames);
            return Err(Error::output(&self.output, problem));
        }
        super::publish(self.temp, &self.output, self.options.overwrite)?;
        Ok(WrittenFile { path: self.output, frames: self.frames, warnings: self.warnings })
    }

    /// Joins the encoded picture and the source's sound: copied where that works, else encoded anew, else left out with
    /// a warning.
    fn add_sound(&mut self, sound: &Sound) -> Result<TempPath> {
        let joined = super::temporary(&self.output)?.into_temp_path();
        let plans = [Some(self.container.audio_plan(&sound.streams)), Some(self.container.encode_all()), None];
        let mut first_cause = None;
        for plan in plans {
            let lost = plan.is_none();
            match Ffmpeg::spawn(self.join_args(sound, plan, &joined))?.wait() {
                Ok(()) if lost => break,
                Ok(()) => return Ok(joined),
                Err(cause) if lost => return Err(failed(&self.output, &cause)),
                Err(cause) => first_cause.get_or_insert(cause),
            };
        }
        let cause = first_cause.unwrap_or_default();
        self.warnings.push(format!("{}: the sound could not be kept: {cause}", self.output.display()));
        Ok(joined)
    }

    fn join_args(&self, sound: &Sound, plan: Option<Vec<OsString>>, joined: &Path) -> Vec<OsString> {
        let mut args: Vec<OsString> = vec!["-i".into(), media_name(self.temp.as_os_str())];
        if let Some(plan) = plan {
            let length = self.last + self.rate.interval() + sound.surplus;
            if let Some(from) = seek(sound) {
                args.extend(["-ss".into(), format!("{from:.6}").into()]);
            }
            args.extend(["-t".into(), format!("{length:.6}").into(), "-i".into(), sound.location.clone()]);
            args.extend(["-copypriorss", "0", "-map", "0:v:0"].map(Into::into));
            args.extend(sound.streams.iter().flat_map(|s| ["-map".into(), format!("1:{}", s.index).into()]));
            args.extend(plan);
        }
        args.extend(["-c:v", "copy", "-map_chapters", "-1"].map(Into::into));
        args.extend(self.container.mux_args(self.rate));
        args.push(media_name(joined.as_os_str()));
        args
    }
}

/// Where to seek to in a file for its sound, in seconds. FFmpeg loses a late start of the sound in MPEG-TS unless it
/// seeks; and where it seeks by a trifle in AVI or FLV, it lands seconds further on.
fn seek(sound: &Sound) -> Option<f64> {
    const TRIFLE: f64 = 0.1;
    if sound.discontinuous { Some(sound.from.max(1e-3)) } else { Some(sound.from).filter(|&from| from >= TRIFLE) }
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
    Err(Error::output(output, "OpenCV has no encoder for it: install ffmpeg"))
}

/// Frames in a finished file: its video packets, which OpenCV reads as they are; `ffprobe` would take longer to start than
/// they take to count.
fn count_frames(path: &Path) -> Result<u64> {
    let mut capture = VideoCapture::from_file(media_name(path.as_os_str()), videoio::CAP_FFMPEG)?;
    capture.set(videoio::CAP_PROP_FORMAT, -1.0)?;
    let mut frames = 0;
    while capture.grab()? {
        frames += 1;
    }
    Ok(frames)
}
