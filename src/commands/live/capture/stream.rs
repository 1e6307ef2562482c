//! A camera or a stream: opened with a timeout, read as fast as it delivers, opened again if it is lost.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use opencv::core::{self, Mat, Vector};
use opencv::prelude::*;
use opencv::videoio::{self, VideoCapture};

use super::{Camera, Capture, sleep_until, without_password};
use crate::commands::live::session_hub::SessionHub;
use crate::frame::Rate;
use crate::source::{self, diagnose};
use crate::{Error, Result};

/// Timeouts of a stream in milliseconds: for opening it, and between two pictures.
const OPEN_PATIENCE: i32 = 6_000;
const READ_PATIENCE: i32 = 5_000;
/// Delays between two tries to open a lost stream.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// The options for FFmpeg inside OpenCV, unless the user has set others: do not buffer.
const LOW_DELAY: &str = "rtsp_transport;tcp|fflags;nobuffer|flags;low_delay|analyzeduration;2000000|probesize;1000000";
const FFMPEG_OPTIONS: &str = "OPENCV_FFMPEG_CAPTURE_OPTIONS";

#[derive(Debug, Clone)]
pub(super) enum StreamOrigin {
    Camera(Camera),
    Address(String),
}

pub(super) struct NetworkStream<'a> {
    origin: StreamOrigin,
    capture: Option<VideoCapture>,
    /// Plays an HLS stream, which arrives in bursts, at its own rate.
    pace: Option<StreamPace>,
    rate: Rate,
    give_up: Option<Duration>,
    lost: Option<Instant>,
    pause: Duration,
    hub: &'a SessionHub,
}

impl<'a> NetworkStream<'a> {
    pub(super) fn open(origin: StreamOrigin, give_up: Option<Duration>, hub: &'a SessionHub) -> Result<Self> {
        let capture = origin.open()?;
        let rate = source::approximate(capture.get(videoio::CAP_PROP_FPS)?);
        let pace = matches!(&origin, StreamOrigin::Address(address) if is_hls(address)).then(StreamPace::default);
        Ok(Self { origin, capture: Some(capture), pace, rate, give_up, lost: None, pause: FIRST_PAUSE, hub })
    }

    pub(super) fn rate(&self) -> Rate {
        self.rate
    }

    /// The next picture of the open stream; `None` if it has broken off.
    fn picture(&mut self, stop: &AtomicBool) -> Result<Option<Mat>> {
        let Some(capture) = &mut self.capture else { return Ok(None) };
        let mut picture = Mat::default();
        // A decoding error is treated as a broken stream, which is opened again.
        if !capture.read(&mut picture).unwrap_or(false) || picture.empty() {
            return Ok(None);
        }
        if let Some(pace) = &mut self.pace {
            let due = pace.due(capture.get(videoio::CAP_PROP_POS_MSEC)? / 1000.0);
            sleep_until(due, stop);
        }
        Ok(Some(picture))
    }

    /// Tries to open the stream again, after a delay.
    fn reopen(&mut self, stop: &AtomicBool) -> Result<()> {
        let lost = *self.lost.get_or_insert_with(Instant::now);
        let name = self.origin.name();
        if self.give_up.is_some_and(|patience| lost.elapsed() >= patience) {
            let problem = format!("lost for {:.0} s: gave up (--give-up)", lost.elapsed().as_secs_f64());
            return Err(Error::input(PathBuf::from(name), problem));
        }
        self.hub.report(|state| state.trouble = Some(format!("{name}: lost, trying again")));
        if !sleep_until(Instant::now() + self.pause, stop) {
            return Ok(());
        }
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        self.capture = self.origin.open().ok();
        self.pace = self.pace.take().map(|_| StreamPace::default());
        Ok(())
    }
}

impl Capture for NetworkStream<'_> {
    fn next(&mut self, stop: &AtomicBool) -> Result<Option<Mat>> {
        while !stop.load(Ordering::Relaxed) {
            if let Some(picture) = self.picture(stop)? {
                if self.lost.take().is_some() {
                    self.pause = FIRST_PAUSE;
                    self.hub.report(|state| state.trouble = None);
                    self.hub.notice(format!("{}: connected again", self.origin.name()));
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
            Self::Address(address) => without_password(address),
        }
    }

    fn open(&self) -> Result<VideoCapture> {
        match self {
            Self::Camera(camera) => camera.open(),
            Self::Address(address) => open_address(address),
        }
    }
}

/// Tells FFmpeg inside OpenCV not to buffer anything, not even what it has read to probe the stream. Not for files,
/// because the first pictures would be lost. Call this before any thread is started.
pub fn set_low_latency() {
    if std::env::var_os(FFMPEG_OPTIONS).is_none() {
        // SAFETY: no other thread is running that could read the environment.
        unsafe { std::env::set_var(FFMPEG_OPTIONS, LOW_DELAY) };
    }
}

fn open_address(address: &str) -> Result<VideoCapture> {
    core::set_log_level(core::LogLevel::LOG_LEVEL_SILENT)?;
    let patience =
        [(videoio::CAP_PROP_OPEN_TIMEOUT_MSEC, OPEN_PATIENCE), (videoio::CAP_PROP_READ_TIMEOUT_MSEC, READ_PATIENCE)];
    let parameters: Vector<i32> = patience.into_iter().flat_map(|(property, value)| [property, value]).collect();
    source::silence_ffmpeg();
    let started = Instant::now();
    let capture = VideoCapture::from_file_with_params(address, videoio::CAP_FFMPEG, &parameters)?;
    if capture.is_opened()? {
        return Ok(capture);
    }
    let why = if started.elapsed() >= Duration::from_millis(OPEN_PATIENCE.unsigned_abs().into()) {
        Some(format!("does not answer within {} s", OPEN_PATIENCE / 1000))
    } else {
        diagnose(OsStr::new(address))
    };
    let why = why.unwrap_or_else(|| "sends no video".into());
    Err(Error::input(without_password(address), format!("{why}: check the address, and that the source is running")))
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
