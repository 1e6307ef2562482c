//! The path of the window through a clip, shot by shot.

use opencv::core::{Rect, Size};

use super::evidence::EvidenceMap;
use super::shot::{ShotMaps, ShotPath, plan_shot};
use crate::Result;
use crate::frame::SaliencyMap;

/// Maximum number of maps for which a path is planned: 8 minutes at 25 frames per second. In a longer shot, every second
/// frame is left out, or three of four, and so on. This limits memory (60 MB) and time (some seconds). Even, so that the
/// frames are still at equal intervals.
const MAX_MAPS: usize = 12_000;

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
    /// The maps of every `stride`th frame of the current shot, at most `capacity`.
    maps: Vec<EvidenceMap>,
    stride: usize,
    capacity: usize,
    /// The times of all its frames.
    times: Vec<f64>,
}

impl PathPlanner {
    /// A planner that has seen no frame yet.
    pub fn new(options: PlanOptions) -> Self {
        let path = CameraPath { options, frames: Vec::new(), shots: Vec::new() };
        Self { path, maps: Vec::new(), stride: 1, capacity: MAX_MAPS, times: Vec::new() }
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
        if self.times.len().is_multiple_of(self.stride) {
            if self.maps.len() == self.capacity {
                self.maps = std::mem::take(&mut self.maps).into_iter().step_by(2).collect();
                self.stride *= 2;
            }
            self.maps.push(EvidenceMap::new(map)?);
        }
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
        let shot = ShotMaps { maps: &self.maps, stride: self.stride, frames: self.times.len(), fps: rate };
        let ShotPath { corners, kept, is_blank } = plan_shot(&shot, picture, window, safe_area)?;
        let shot = self.path.shots.len();
        let frames = self.times.drain(..).zip(corners);
        self.path.frames.extend(frames.map(|(time, corner)| {
            let window = Rect::new(corner.x, corner.y, window.width, window.height);
            FrameWindow { time, window, shot }
        }));
        self.path.shots.push(ShotSummary { kept, is_blank });
        self.maps.clear();
        self.stride = 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use opencv::core::{CV_32FC1, Mat, Scalar};
    use opencv::prelude::*;

    use super::*;

    const PICTURE: Size = Size { width: 640, height: 360 };

    /// The path through shots of these lengths, in which a bright bar moves by 2 pixels of the picture per frame.
    fn path(capacity: usize, lengths: &[usize]) -> CameraPath {
        let options = PlanOptions { picture: PICTURE, window: Size::new(200, 360), safe_area: 0.0, fps: 25.0 };
        let mut planner = PathPlanner { capacity, ..PathPlanner::new(options) };
        let mut time = 0.0;
        for length in lengths {
            for frame in 0..*length {
                let mut map = Mat::new_rows_cols_with_default(90, 160, CV_32FC1, Scalar::all(0.0)).unwrap();
                let bar = Rect::new(10 + frame as i32 / 2, 20, 20, 40);
                Mat::roi_mut(&mut map, bar).unwrap().set_scalar(Scalar::all(1.0)).unwrap();
                planner.push(&SaliencyMap(map), time, frame == 0).unwrap();
                time += 0.04;
            }
        }
        planner.finish().unwrap()
    }

    #[test]
    fn a_shot_with_more_frames_than_maps_has_nearly_the_same_path() {
        let (whole, thinned) = (path(1000, &[90, 5]), path(20, &[90, 5]));
        assert_eq!((whole.frames.len(), thinned.frames.len(), thinned.shots.len()), (95, 95, 2));
        for (whole, thinned) in whole.frames.iter().zip(&thinned.frames) {
            assert_eq!((whole.time, whole.shot), (thinned.time, thinned.shot));
            assert!((whole.window.x - thinned.window.x).abs() <= 16, "{whole:?} and {thinned:?}");
        }
        let steps: Vec<i32> = thinned.frames[..90].windows(2).map(|pair| pair[1].window.x - pair[0].window.x).collect();
        assert!(steps.iter().all(|step| (0..=4).contains(step)), "{steps:?}");
    }
}
