//! A camera or a stream: opened with a timeout, read as fast as it delivers, opened again if it is lost.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use opencv::core::Mat;
use opencv::prelude::*;
use opencv::videoio::{self, VideoCapture};

use super::ffmpeg_stream::{FfmpegStream, StreamPicture};
use super::{Camera, Capture, sleep_until};
use crate::address::without_secrets;
use crate::commands::live::session_hub::SessionHub;
use crate::frame::Rate;
use crate::reporting::terminal::say;
use crate::source::{self, diagnose};
use crate::{Error, Result};

/// Timeouts of a stream: for its first picture, and between two pictures.
const OPEN_TIMEOUT: Duration = Duration::from_secs(6);
const READ_TIMEOUT: Duration = Duration::from_secs(5);
/// Delays between two tries to open a lost stream.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
#[derive(Debug, Clone)]
pub(super) enum StreamOrigin {
    Camera(Camera),
    Address(String),
}

/// What delivers the pictures.
enum OpenCapture {
    Camera(VideoCapture),
    Address(FfmpegStream),
}

pub(super) struct NetworkStream<'a> {
    origin: StreamOrigin,
    capture: Option<OpenCapture>,
    /// The first picture of an address, which was awaited to know that it answers.
    first: Option<StreamPicture>,
    /// Plays an HLS stream, which arrives in bursts, at its own rate.
    pace: Option<StreamPace>,
    rate: Rate,
    give_up: Option<Duration>,
    lost: Option<Instant>,
    pause: Duration,
    hub: &'a SessionHub,
}

impl<'a> NetworkStream<'a> {
    pub(super) fn open(
        origin: StreamOrigin,
        give_up: Option<Duration>,
        hub: &'a SessionHub,
        stop: &AtomicBool,
    ) -> Result<Self> {
        let (capture, first) = origin.open(stop)?;
        let fps = match &capture {
            OpenCapture::Camera(camera) => camera.get(videoio::CAP_PROP_FPS)?,
            // The frames come with their own times, whatever the rate.
            OpenCapture::Address(_) => 25.0,
        };
        let rate = source::approximate(fps);
        let pace = matches!(&origin, StreamOrigin::Address(address) if is_hls(address)).then(StreamPace::default);
        Ok(Self { origin, capture: Some(capture), first, pace, rate, give_up, lost: None, pause: FIRST_PAUSE, hub })
    }

    pub(super) fn rate(&self) -> Rate {
        self.rate
    }

    /// The next picture of the open stream; `None` if it has broken off.
    fn picture(&mut self, stop: &AtomicBool) -> Option<Mat> {
        let StreamPicture { image, time } = match self.capture.as_mut()? {
            OpenCapture::Address(stream) => self.first.take().or_else(|| stream.next(READ_TIMEOUT, stop))?,
            OpenCapture::Camera(capture) => {
                let mut image = Mat::default();
                // A decoding error is treated as a broken stream, which is opened again.
                let is_good = capture.read(&mut image).unwrap_or(false) && !image.empty();
                return is_good.then_some(image);
            }
        };
        if let Some(pace) = &mut self.pace {
            sleep_until(pace.due(time), stop);
        }
        Some(image)
    }

    /// Tries to open the stream again, after a delay.
    fn reopen(&mut self, stop: &AtomicBool) -> Result<()> {
        let name = self.origin.name();
        let lost = *self.lost.get_or_insert_with(|| {
            say(&format!("warning: {name}: lost, trying again"));
            Instant::now()
        });
        if self.give_up.is_some_and(|patience| lost.elapsed() >= patience) {
            let problem = format!("lost for {:.0} s: gave up (--give-up)", lost.elapsed().as_secs_f64());
            return Err(Error::input(PathBuf::from(name), problem));
        }
        self.hub.report(|state| state.trouble = Some(format!("{name}: lost, trying again")));
        if !sleep_until(Instant::now() + self.pause, stop) {
            return Ok(());
        }
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        (self.capture, self.first) = match self.origin.open(stop) {
            Ok((capture, first)) => (Some(capture), first),
            Err(_) => (None, None),
        };
        self.pace = self.pace.take().map(|_| StreamPace::default());
        Ok(())
    }
}

impl Capture for NetworkStream<'_> {
    fn next(&mut self, stop: &AtomicBool) -> Result<Option<Mat>> {
        while !stop.load(Ordering::Relaxed) {
            if let Some(picture) = self.picture(stop) {
                if let Some(lost) = self.lost.take() {
                    self.pause = FIRST_PAUSE;
                    self.hub.report(|state| state.trouble = None);
                    let (name, seconds) = (self.origin.name(), lost.elapsed().as_secs_f64());
                    say(&format!("warning: {name}: connected again after {seconds:.0} s"));
                    self.hub.notice(format!("{name}: connected again"));
                }
                return Ok(Some(picture));
            }
            self.capture = None;
            self.reopen(stop)?;
        }
        Ok(None)
    }
}

impl StreamOrigin {
    fn name(&self) -> String {
        match self {
            Self::Camera(camera) => camera.path().display().to_string(),
            Self::Address(address) => without_secrets(address).into_owned(),
        }
    }

    /// Opens it; an address with its first picture.
    fn open(&self, stop: &AtomicBool) -> Result<(OpenCapture, Option<StreamPicture>)> {
        match self {
            Self::Camera(camera) => Ok((OpenCapture::Camera(camera.open()?), None)),
            Self::Address(address) => {
                let (stream, first) = open_address(address, stop)?;
                Ok((OpenCapture::Address(stream), Some(first)))
            }
        }
    }
}

fn open_address(address: &str, stop: &AtomicBool) -> Result<(FfmpegStream, StreamPicture)> {
    let started = Instant::now();
    let stream = FfmpegStream::open(address)?;
    if let Some(first) = stream.next(OPEN_TIMEOUT, stop) {
        return Ok((stream, first));
    }
    let why = if started.elapsed() >= OPEN_TIMEOUT {
        Some(format!("does not answer within {} s", OPEN_TIMEOUT.as_secs()))
    } else {
        diagnose(OsStr::new(address))
    };
    let why = why.unwrap_or_else(|| "sends no video".into());
    Err(Error::input(address, format!("{why}: check the address, and that the source is running")))
}

/// Whether an address is that of an HLS playlist.
fn is_hls(address: &str) -> bool {
    address.split(['?', '#']).next().is_some_and(|path| path.ends_with(".m3u8"))
}

/// The clock of a stream that arrives in bursts.
#[derive(Default)]
struct StreamPace {
    began: Option<(Instant, f64)>,
}

/// The deviation in seconds after which the clock of such a stream is reset.
const OFF: f64 = 3.0;

impl StreamPace {
    /// The time at which the picture of `time` seconds is due.
    fn due(&mut self, time: f64) -> Instant {
        let now = Instant::now();
        let (moment, start) = *self.began.get_or_insert((now, time));
        let since = time - start;
        let late = (now - moment).as_secs_f64() - since;
        if since < 0.0 || late.abs() > OFF {
            self.began = Some((now, time));
            return now;
        }
        moment + Duration::from_secs_f64(since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn playlists_are_known_by_their_name() {
        assert!(is_hls("https://host/live/index.m3u8?token=1"));
        assert!(!is_hls("https://host/live.mjpg?list=a.m3u8"));
    }

    #[test]
    fn a_burst_is_spread_over_its_own_time() {
        let mut pace = StreamPace::default();
        let began = pace.due(10.0);
        assert_eq!(pace.due(10.5), began + Duration::from_millis(500));
        assert!(pace.due(100.0) < began + Duration::from_secs(1), "a jump sets the clock anew");
    }
}
