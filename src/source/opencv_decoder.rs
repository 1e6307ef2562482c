//! Decoding by OpenCV's FFmpeg backend.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::path::Path;

use opencv::core::{self, Mat, Size};
use opencv::prelude::*;
use opencv::videoio::{self, VideoCapture};

use super::check::check_file;
use super::colours;
use super::container_info::{self, ContainerInfo};
use super::decoder::Decoder;
use super::orientation::{self, Orientation};
use super::probe_stream::ProbeStream;
use super::timestamp_corrector::TimestampCorrector;
use crate::frame::Rate;
use crate::platform::ffmpeg::{is_url, media_name, packets};
use crate::platform::silence::silence_libraries;
use crate::{Error, Result};

/// Number of consecutive failed reads after which the rest of a clip is given up as damaged.
const MAX_BAD_READS: usize = 100;

/// A video that OpenCV reads. It takes every picture for one in BT.601, which is corrected afterwards, and it knows
/// neither interlaced pictures nor pictures that change their size.
pub struct OpenCvDecoder {
    location: OsString,
    capture: VideoCapture,
    correction: Option<Mat>,
    clock: TimestampCorrector,
    /// Of the file; see [`ContainerInfo`].
    stream: Option<usize>,
    zero: f64,
    duration: Option<f64>,
    /// Timestamps from the container for the last frames, for which the decoder reports none.
    tail: Option<VecDeque<f64>>,
    recovered: bool,
}

/// What OpenCV states about a clip.
pub struct CaptureInfo {
    pub size: Size,
    pub rate: Rate,
    /// Number of frames, if it is plausible.
    pub frames: Option<u64>,
    pub orientation: Orientation,
}

impl OpenCvDecoder {
    /// Opens `location`, the container of which states `info` and, if `ffprobe` is installed, describes `stream`.
    ///
    /// # Errors
    /// [`Error::Input`] if OpenCV cannot read it.
    pub fn open(location: &OsStr, info: &ContainerInfo, stream: Option<&ProbeStream>) -> Result<(Self, CaptureInfo)> {
        silence_libraries();
        let mut capture = VideoCapture::from_file(media_name(location), videoio::CAP_FFMPEG)?;
        if !capture.is_opened()? {
            if !location.to_str().is_some_and(is_url) {
                // A file that has been removed meanwhile is not a damaged one.
                check_file(Path::new(location))?;
            }
            return Err(Error::input(location, "cannot be read as a video: it is damaged or its codec is unknown"));
        }
        let orientation = orientation::orientation_meta(&capture)?;
        prepare(&mut capture)?;
        let stated = CaptureInfo { orientation, ..Self::stated(&capture) };
        let rate = stream.and_then(ProbeStream::rate).unwrap_or(stated.rate);
        let decoder = Self {
            location: location.to_owned(),
            capture,
            correction: stream.and_then(|s| colours::correction(s.color_space.as_deref()?)).transpose()?,
            clock: TimestampCorrector::new(rate, stream.map_or(0.001, ProbeStream::tick)),
            stream: info.stream,
            zero: info.origin + info.offset,
            duration: info.duration,
            tail: None,
            recovered: false,
        };
        Ok((decoder, stated))
    }

    /// What OpenCV states about the stored pictures.
    fn stated(capture: &VideoCapture) -> CaptureInfo {
        let get = |id| capture.get(id).unwrap_or(0.0);
        let size = Size::new(get(videoio::CAP_PROP_FRAME_WIDTH) as i32, get(videoio::CAP_PROP_FRAME_HEIGHT) as i32);
        let frames = Some(get(videoio::CAP_PROP_FRAME_COUNT)).filter(|n| (1.0..1e9).contains(n)).map(|n| n as u64);
        let rate = container_info::approximate(get(videoio::CAP_PROP_FPS));
        CaptureInfo { size, rate, frames, orientation: Orientation::default() }
    }

    /// The container's timestamps for the frames after the last one with a known time.
    fn tail_times(&mut self) -> &mut VecDeque<f64> {
        let (location, stream, zero) = (&self.location, self.stream, self.zero);
        let last = self.clock.last().unwrap_or(0.0);
        self.tail.get_or_insert_with(|| {
            let from = (zero + last - 1.0).max(zero);
            let packets = stream.and_then(|stream| packets(location, stream, Some(from)));
            let times = packets.unwrap_or_default().times.into_iter().map(|time| time - zero);
            times.filter(|&time| time > last + 1e-3).collect()
        })
    }
}

impl Decoder for OpenCvDecoder {
    fn seek(&mut self, time: f64) -> Result<()> {
        if time > 0.0 {
            self.capture.set(videoio::CAP_PROP_POS_MSEC, time * 1000.0)?;
            return Ok(());
        }
        self.capture = VideoCapture::from_file(media_name(&self.location), videoio::CAP_FFMPEG)?;
        self.clock.restart();
        prepare(&mut self.capture)
    }

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
        if self.clock.is_steady() && self.duration.is_none() {
            return Ok(Some(self.clock.guess()));
        }
        let listed = self.tail_times().pop_front();
        Ok(Some(listed.and_then(|time| self.clock.accept(time)).unwrap_or_else(|| self.clock.guess())))
    }

    fn retrieve(&mut self) -> Result<Mat> {
        let mut raw = Mat::default();
        if !self.capture.retrieve_def(&mut raw)? || raw.empty() {
            return Err(Error::input(&self.location, "a frame cannot be decoded"));
        }
        let Some(matrix) = &self.correction else { return Ok(raw) };
        let mut corrected = Mat::default();
        core::transform(&raw, &mut corrected, matrix)?;
        Ok(corrected)
    }

    fn last(&self) -> Option<f64> {
        self.clock.last()
    }

    fn has_recovered(&self) -> bool {
        self.recovered
    }
}

/// Makes the capture deliver pictures as they are stored, without FFmpeg's messages.
fn prepare(capture: &mut VideoCapture) -> Result<()> {
    capture.set(videoio::CAP_PROP_ORIENTATION_AUTO, 0.0)?;
    silence_libraries();
    Ok(())
}
