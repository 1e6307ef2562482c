//! Decoding by an `ffmpeg` child process, which sends raw pictures with timestamps.

use std::ffi::{OsStr, OsString};
use std::io::BufReader;
use std::path::Path;
use std::process::{ChildStdout, Stdio};

use opencv::core::{CV_8UC3, Mat, Scalar};
use opencv::prelude::*;
use yuv::YuvRange;

use super::check::check_file;
use super::container_info::ContainerInfo;
use super::decoder::Decoder;
use super::filters::{FilterChain, TIME_OFFSET};
use super::frames::{LateWarnings, SourceOptions};
use super::piped::{PipedInput, STDIN, SideFile};
use super::planes;
use super::probe_stream::ProbeStream;
use super::shape_changes::ShapeChanges;
use super::timestamp_corrector::TimestampCorrector;
use crate::frame::Rate;
use crate::platform::ffmpeg::{
    Ffmpeg, PictureShape, STANDARD_INPUT, first_complaint, input_args, is_url, matroska, own_clock,
};
use crate::{Error, Result};

/// A video that an `ffmpeg` process decodes and filters. The process starts with the first picture.
pub struct FfmpegDecoder {
    location: OsString,
    filters: FilterChain,
    stream: usize,
    hwaccel: Option<String>,
    /// The pipe to read, until the process starts.
    piped: Option<PipedInput>,
    side: Option<SideFile>,
    /// Seconds from the start of the file to the start of the stream.
    offset: f64,
    clock: TimestampCorrector,
    shapes: ShapeChanges,
    child: Option<Child>,
    /// The pixels of the last picture.
    pixels: Vec<u8>,
    messages: Vec<String>,
}

/// The running process, which started at `seek` seconds of the file.
struct Child {
    ffmpeg: Ffmpeg,
    output: BufReader<ChildStdout>,
    cluster: i64,
    seek: f64,
}

impl FfmpegDecoder {
    /// Prepares to decode `stream` of `location`, the container of which states `info`.
    pub fn new(
        location: &OsStr,
        info: &ContainerInfo,
        stream: &ProbeStream,
        rate: Rate,
        options: &SourceOptions,
    ) -> Self {
        Self {
            location: location.to_owned(),
            filters: FilterChain::new(stream, options),
            stream: stream.index,
            hwaccel: options.hwaccel.clone(),
            piped: None,
            side: None,
            offset: info.offset,
            clock: TimestampCorrector::new(rate, stream.tick()),
            shapes: ShapeChanges::new(stream.shape()),
            child: None,
            pixels: Vec::new(),
            messages: Vec::new(),
        }
    }

    /// The same, of a pipe, from which `side` is put aside.
    pub fn piped(self, piped: PipedInput, side: Option<SideFile>) -> Self {
        Self { piped: Some(piped), side, location: STANDARD_INPUT.into(), ..self }
    }

    /// The filters, which determine the pictures' size and colours.
    pub fn filters(&self) -> &FilterChain {
        &self.filters
    }

    /// The input, for messages.
    fn name(&self) -> &Path {
        if self.is_pipe() { Path::new(STDIN) } else { Path::new(&self.location) }
    }

    fn is_pipe(&self) -> bool {
        self.location == STANDARD_INPUT
    }

    fn start(&mut self, time: f64) -> Result<()> {
        let seek = if time > 0.0 { (time + self.offset).max(0.0) } else { 0.0 };
        let stdin = if self.piped.is_some() { Stdio::piped() } else { Stdio::null() };
        self.shapes.restart();
        let shapes = self.shapes.clone();
        let mut ffmpeg = Ffmpeg::spawn_reader(self.arguments(seek), stdin, move |line| {
            if let Some(shape) = PictureShape::parse(line) {
                shapes.picture(shape);
            }
        })?;
        if let Some((piped, stdin)) = self.piped.take().zip(ffmpeg.stdin.take()) {
            piped.feed(stdin);
        }
        let Some(output) = ffmpeg.stdout.take() else { return Ok(()) };
        // Pictures are larger than this buffer and pass it by.
        let output = BufReader::with_capacity(4096, output);
        self.child = Some(Child { ffmpeg, output, cluster: 0, seek });
        Ok(())
    }

    fn arguments(&self, seek: f64) -> Vec<OsString> {
        let mut args: Vec<OsString> = Vec::new();
        if let Some(method) = &self.hwaccel {
            args.extend(["-hwaccel".into(), method.into()]);
        }
        if seek > 0.0 {
            args.extend(["-ss".into(), format!("{seek:.6}").into()]);
        } else {
            args.extend(["-itsoffset".into(), format!("{:.6}", own_clock(0.0, seek)).into()]);
        }
        args.push("-noautorotate".into());
        args.extend(input_args(&self.location));
        let map = format!("0:{}", self.stream);
        args.extend(["-map", &map, "-vf", &self.filters.description].map(Into::into));
        args.extend(["-fps_mode", "passthrough", "-enc_time_base", "1:1000", "-c:v", "rawvideo"].map(Into::into));
        args.extend(["-allow_raw_vfw", "1", "-f", "matroska", "pipe:1"].map(Into::into));
        args.extend(self.side.iter().flat_map(SideFile::arguments));
        args
    }

    /// Called at the end of the output: collects the messages.
    fn end(&mut self, mut child: Child) -> Result<()> {
        let (lines, success) =
            child.ffmpeg.messages().map_err(|problem| Error::Child { program: "ffmpeg", problem })?;
        self.side.iter().for_each(|side| side.file.complete());
        if !success && self.clock.last().is_none() {
            if !self.is_pipe() && !self.location.to_str().is_some_and(is_url) {
                // A file that has been removed meanwhile is not a damaged one.
                check_file(Path::new(&self.location))?;
            }
            let cause = first_complaint(&lines).unwrap_or_else(|| "it ended without a picture".into());
            return Err(Error::input(self.name(), format!("cannot be decoded: ffmpeg: {cause}")));
        }
        self.messages = lines;
        Ok(())
    }

    /// The error of a stream of pictures that is not as expected.
    fn garbled(&self, problem: impl std::fmt::Display) -> Error {
        Error::input(self.name(), format!("cannot be decoded: ffmpeg's output breaks off: {problem}"))
    }
}

impl Decoder for FfmpegDecoder {
    fn seek(&mut self, time: f64) -> Result<()> {
        if self.is_pipe() {
            // A pipe is read from its start, once.
            return Ok(());
        }
        self.clock.restart();
        self.child = None;
        self.start(time)
    }

    fn grab(&mut self) -> Result<Option<f64>> {
        if self.child.is_none() && self.clock.last().is_none() {
            self.start(0.0)?;
        }
        let Some(mut child) = self.child.take() else { return Ok(None) };
        let Some(sent) = matroska::read_block(&mut child.output, &mut child.cluster, &mut self.pixels)
            .map_err(|e| self.garbled(e))?
        else {
            self.end(child)?;
            return Ok(None);
        };
        let expected = self.filters.layout.bytes(self.filters.size);
        if self.pixels.len() != expected {
            return Err(self.garbled(format!("a picture has {} bytes instead of {expected}", self.pixels.len())));
        }
        let time = (sent - TIME_OFFSET) as f64 * 1e-6 + child.seek - self.offset;
        self.child = Some(child);
        Ok(Some(self.clock.accept(time).unwrap_or_else(|| self.clock.guess())))
    }

    fn retrieve(&mut self) -> Result<Mat> {
        let FilterChain { layout, size, stored, is_full_range, .. } = self.filters;
        let mut image = Mat::new_size_with_default(size, CV_8UC3, Scalar::all(0.0))?;
        let bgr = image.data_bytes_mut()?;
        let range = if is_full_range { YuvRange::Full } else { YuvRange::Limited };
        planes::convert(&self.pixels, layout, size, bgr, (range, stored.standard_matrix()))
            .map_err(|e| Error::input(self.name(), format!("a picture cannot be converted: {e}")))?;
        Ok(image)
    }

    fn last(&self) -> Option<f64> {
        self.clock.last()
    }

    fn has_recovered(&self) -> bool {
        !self.messages.is_empty()
    }

    fn late_notes(&self) -> LateWarnings {
        let shapes = self.shapes.clone();
        Box::new(move || shapes.note().into_iter().collect())
    }

    fn break_off(&self) -> Option<&str> {
        self.messages.iter().map(String::as_str).find(|line| is_break_off(line))
    }
}

/// Whether a message of FFmpeg says that the source ended early, not that a picture is damaged.
fn is_break_off(line: &str) -> bool {
    const SIGNS: [&str; 8] = [
        "partial file",
        "Stream ends prematurely",
        "Input/output error",
        "Connection reset",
        "Connection timed out",
        "Connection refused",
        "Broken pipe",
        "truncat",
    ];
    SIGNS.iter().any(|sign| line.contains(sign))
}
