//! A video file or stream.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use opencv::core::Mat;
use opencv::imgproc;
use opencv::prelude::*;

use super::check::{check_file, undecodable};
use super::container_info::{self, ContainerInfo, DecodedInfo};
use super::decoder::Decoder;
use super::ffmpeg_decoder::FfmpegDecoder;
use super::frames::{DecoderKind, FrameSource, LateWarnings, SourceOptions};
use super::opencv_decoder::{CaptureInfo, OpenCvDecoder};
use super::orientation::Orientation;
use super::piped::{PipedInput, SideFile};
use super::probe::{self, ProbeOutput};
use super::probe_stream::ProbeStream;
use super::{kept, playlist};
use crate::colour::ColourTags;
use crate::frame::{ClipEnd, Frame, VideoInfo};
use crate::passthrough::{FileIdentity, TemporaryFile};
use crate::platform::ffmpeg::{self, is_url};
use crate::{Error, Result};

/// An open video.
pub struct Video {
    location: OsString,
    /// The file as it was when it was opened; `None` for an address.
    identity: Option<FileIdentity>,
    /// The copy of a pipe that is read instead.
    file: Option<TemporaryFile>,
    decoder: Box<dyn Decoder>,
    info: VideoInfo,
    warnings: Vec<String>,
    orientation: Orientation,
    container: ContainerInfo,
    /// Time of a frame that is grabbed but not returned yet, in seconds since the stream's first frame.
    grabbed: Option<f64>,
    /// In the same time base: the time of the first frame returned, the end of the range to read, and the time reported
    /// as 0.
    first: f64,
    until: f64,
    zero: f64,
    index: u64,
    ended: bool,
}

impl Video {
    pub fn open(location: &OsStr, options: &SourceOptions) -> Result<Self> {
        let path = Path::new(location);
        if !location.to_str().is_some_and(is_url) {
            check_file(path)?;
            playlist::refuse_hidden(path)?;
        }
        let identity = FileIdentity::of(path);
        let mut warnings = Vec::new();
        let mut video = match probe::probe(location)? {
            Some(probe) => {
                let stream = container_info::choose(location, &probe, options.video_stream, &mut warnings)?;
                Self::probed(location, &probe, stream, options, None, warnings)?
            }
            None => Self::unprobed(location)?,
        };
        video.identity = identity;
        video.begin(options)
    }

    /// Opens a pipe, `-` for standard input.
    pub fn open_pipe(path: &Path, options: &SourceOptions) -> Result<Self> {
        if options.decoder == DecoderKind::OpenCv || !ffmpeg::is_available()? {
            return Err(Error::input(path, "is a pipe, which only ffmpeg can decode: install it, or give a file"));
        }
        let mut piped = PipedInput::open(path)?;
        if piped.needs_file()? {
            let file = piped.into_file()?;
            // Messages name the pipe.
            let mut video = Self::open(file.path().as_os_str(), options).map_err(|error| match error {
                Error::Input { problem, .. } => Error::input(path, problem),
                other => other,
            })?;
            let (copy, pipe) = (file.path().display().to_string(), path.display().to_string());
            video.warnings.iter_mut().for_each(|warning| *warning = warning.replace(&copy, &pipe));
            if let Some(kept) = &mut video.info.passthrough {
                kept.file = Some(file.clone());
            }
            video.file = Some(file);
            return Ok(video);
        }
        let probe = piped.probe()?;
        let mut warnings = Vec::new();
        let stream = container_info::choose(path.as_os_str(), &probe, options.video_stream, &mut warnings)?;
        Self::probed(path.as_os_str(), &probe, stream, options, Some(piped), warnings)?.begin(options)
    }

    /// Moves to the first frame to read.
    fn begin(mut self, options: &SourceOptions) -> Result<Self> {
        self.seek(options)?;
        if options.start.is_some() || options.duration.is_some() {
            self.narrow(options);
        }
        self.info.end = ClipEnd {
            time: self.container.duration.map(|duration| duration.min(self.until) - self.zero),
            is_whole: self.container.duration.map_or(self.until.is_infinite(), |duration| duration <= self.until),
        };
        Ok(self)
    }

    /// A video whose container has been read.
    fn probed(
        location: &OsStr,
        probe: &ProbeOutput,
        stream: &ProbeStream,
        options: &SourceOptions,
        piped: Option<PipedInput>,
        mut warnings: Vec<String>,
    ) -> Result<Self> {
        let container = ContainerInfo::new(probe, stream);
        let orientation = stream.display_matrix().map_or(Orientation::default(), Orientation::from_matrix);
        let rate = stream.rate().unwrap_or_else(|| container_info::approximate(0.0));
        let mut passthrough = kept::passthrough(location, probe, stream, &container, &mut warnings);
        let by_opencv = options.decoder == DecoderKind::OpenCv || !ffmpeg::is_available()?;
        let (decoder, size, colour): (Box<dyn Decoder>, _, _) = if by_opencv {
            if probe.videos().next().map(|first| first.index) != Some(stream.index) {
                let problem = "OpenCV reads only the first video stream: use --decoder ffmpeg";
                return Err(Error::input(location, problem));
            }
            let (decoder, stated) = OpenCvDecoder::open(location, &container, Some(stream))?;
            (Box::new(decoder), stream.square_pixels(stated.size), ColourTags::BT709)
        } else {
            let mut decoder = FfmpegDecoder::new(location, &container, stream, rate, options);
            if let Some(piped) = piped {
                let side =
                    passthrough.as_mut().map(|kept| SideFile::divert(kept, &mut warnings)).transpose()?.flatten();
                passthrough = passthrough.filter(|_| side.is_some());
                decoder = decoder.piped(piped, side);
            }
            let filters = decoder.filters().clone();
            warnings.extend(filters.notes.iter().map(|note| format!("{}: {note}", location.display())));
            (Box::new(decoder), filters.size, filters.colour)
        };
        let info = VideoInfo {
            size: orientation.size(size),
            rate,
            start: 0.0,
            frames: container.frames(rate),
            end: ClipEnd::default(),
            colour,
            passthrough,
        };
        Ok(Self::new(location, decoder, info, warnings, orientation, container))
    }

    /// A video about which only OpenCV can be asked.
    fn unprobed(location: &OsStr) -> Result<Self> {
        let container = ContainerInfo::default();
        let (decoder, stated) = OpenCvDecoder::open(location, &container, None)?;
        let CaptureInfo { size, rate, frames, orientation } = stated;
        let info = VideoInfo::plain(orientation.size(size), rate, frames);
        let warnings = vec!["ffprobe is not installed: audio, rotation and damage may go undetected".into()];
        Ok(Self::new(location, Box::new(decoder), info, warnings, orientation, container))
    }

    fn new(
        location: &OsStr,
        decoder: Box<dyn Decoder>,
        info: VideoInfo,
        warnings: Vec<String>,
        orientation: Orientation,
        container: ContainerInfo,
    ) -> Self {
        Self {
            location: location.to_owned(),
            identity: None,
            file: None,
            decoder,
            info,
            warnings,
            orientation,
            container,
            grabbed: None,
            first: 0.0,
            until: f64::INFINITY,
            zero: 0.0,
            index: 0,
            ended: false,
        }
    }

    /// Grabs the first frame at or after the requested start.
    fn seek(&mut self, options: &SourceOptions) -> Result<()> {
        let asked = options.start.filter(|&start| start > 0.0);
        let start = asked.map_or(f64::NEG_INFINITY, |start| start - self.container.offset);
        let slack = 1e-3_f64.min(self.info.rate.interval() / 4.0);
        if let Some(end) = self.container.duration.filter(|&end| start >= end) {
            return Err(self.past_the_end(end));
        }
        if start > 2.0 {
            self.decoder.seek(start - 1.0)?;
        }
        let mut time = self.decoder.grab()?;
        if start > 2.0 && time.is_none_or(|time| time > start + slack) {
            self.decoder.seek(0.0)?;
            time = self.decoder.grab()?;
        }
        while time.is_some_and(|time| time < start - slack) {
            time = self.decoder.grab()?;
        }
        self.grabbed = time;
        self.first = match (time, self.decoder.last()) {
            (Some(time), _) => time,
            (None, Some(last)) => return Err(self.past_the_end(last + self.info.rate.interval())),
            (None, None) => {
                let problem = "no frame can be decoded: fetch or record it again (if it is an address, download it)";
                return Err(Error::input(&self.location, problem));
            }
        };
        self.zero = options.zero.map_or(self.first, |zero| zero - self.container.offset);
        self.info.start = self.container.offset + self.first;
        if let Some(kept) = &mut self.info.passthrough {
            (kept.from, kept.starts_later) = (self.info.start, asked.is_some());
        }
        // However short the part is, it has a frame.
        self.until = options.duration.map_or(f64::INFINITY, |duration| self.first + (duration - slack).max(slack));
        Ok(())
    }

    fn past_the_end(&self, end: f64) -> Error {
        let end = end + self.container.offset;
        Error::Usage(format!("{}: --start is at or past the end, {end:.3} s", self.location.display()))
    }

    /// Adapts the clip's information to the part of it that is read.
    fn narrow(&mut self, options: &SourceOptions) {
        let rest = self.container.duration.map(|duration| (duration - self.first).max(0.0));
        let part = match (rest, options.duration) {
            (Some(rest), Some(asked)) => Some(rest.min(asked)),
            (rest, asked) => rest.or(asked),
        };
        self.info.frames = part.map(|seconds| ((seconds * self.info.rate.fps() - 1e-3).ceil() as u64).max(1));
    }

    /// The grabbed frame, upright and of the clip's size.
    fn retrieve(&mut self) -> Result<Mat> {
        let mut image = self.orientation.apply(self.decoder.retrieve()?)?;
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

    /// Called when the last frame has been read: returns an error unless these were all the frames of one file.
    fn check_whole(&self, is_end: bool) -> Result<()> {
        let read = self.index;
        let incomplete = |problem: String| Err(Error::input(&self.location, problem));
        let change = self.identity.and_then(|identity| identity.change(Path::new(&self.location)));
        if let Some(change) = change {
            return incomplete(format!("{}: the result has {read} frames of it", change.describe()));
        }
        if !is_end {
            return Ok(());
        }
        let last = self.decoder.last().unwrap_or(0.0);
        let recovered = self.decoder.has_recovered();
        let part = DecodedInfo { first: self.first, last, frames: read, recovered };
        let missing = self.container.missing(&self.location, self.info.rate, &part);
        match self.decoder.break_off() {
            _ if missing > 0 => {
                let problem = "the file is damaged or cut short; fetch or record it again";
                incomplete(format!("only {read} of {} frames could be decoded: {problem}", read + missing))
            }
            Some(reason) => incomplete(format!("only {read} frames could be decoded: it broke off: {reason}")),
            None => Ok(()),
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
            None => self.decoder.grab().map_err(|e| self.broken(e))?,
        };
        let Some(time) = time.filter(|&time| time < self.until) else {
            self.ended = true;
            return self.check_whole(time.is_none()).map(|()| None);
        };
        let image = self.retrieve().map_err(|e| self.broken(e))?;
        let index = self.index;
        self.index += 1;
        Ok(Some(Frame { index, time: time - self.zero, image }))
    }

    fn warnings(&self) -> &[String] {
        &self.warnings
    }

    fn late_warnings(&self) -> LateWarnings {
        let (name, notes) = (self.location.display().to_string(), self.decoder.late_notes());
        Box::new(move || notes().into_iter().map(|note| format!("{name}: {note}")).collect())
    }
}
