//! The sources of a live session: a camera, a stream, or a file in real time.

mod camera;
mod ffmpeg_stream;
mod realtime_file;
mod stream;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use opencv::core::{Mat, Size};
use opencv::prelude::*;

pub use camera::{Camera, CameraMode, PixelFormat, list, parse_size};

use super::session_hub::SessionHub;
use crate::address::without_secrets;
use crate::frame::{Frame, Rate, VideoInfo};
use crate::source::{FrameSource, Input};
use crate::{Error, Result};
use realtime_file::RealtimeFile;
use stream::{NetworkStream, StreamOrigin};

/// The source that the user named.
#[derive(Debug, Clone, PartialEq)]
pub enum LiveInput {
    Camera(Camera),
    Address(String),
    /// A file or folder, played in real time; repeated endlessly if `looped`.
    File {
        input: Input,
        looped: bool,
    },
}

impl LiveInput {
    /// The source, as shown to users, without the password in its address.
    pub fn name(&self) -> String {
        match self {
            Self::Camera(camera) => camera.path().display().to_string(),
            Self::Address(address) => without_secrets(address).into_owned(),
            Self::File { input, .. } => input.path().map_or_else(String::new, |path| path.display().to_string()),
        }
    }
}

/// Delivers pictures, each at its time.
trait Capture: Send {
    /// Waits for the next picture. `None` at the end, or soon after `stop` is set.
    fn next(&mut self, stop: &AtomicBool) -> Result<Option<Mat>>;
}

/// The frames of a live session, with the session's time at their arrival.
pub struct LiveSource<'a> {
    inlet: Box<dyn Capture + 'a>,
    /// The first picture, which was read to find the size.
    first: Option<Mat>,
    info: VideoInfo,
    hub: &'a SessionHub,
    stop: &'a AtomicBool,
    index: u64,
}

impl<'a> LiveSource<'a> {
    /// Opens `input` and waits for its first picture. A stream that is lost later is opened again, for up to `give_up`.
    ///
    /// # Errors
    /// [`Error::Input`], with the reason and what to do, if it cannot be opened or has no picture.
    pub fn open(
        input: &LiveInput,
        give_up: Option<Duration>,
        hub: &'a SessionHub,
        stop: &'a AtomicBool,
    ) -> Result<Self> {
        let (mut inlet, rate): (Box<dyn Capture + 'a>, Rate) = match input {
            LiveInput::File { input, looped } => {
                let paced = RealtimeFile::open(input, *looped)?;
                let rate = paced.rate();
                (Box::new(paced), rate)
            }
            LiveInput::Camera(camera) => {
                let stream = NetworkStream::open(StreamOrigin::Camera(camera.clone()), give_up, hub, stop)?;
                let rate = stream.rate();
                (Box::new(stream), rate)
            }
            LiveInput::Address(address) => {
                let stream = NetworkStream::open(StreamOrigin::Address(address.clone()), give_up, hub, stop)?;
                let rate = stream.rate();
                (Box::new(stream), rate)
            }
        };
        let Some(first) = inlet.next(stop)? else {
            return Err(Error::input(PathBuf::from(input.name()), "has no picture"));
        };
        let info = VideoInfo::plain(Size::new(first.cols(), first.rows()), rate, None);
        Ok(Self { inlet, first: Some(first), info, hub, stop, index: 0 })
    }
}

impl FrameSource for LiveSource<'_> {
    fn info(&self) -> &VideoInfo {
        &self.info
    }

    fn read(&mut self) -> Result<Option<Frame>> {
        let next = match self.first.take() {
            Some(first) => Some(first),
            None => self.inlet.next(self.stop)?,
        };
        Ok(next.map(|image| {
            let size = Size::new(image.cols(), image.rows());
            if size != self.info.size {
                let (old, new) = (dimensions(self.info.size), dimensions(size));
                self.hub.notice(format!("the picture's size is now {new} (it was {old})"));
                self.info.size = size;
            }
            let frame = Frame { index: self.index, time: self.hub.time(), image };
            self.hub.captured();
            self.index += 1;
            frame
        }))
    }
}

fn dimensions(size: Size) -> String {
    format!("{}x{}", size.width, size.height)
}

/// Sleeps until `moment`, or until `stop` is set. Returns false if `stop` was set.
fn sleep_until(moment: Instant, stop: &AtomicBool) -> bool {
    const SLICE: Duration = Duration::from_millis(50);
    loop {
        let left = moment.saturating_duration_since(Instant::now());
        if stop.load(Ordering::Relaxed) {
            return false;
        }
        if left.is_zero() {
            return true;
        }
        std::thread::sleep(left.min(SLICE));
    }
}
