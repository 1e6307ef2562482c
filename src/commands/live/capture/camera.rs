//! Cameras on this machine, through Video4Linux (V4L2).

use std::ffi::OsString;
use std::fmt;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use linuxvideo::format::{FrameIntervals, FrameSizes};
use linuxvideo::{BufType, Device};
use opencv::prelude::*;
use opencv::videoio::{self, VideoCapture, VideoWriter};

use crate::choice::choices;
use crate::{Error, Result};

/// A camera and the requested mode.
#[derive(Debug, Clone, PartialEq)]
pub struct Camera {
    /// The device, such as `/dev/video0`.
    pub path: PathBuf,
    /// Picture size; `None` for the camera's own choice.
    pub size: Option<(u32, u32)>,
    /// Pictures per second.
    pub fps: Option<u32>,
    /// Pixel format.
    pub pixel_format: Option<PixelFormat>,
}

choices! {
    /// How a camera sends its pixels.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum PixelFormat {
        /// JPEG, for large and fast pictures over USB
        Mjpg = "mjpg",
        /// Two bytes per pixel, not compressed
        Yuyv = "yuyv",
    }
}

/// A mode of a camera.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct CameraMode {
    /// Pixel format in four letters, such as `MJPG`.
    pub format: String,
    /// Width and height in pixels.
    pub size: (u32, u32),
    /// Maximum number of pictures per second.
    pub fps: u32,
}

impl Camera {
    /// The camera with this number: `/dev/video0` for 0.
    pub fn numbered(index: u32) -> PathBuf {
        format!("/dev/video{index}").into()
    }

    /// The device.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Starts the camera.
    ///
    /// # Errors
    /// [`Error::Input`] if there is no such camera, no permission, another program uses it (which is named), or it does
    /// not have the mode (the nearest one is named).
    pub fn open(&self) -> Result<VideoCapture> {
        self.check()?;
        let modes = Device::open(&self.path).map(|device| modes(&device)).unwrap_or_default();
        if modes.is_empty() {
            return Err(self.problem("is not a camera: `salstream live --list` shows all cameras"));
        }
        self.check_mode(&modes)?;
        let mut capture = VideoCapture::from_file(&self.path, videoio::CAP_V4L2)?;
        let fourcc = |[a, b, c, d]: [char; 4]| VideoWriter::fourcc(a, b, c, d).map(f64::from);
        let format = self.pixel_format.map(|format| fourcc(format.code())).transpose()?;
        let settings = [
            (videoio::CAP_PROP_FOURCC, format),
            (videoio::CAP_PROP_FRAME_WIDTH, self.size.map(|(width, _)| f64::from(width))),
            (videoio::CAP_PROP_FRAME_HEIGHT, self.size.map(|(_, height)| f64::from(height))),
            (videoio::CAP_PROP_FPS, self.fps.map(f64::from)),
            (videoio::CAP_PROP_BUFFERSIZE, Some(1.0)),
        ];
        for (property, value) in settings {
            if let Some(value) = value {
                // A setting that the camera refuses is detected below, in the pictures it delivers.
                let _ = capture.set(property, value);
            }
        }
        if !capture.is_opened()? || !capture.grab()? {
            return Err(match holder(&self.path) {
                Some(holder) => self.problem(format!("is in use by {holder}: stop that program first")),
                None => self.problem("sends no picture: plug it in again, or stop the program that uses it"),
            });
        }
        Ok(capture)
    }

    /// Checks that the device exists and may be read.
    fn check(&self) -> Result<()> {
        match File::options().read(true).write(true).open(&self.path) {
            Ok(_) => Ok(()),
            Err(e) if e.kind() == ErrorKind::NotFound => {
                Err(self.problem("no such camera: `salstream live --list` shows all cameras"))
            }
            Err(e) if e.kind() == ErrorKind::PermissionDenied => Err(self
                .problem("permission denied: join the group video (sudo usermod -aG video $USER), then log in again")),
            Err(e) => Err(self.problem(format!("cannot be opened: {e}"))),
        }
    }

    /// Refuses a mode that the camera does not have.
    fn check_mode(&self, modes: &[CameraMode]) -> Result<()> {
        let fits = |mode: &&CameraMode| {
            self.size.is_none_or(|size| size == mode.size)
                && self.fps.is_none_or(|fps| fps <= mode.fps)
                && self.pixel_format.is_none_or(|format| format.is(&mode.format))
        };
        if modes.iter().any(|mode| fits(&mode)) {
            return Ok(());
        }
        let nearest = modes.iter().min_by_key(|mode| self.distance(mode));
        let offer = nearest.map_or_else(String::new, |mode| format!("; the nearest mode is {mode}"));
        Err(self.problem(format!("does not have this mode{offer} (`salstream live --list` shows all)")))
    }

    /// The distance of a mode from the requested one: size first.
    fn distance(&self, mode: &CameraMode) -> (u64, u32, bool) {
        let area = |(width, height): (u32, u32)| u64::from(width) * u64::from(height);
        let size = self.size.map_or(0, |size| area(size).abs_diff(area(mode.size)));
        let fps = self.fps.map_or(0, |fps| fps.saturating_sub(mode.fps));
        (size, fps, self.pixel_format.is_some_and(|format| !format.is(&mode.format)))
    }

    fn problem(&self, problem: impl Into<String>) -> Error {
        Error::input(&self.path, problem)
    }
}

impl PixelFormat {
    fn code(self) -> [char; 4] {
        match self {
            Self::Mjpg => ['M', 'J', 'P', 'G'],
            Self::Yuyv => ['Y', 'U', 'Y', 'V'],
        }
    }

    fn is(self, format: &str) -> bool {
        format.chars().eq(self.code())
    }
}

impl fmt::Display for CameraMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (width, height) = self.size;
        write!(f, "{width}x{height} {} {} fps", self.format, self.fps)
    }
}

/// The cameras of this machine: device, name, modes.
pub fn list() -> Vec<(PathBuf, String, Vec<CameraMode>)> {
    let camera = |device: Device| {
        let modes = modes(&device);
        // A camera has more device nodes, for metadata, which deliver no pictures.
        let name = device.capabilities().ok()?.card().to_owned();
        (!modes.is_empty()).then_some((device.path().ok()?, name, modes))
    };
    let devices = linuxvideo::list().into_iter().flatten().flatten();
    let mut cameras: Vec<_> = devices.filter_map(camera).collect();
    cameras.sort();
    cameras
}

/// The modes of a camera; empty if the device is not a camera.
fn modes(device: &Device) -> Vec<CameraMode> {
    let mut modes = Vec::new();
    for format in device.formats(BufType::VIDEO_CAPTURE).flatten() {
        let format = format.pixel_format();
        let sizes = match device.frame_sizes(format) {
            Ok(FrameSizes::Discrete(sizes)) => sizes.iter().map(|size| (size.width(), size.height())).collect(),
            Ok(FrameSizes::Stepwise(range) | FrameSizes::Continuous(range)) => {
                vec![(range.max_width(), range.max_height())]
            }
            Err(_) => Vec::new(),
        };
        let mode = |(width, height)| {
            let fps = device.frame_intervals(format, width, height).ok().and_then(most).unwrap_or(30);
            CameraMode { format: format.to_string(), size: (width, height), fps }
        };
        modes.extend(sizes.into_iter().map(mode));
    }
    modes
}

/// Maximum number of pictures per second.
fn most(intervals: FrameIntervals) -> Option<u32> {
    let shortest = match intervals {
        FrameIntervals::Discrete(all) => *all.iter().map(|one| one.fract()).min()?,
        FrameIntervals::Stepwise(range) | FrameIntervals::Continuous(range) => *range.min(),
    };
    Some(shortest.denominator() / shortest.numerator().max(1))
}

/// The program that uses a device, as far as this user can see it.
fn holder(device: &Path) -> Option<String> {
    let own = std::process::id();
    // Numbers only: `/proc/self` is this process again.
    let other = |name: &OsString| name.to_str().and_then(|name| name.parse::<u32>().ok()).is_some_and(|id| id != own);
    let names = fs::read_dir("/proc").ok()?.filter_map(|entry| Some(entry.ok()?.file_name()));
    let mut processes = names.filter(other).map(|name| Path::new("/proc").join(name));
    let holds = |process: &PathBuf| {
        let files = fs::read_dir(process.join("fd")).ok()?;
        files.filter_map(|file| fs::read_link(file.ok()?.path()).ok()).find(|target| target == device)
    };
    let found = processes.find(|path| holds(path).is_some())?;
    let name = fs::read_to_string(found.join("comm")).unwrap_or_default();
    Some(format!("{} (process {})", name.trim(), found.file_name()?.to_string_lossy()))
}

/// `640x480` as width and height.
pub fn parse_size(text: &str) -> Result<(u32, u32), String> {
    let sides =
        text.split_once(['x', 'X']).and_then(|(width, height)| Some((width.parse().ok()?, height.parse().ok()?)));
    sides
        .filter(|&(width, height)| width > 0 && height > 0)
        .ok_or_else(|| "must be WIDTHxHEIGHT, such as 640x480".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn camera(size: Option<(u32, u32)>, fps: Option<u32>) -> Camera {
        Camera { path: "/dev/video9".into(), size, fps, pixel_format: Some(PixelFormat::Mjpg) }
    }

    #[test]
    fn a_mode_that_is_not_there_names_the_nearest() {
        let mode = |format: &str, size, fps| CameraMode { format: format.into(), size, fps };
        let modes = [mode("YUYV", (640, 480), 30), mode("MJPG", (640, 480), 30), mode("MJPG", (1920, 1080), 30)];
        assert!(camera(Some((640, 480)), Some(30)).check_mode(&modes).is_ok());
        let refused = camera(Some((700, 500)), Some(60)).check_mode(&modes).unwrap_err().to_string();
        assert!(refused.contains("nearest mode is 640x480 MJPG 30 fps"), "{refused}");
    }

    #[test]
    fn a_camera_that_is_not_there_is_said_so() {
        let refused = camera(None, None).open().unwrap_err().to_string();
        assert!(refused.contains("/dev/video9: no such camera") && refused.contains("--list"), "{refused}");
        let mut plain = camera(None, None);
        plain.path = std::env::temp_dir();
        assert!(plain.open().is_err());
    }

    #[test]
    fn who_holds_a_device_is_found() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut child =
            std::process::Command::new("sleep").arg("30").stdin(File::open(file.path()).unwrap()).spawn().unwrap();
        let held = holder(file.path());
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(held, Some(format!("sleep (process {})", child.id())));
    }
}
