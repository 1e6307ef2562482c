//! A video file or stream, decoded by OpenCV's FFmpeg backend.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::path::Path;

use opencv::core::{self, Mat, Size};
use opencv::imgproc;
use opencv::prelude::*;
use opencv::videoio::{self, VideoCapture};

use super::check::{check_file, undecodable};
use super::container_info::{self, ContainerInfo, DecodedInfo};
use super::frames::{FrameSource, SourceOptions};
use super::orientation::{self, Orientation};
use super::probe::{self, ProbeOutput, ProbeStream};
use super::timestamp_corrector::TimestampCorrector;
use crate::frame::{Frame, VideoInfo};
use crate::platform::ffmpeg::{is_url, media_name, packets};
use crate::{Error, Result};

/// Number of consecutive failed reads after which the rest of a clip is given up as damaged.
const MAX_BAD_READS: usize = 100;

/// An open video.
pub struct Video {
    location: OsString,
    capture: VideoCapture,
    info: VideoInfo,
    warnings: Vec<String>,
    orientation: Orientation,
    colours: Option<Mat>,
    /// The decoded picture, kept if another picture is made from it.
    raw: Mat,
    clock: TimestampCorrector,
    facts: ContainerInfo,
    /// Timestamps from the container for the last frames, for which the decoder reports none.
    tail: Option<VecDeque<f64>>,
    /// Time of a frame that is grabbed but not returned yet, in seconds since the stream's first frame.
    grabbed: Option<f64>,
    /// In the same time base: the time of the first frame returned, the end of the range to read, and the time reported
    /// as 0.
    first: f64,
    until: f64,
    zero: f64,
    index: u64,
    recovered: bool,
    ended: bool,
}

impl Video {
    pub fn open(location: &OsStr, options: &SourceOptions) -> Result<Self> {
        let is_file = !location.to_str().is_some_and(is_url);
        if is_file {
            check_file(Path::new(location))?;
        }
        let probe = probe::probe(location)?;
        let mut warnings = Vec::new();
        let stream = match &probe {
            Some(probe) => Some(container_info::choose(location, probe, &mut warnings)?),
            None => {
                warnings.push("ffprobe is not installed: audio, rotation and damage may go undetected".into());
                None
            }
        };
        core::set_log_level(core::LogLevel::LOG_LEVEL_SILENT)?;
        let capture = VideoCapture::from_file(media_name(location), videoio::CAP_FFMPEG)?;
        if !capture.is_opened()? {
            if is_file {
                // A file that has been removed meanwhile is not a damaged one.
                check_file(Path::new(location))?;
            }
            return Err(Error::input(location, "cannot be read as a video: it is damaged or its codec is unknown"));
        }
        silence_ffmpeg();
        let mut video = Self::describe(location, capture, probe.as_ref(), stream, warnings)?;
        video.seek(options)?;
        if options.start.is_some() || options.duration.is_some() {
            video.narrow(options);
        }
        Ok(video)
    }

    /// Combines what the container, or OpenCV without one, states about the clip.
    fn describe(
        location: &OsStr,
        mut capture: VideoCapture,
        probe: Option<&ProbeOutput>,
        stream: Option<&ProbeStream>,
        mut warnings: Vec<String>,
    ) -> Result<Self> {
        let orientation = match stream {
            Some(stream) => stream.display_matrix().map_or(Orientation::default(), Orientation::from_matrix),
            None => orientation::orientation_meta(&capture)?,
        };
        capture.set(videoio::CAP_PROP_ORIENTATION_AUTO, 0.0)?;
        let get = |id| capture.get(id).unwrap_or(0.0);
        let coded = Size::new(get(videoio::CAP_PROP_FRAME_WIDTH) as i32, get(videoio::CAP_PROP_FRAME_HEIGHT) as i32);
        let rate = stream
            .and_then(ProbeStream::rate)
            .unwrap_or_else(|| container_info::approximate(get(videoio::CAP_PROP_FPS)));
        let facts =
            probe.zip(stream).map_or_else(ContainerInfo::default, |(probe, stream)| ContainerInfo::new(probe, stream));
        let counted = Some(get(videoio::CAP_PROP_FRAME_COUNT)).filter(|n| stream.is_none() && (1.0..1e9).contains(n));
        let info = VideoInfo {
            size: orientation.size(stream.map_or(coded, |stream| stream.square_pixels(coded))),
            rate,
            start: 0.0,
            frames: facts.frames(rate).or(counted.map(|n| n as u64)),
            sound: probe.and_then(|probe| facts.sound(location, probe, &mut warnings)),
        };
        Ok(Self {
            location: location.to_owned(),
            capture,
            info,
            warnings,
            orientation,
            colours: stream.and_then(|s| orientation::colour_correction(s.color_space.as_deref()?)).transpose()?,
            raw: Mat::default(),
            clock: TimestampCorrector::new(rate, stream.map_or(0.001, ProbeStream::tick)),
            facts,
            tail: None,
            grabbed: None,
            first: 0.0,
            until: f64::INFINITY,
            zero: 0.0,
            index: 0,
            recovered: false,
            ended: false,
        })
    }

    /// Grabs the first frame at or after the requested start.
    fn seek(&mut self, options: &SourceOptions) -> Result<()> {
        let asked = options.start.filter(|&start| start > 0.0);
        let start = asked.map_or(f64::NEG_INFINITY, |start| start - self.facts.offset);
        let slack = 1e-3_f64.min(self.info.rate.interval() / 4.0);
        if let Some(end) = self.facts.duration.filter(|&end| start >= end) {
            return Err(self.past_the_end(end));
        }
        if start > 2.0 {
            self.capture.set(videoio::CAP_PROP_POS_MSEC, (start - 1.0) * 1000.0)?;
        }
        let mut time = self.grab()?;
        if start > 2.0 && time.is_none_or(|time| time > start + slack) {
            self.rewind()?;
            time = self.grab()?;
        }
        while time.is_some_and(|time| time < start - slack) {
            time = self.grab()?;
        }
        self.grabbed = time;
        self.first = match (time, self.clock.last()) {
            (Some(time), _) => time,
            (None, Some(last)) => return Err(self.past_the_end(last + self.info.rate.interval())),
            (None, None) => {
                let problem = "no frame can be decoded: fetch or record it again (if it is an address, download it)";
                return Err(Error::input(&self.location, problem));
            }
        };
        self.zero = options.zero.map_or(self.first, |zero| zero - self.facts.offset);
        self.info.start = self.facts.offset + self.first;
        if let Some(sound) = &mut self.info.sound {
            sound.from = self.info.start;
        }
        self.until = options.duration.map_or(f64::INFINITY, |duration| self.first + duration - slack);
        Ok(())
    }

    fn past_the_end(&self, end: f64) -> Error {
        let end = end + self.facts.offset;
        Error::Usage(format!("{}: --start is at or past the end, {end:.3} s", self.location.display()))
    }

    /// Opens the capture again, at its first frame.
    fn rewind(&mut self) -> Result<()> {
        self.capture = VideoCapture::from_file(media_name(&self.location), videoio::CAP_FFMPEG)?;
        self.capture.set(videoio::CAP_PROP_ORIENTATION_AUTO, 0.0)?;
        self.clock.restart();
        silence_ffmpeg();
        Ok(())
    }

    /// Adapts the clip's information to the part of it that is read.
    fn narrow(&mut self, options: &SourceOptions) {
        let rest = self.facts.duration.map(|duration| (duration - self.first).max(0.0));
        let part = match (rest, options.duration) {
            (Some(rest), Some(asked)) => Some(rest.min(asked)),
            (rest, asked) => rest.or(asked),
        };
        self.info.frames = part.map(|seconds| ((seconds * self.info.rate.fps() - 1e-3).ceil() as u64).max(1));
        if let (Some(sound), Some(_)) = (&mut self.info.sound, options.duration) {
            sound.surplus = 0.0;
        }
    }

    /// Moves to the next frame and returns its time in seconds since the stream's first frame; `None` at the end.
    fn grab(&mut self) -> Result<Option<f64>> {
        let mut failures = 0;
        while !self.capture.grab()? {
            failures += 1;
            if failures == MAX_BAD_READS || self.clock.last().is_none() {
                return Ok(None);
            }
        }
        self.recovered |= failures > 0;
        let reported = self.capture.get(videoio::CAP_PROP_POS_MSEC)? / 1000.0;
        if let Some(time) = self.clock.accept(reported) {
            return Ok(Some(time));
        }
        if self.clock.is_steady() && self.facts.duration.is_none() {
            return Ok(Some(self.clock.guess()));
        }
        let listed = self.tail_times().pop_front();
        Ok(Some(listed.and_then(|time| self.clock.accept(time)).unwrap_or_else(|| self.clock.guess())))
    }

    /// The container's timestamps for the frames after the last one with a known time.
    fn tail_times(&mut self) -> &mut VecDeque<f64> {
        let (location, facts) = (&self.location, &self.facts);
        let last = self.clock.last().unwrap_or(0.0);
        self.tail.get_or_insert_with(|| {
            let zero = facts.origin + facts.offset;
            let from = (zero + last - 1.0).max(zero);
            let packets = facts.stream.and_then(|stream| packets(location, stream, Some(from)));
            let times = packets.unwrap_or_default().times.into_iter().map(|time| time - zero);
            times.filter(|&time| time > last + 1e-3).collect()
        })
    }

    /// Decodes the grabbed frame, upright and in the colours that its tags specify.
    fn retrieve(&mut self) -> Result<Mat> {
        if !self.capture.retrieve_def(&mut self.raw)? || self.raw.empty() {
            return Err(Error::input(&self.location, format!("frame {} cannot be decoded", self.index)));
        }
        let image = match &self.colours {
            Some(matrix) => {
                let mut corrected = Mat::default();
                core::transform(&self.raw, &mut corrected, matrix)?;
                corrected
            }
            None => std::mem::take(&mut self.raw),
        };
        let mut image = self.orientation.apply(image)?;
        if image.size()? != self.info.size {
            let mut resized = Mat::default();
            imgproc::resize(&image, &mut resized, self.info.size, 0.0, 0.0, imgproc::INTER_AREA)?;
            image = resized;
        }
        Ok(image)
    }

    /// Ends the clip because of `error`.
    fn broken(&mut self, error: Error) -> Error {
        self.ended = true;
        undecodable(&self.location, error)
    }

    /// Called at the end of the file: returns an error if the container states more frames.
    fn shortfall(&self) -> Result<()> {
        let last = self.clock.last().unwrap_or(0.0);
        let part = DecodedInfo { first: self.first, last, frames: self.index, recovered: self.recovered };
        match self.facts.missing(&self.location, self.info.rate, &part) {
            0 => Ok(()),
            missing => {
                let (read, all) = (self.index, self.index + missing);
                let problem = "the file is damaged or cut short; fetch or record it again";
                Err(Error::input(&self.location, format!("only {read} of {all} frames could be decoded: {problem}")))
            }
        }
    }
}

impl FrameSource for Video {
    fn info(&self) -> &VideoInfo {
        &self.info
    }

    fn read(&mut self) -> Result<Option<Frame>> {
        if self.ended {
            return Ok(None);
        }
        let time = match self.grabbed.take() {
            Some(time) => Some(time),
            None => self.grab().map_err(|e| self.broken(e))?,
        };
        let Some(time) = time.filter(|&time| time < self.until) else {
            self.ended = true;
            return if time.is_some() { Ok(None) } else { self.shortfall().map(|()| None) };
        };
        let image = self.retrieve().map_err(|e| self.broken(e))?;
        let index = self.index;
        self.index += 1;
        Ok(Some(Frame { index, time: time - self.zero, image }))
    }

    fn warnings(&self) -> &[String] {
        &self.warnings
    }
}

/// Stops FFmpeg inside OpenCV from writing to stderr about every damaged packet: [`FrameSource::read`] reports damage
/// once. OpenCV resets FFmpeg's log level whenever it opens something, so the messages are discarded by a callback
/// instead.
pub fn silence_ffmpeg() {
    use std::ffi::{c_char, c_int, c_void};
    type Callback = extern "C" fn(*mut c_void, c_int, *const c_char, *mut c_void);
    type SetCallback = unsafe extern "C" fn(Callback);
    extern "C" fn nothing(_: *mut c_void, _: c_int, _: *const c_char, _: *mut c_void) {}
    #[cfg(unix)]
    // SAFETY: the symbol is libavutil's `void av_log_set_callback(void (*)(void *, int, const char *, va_list))`, which
    // stores the pointer; the callback touches none of its arguments, of which the last is passed as a pointer.
    unsafe {
        let program = libloading::os::unix::Library::this();
        if let Ok(set_callback) = program.get::<SetCallback>(b"av_log_set_callback\0") {
            set_callback(nothing);
        }
    }
}
