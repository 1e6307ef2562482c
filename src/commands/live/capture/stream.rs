//! A camera or an address: opened with bounded patience, drained as fast as it delivers, opened anew when it is lost.

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

/// How long an address may keep silent, in milliseconds: to be opened, and between two pictures.
const OPEN_PATIENCE: i32 = 6_000;
const READ_PATIENCE: i32 = 5_000;
/// The pauses between two tries to open what was lost.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// What FFmpeg inside OpenCV is told, unless the user tells it something else: hold nothing back.
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
    /// Keeps an HLS stream, which comes in bursts, at its own pace.
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

    /// The next picture of what is open; `None` where it has broken off.
    fn picture(&mut self, stop: &AtomicBool) -> Result<Option<Mat>> {
        let Some(capture) = &mut self.capture else { return Ok(None) };
        let mut picture = Mat::default();
        // An error while decoding is as good as a stream that broke off: it is opened anew.
        if !capture.read(&mut picture).unwrap_or(false) || picture.empty() {
            return Ok(None);
        }
        if let Some(pace) = &mut self.pace {
            let due = pace.due(capture.get(videoio::CAP_PROP_POS_MSEC)? / 1000.0);
            sleep_until(due, stop);
        }
        Ok(Some(picture))
    }

    /// Tries once more, after a pause.
    fn reopen(&mut self, stop: &AtomicBool) -> Result<()> {
        let lost = *self.lost.get_or_insert_with(Instant::now);
        let name = self.origin.name();
        if self.give_up.is_some_and(|patience| lost.elapsed() >= patience) {
            let problem = format!("lost for {:.0} s, given up", lost.elapsed().as_secs_f64());
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
                    self.hub.notice(format!("{}: back", self.origin.name()));
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

/// Tells FFmpeg inside OpenCV to hold nothing back, not even what it has looked at to find out about the stream: not
/// for files, whose first pictures that would cost. To be called before any thread is started.
pub fn set_low_latency() {
    if std::env::var_os(FFMPEG_OPTIONS).is_none() {
        // SAFETY: no other thread runs yet that could read the environment meanwhile.
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
    Err(Error::input(without_password(address), format!("{why}: check the address, and that the source runs")))
}

/// Whether an address is that of an HLS playlist.
fn is_hls(address: &str) -> bool {
    address.split(['?', '#']).next().is_some_and(|path| path.ends_with(".m3u8"))
}

/// The clock of a stream that comes in bursts.
#[derive(Default)]
struct StreamPace {
    began: Option<(Instant, f64)>,
}

/// How far such a stream may be off its clock, in seconds, before the clock is set anew.
const OFF: f64 = 3.0;

impl StreamPace {
    /// When the picture of `time` seconds is due.
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
