//! The path of the window through a clip, shot by shot.

use opencv::core::{Rect, Size};

use super::evidence::EvidenceMap;
use super::shot::{ShotPath, plan_shot};
use crate::Result;
use crate::frame::SaliencyMap;

/// What the path shall be like.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PlanOptions {
    /// Size of the picture in pixels.
    pub picture: Size,
    /// Size of the window in pixels, at most that of the picture.
    pub window: Size,
    /// Share of the window's height, at the bottom, that shall be free of the salient object.
    pub safe_area: f64,
    /// Frames per second of a shot of a single frame; that of others follows from their times.
    pub fps: f64,
}

/// The window of a frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FrameWindow {
    /// Seconds since the clip's first frame.
    pub time: f64,
    /// The window, in pixels of the picture.
    pub window: Rect,
    /// Index of the shot.
    pub shot: usize,
}

/// What is known about a shot.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ShotSummary {
    /// The share of the salient mass within the window.
    pub kept: f64,
    /// Whether nothing is salient; the window is then in the middle.
    pub is_blank: bool,
}

/// The path of the window through a clip.
#[derive(Debug, Clone, PartialEq)]
pub struct CameraPath {
    /// What it was planned for.
    pub options: PlanOptions,
    /// One per frame, in order.
    pub frames: Vec<FrameWindow>,
    /// One per shot, in order.
    pub shots: Vec<ShotSummary>,
}

/// Collects the maps of a clip. Those of a shot are dropped when its path is known.
pub struct PathPlanner {
    path: CameraPath,
    maps: Vec<EvidenceMap>,
    times: Vec<f64>,
}

impl PathPlanner {
    /// A planner that has seen no frame yet.
    pub fn new(options: PlanOptions) -> Self {
        let path = CameraPath { options, frames: Vec::new(), shots: Vec::new() };
        Self { path, maps: Vec::new(), times: Vec::new() }
    }

    /// Adds the next frame, which is shown at `time`. With `cut`, it begins a shot.
    ///
    /// # Errors
    /// [`Error::OpenCv`](crate::Error::OpenCv) if OpenCV fails, and [`Error::Panic`](crate::Error::Panic) if no path
    /// is found; no valid map causes them.
    pub fn push(&mut self, map: &SaliencyMap, time: f64, cut: bool) -> Result<()> {
        if cut {
            self.end_shot()?;
        }
        self.maps.push(EvidenceMap::new(map)?);
        self.times.push(time);
        Ok(())
    }

    /// The path of all frames.
    ///
    /// # Errors
    /// Those of [`push`](Self::push).
    pub fn finish(mut self) -> Result<CameraPath> {
        self.end_shot()?;
        Ok(self.path)
    }

    fn end_shot(&mut self) -> Result<()> {
        let (Some(first), Some(last)) = (self.times.first(), self.times.last()) else { return Ok(()) };
        let PlanOptions { picture, window, safe_area, fps } = self.path.options;
        let rate = if last > first { (self.times.len() - 1) as f64 / (last - first) } else { fps };
        let ShotPath { corners, kept, is_blank } = plan_shot(&self.maps, rate, picture, window, safe_area)?;
        let shot = self.path.shots.len();
        let frames = self.times.drain(..).zip(corners);
        self.path.frames.extend(frames.map(|(time, corner)| {
            let window = Rect::new(corner.x, corner.y, window.width, window.height);
            FrameWindow { time, window, shot }
        }));
        self.path.shots.push(ShotSummary { kept, is_blank });
        self.maps.clear();
        Ok(())
    }
}
