//! An animated WebP picture, read as a video: FFmpeg 5.1 cannot decode it.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use image_webp::{DecodingError, WebPDecoder};
use opencv::core::{Mat, Size};
use opencv::imgproc::{COLOR_RGB2BGR, COLOR_RGBA2BGR, cvt_color_def};
use opencv::prelude::*;

use super::container_info::approximate;
use super::frames::{FrameSource, SourceOptions};
use super::orientation::Orientation;
use super::still;
use crate::frame::{Frame, VideoInfo};
use crate::{Error, Result};

/// Durations up to this, in milliseconds, count as a tenth of a second, as in browsers.
const MAX_UNSET_MILLISECONDS: u32 = 10;
const DEFAULT_MILLISECONDS: u32 = 100;
/// Times that differ by less than this, in seconds, are equal. Durations are whole milliseconds.
const TOLERANCE_SECONDS: f64 = 5e-4;

/// Bytes before the first chunk.
const RIFF_HEADER_BYTES: u64 = 12;

/// An open animation. It is played once.
pub struct WebpAnimation {
    path: PathBuf,
    decoder: WebPDecoder<BufReader<File>>,
    orientation: Orientation,
    info: VideoInfo,
    /// The pixels of the last frame decoded: RGB or RGBA.
    pixels: Vec<u8>,
    /// Number of frames decoded.
    decoded: u32,
    /// Whether the file's structure is whole. The decoder takes damage between two frames for the end.
    is_whole: bool,
    /// In seconds from the animation's start: the time of the next frame to decode, the end of the range to read, and
    /// the time reported as 0.
    next: f64,
    until: f64,
    zero: f64,
    /// The time of the frame in `pixels`, if it has not been returned yet.
    pending: Option<f64>,
    index: u64,
}

impl WebpAnimation {
    /// Opens `path` at `options.start`.
    ///
    /// # Errors
    /// [`Error::Input`] if it is damaged; [`Error::Usage`] if it ends before `options.start`.
    pub fn open(path: &Path, options: &SourceOptions) -> Result<Self> {
        let file = File::open(path).map_err(Error::io(path))?;
        let is_whole = is_whole(path).map_err(Error::io(path))?;
        let damaged = |e: DecodingError| Error::input(path, format!("is a damaged WebP animation: {e}"));
        let decoder = WebPDecoder::new(BufReader::new(file)).map_err(damaged)?;
        let too_large = || Error::input(path, "is a WebP animation of too large pictures");
        let pixels = vec![0; decoder.output_buffer_size().ok_or_else(too_large)?];
        let orientation = still::exif_orientation(path);
        let mut animation = Self {
            path: path.to_owned(),
            info: info(&decoder, orientation),
            decoder,
            orientation,
            pixels,
            decoded: 0,
            is_whole,
            next: 0.0,
            until: f64::INFINITY,
            zero: 0.0,
            pending: None,
            index: 0,
        };
        animation.seek(options)?;
        Ok(animation)
    }

    /// Decodes up to the first frame at or after the requested start.
    fn seek(&mut self, options: &SourceOptions) -> Result<()> {
        let start = options.start.unwrap_or(0.0);
        let mut time = self.advance()?;
        while time.is_some_and(|time| time < start - TOLERANCE_SECONDS) {
            time = self.advance()?;
        }
        let Some(first) = time else {
            let (path, end) = (self.path.display(), self.next);
            return Err(Error::Usage(format!("{path}: --start is at or past the end, {end:.3} s")));
        };
        self.pending = time;
        self.zero = options.zero.unwrap_or(first);
        self.info.start = first;
        self.until = options.duration.map_or(f64::INFINITY, |duration| first + duration - TOLERANCE_SECONDS);
        if options.start.is_some() || options.duration.is_some() {
            let rest = self.decoder.loop_duration() as f64 / 1e3 - first;
            let seconds = options.duration.map_or(rest, |duration| duration.min(rest));
            self.info.frames = Some(((seconds * self.info.rate.fps() - 1e-3).ceil() as u64).max(1));
        }
        Ok(())
    }

    /// Decodes the next frame, and returns its time; `None` at the end.
    fn advance(&mut self) -> Result<Option<f64>> {
        match self.decoder.read_frame(&mut self.pixels) {
            Ok(milliseconds) => {
                let time = self.next;
                self.next += f64::from(shown(milliseconds)) / 1e3;
                self.decoded += 1;
                Ok(Some(time))
            }
            Err(DecodingError::NoMoreFrames) if !self.is_whole => Err(self.broken("it is damaged or cut short")),
            Err(DecodingError::NoMoreFrames) => Ok(None),
            Err(error) => Err(self.broken(&format!("it is damaged ({error})"))),
        }
    }

    /// Ends the animation. The total number of frames is not known: it is not in the header.
    fn broken(&mut self, why: &str) -> Error {
        self.until = f64::NEG_INFINITY;
        let problem = format!("only {} frames could be decoded: {why}; fetch it again", self.decoded);
        Error::input(&self.path, problem)
    }

    /// The decoded frame as upright BGR.
    fn picture(&self) -> Result<Mat> {
        let (_, height) = self.decoder.dimensions();
        let (channels, code) = if self.decoder.has_alpha() { (4, COLOR_RGBA2BGR) } else { (3, COLOR_RGB2BGR) };
        let rgb = Mat::from_slice(&self.pixels)?;
        let rgb = rgb.reshape(channels, height as i32)?;
        let mut bgr = Mat::default();
        cvt_color_def(&rgb, &mut bgr, code)?;
        self.orientation.apply(bgr)
    }
}

/// Whether the file's chunks end where its RIFF header says, and within the file.
fn is_whole(path: &Path) -> std::io::Result<bool> {
    let mut file = BufReader::new(File::open(path)?);
    let length = file.get_ref().metadata()?.len();
    let mut header = [0; 8];
    file.read_exact(&mut header)?;
    let end = 8 + chunk_size(header);
    let mut position = RIFF_HEADER_BYTES;
    while position < end.min(length) {
        file.seek(SeekFrom::Start(position))?;
        if file.read_exact(&mut header).is_err() {
            break;
        }
        position += 8 + chunk_size(header).next_multiple_of(2);
    }
    // Some writers leave the last byte of padding out.
    Ok(position.abs_diff(end) <= 1 && position <= length + 1)
}

/// The size in a chunk's header, in bytes.
fn chunk_size([_, _, _, _, size @ ..]: [u8; 8]) -> u64 {
    u32::from_le_bytes(size).into()
}

/// How long a frame with this duration is shown, in milliseconds.
fn shown(milliseconds: u32) -> u32 {
    if milliseconds <= MAX_UNSET_MILLISECONDS { DEFAULT_MILLISECONDS } else { milliseconds }
}

fn info(decoder: &WebPDecoder<BufReader<File>>, orientation: Orientation) -> VideoInfo {
    let (width, height) = decoder.dimensions();
    let frames = decoder.num_frames();
    let mean = decoder.loop_duration() / u64::from(frames.max(1));
    let mean = shown(u32::try_from(mean).unwrap_or(u32::MAX));
    let size = orientation.size(Size::new(width as i32, height as i32));
    VideoInfo::plain(size, approximate(1e3 / f64::from(mean)), Some(frames.into()))
}

impl FrameSource for WebpAnimation {
    fn info(&self) -> &VideoInfo {
        &self.info
    }

    fn read(&mut self) -> Result<Option<Frame>> {
        let time = match self.pending.take() {
            Some(time) => Some(time),
            None if self.until == f64::NEG_INFINITY => None,
            None => self.advance()?,
        };
        let Some(time) = time.filter(|&time| time < self.until) else {
            self.until = f64::NEG_INFINITY;
            return Ok(None);
        };
        let (index, image) = (self.index, self.picture()?);
        self.index += 1;
        Ok(Some(Frame { index, time: time - self.zero, image }))
    }
}
