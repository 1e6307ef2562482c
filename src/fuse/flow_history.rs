//! The flow from recent frames to the current one: a gradient that arrives late is warped along it.

use std::collections::VecDeque;

use opencv::core::Mat;
use opencv::prelude::*;

use crate::Result;
use crate::motion::FrameMotion;
use crate::raster::warp::FlowWarp;

/// Maximum number of frames by which a gradient may be late.
const MAX_FRAMES_LATE: usize = 16;

/// The last frames of the shot, oldest first, each with the warp from the previous frame to it.
#[derive(Default)]
pub(super) struct FlowHistory(VecDeque<(u64, FlowWarp)>);

impl FlowHistory {
    /// Adds the frame of `motion`.
    pub(super) fn extend(&mut self, motion: &FrameMotion) -> Result<()> {
        if self.0.len() == MAX_FRAMES_LATE {
            self.0.pop_front();
        }
        self.0.push_back((motion.index, FlowWarp::along(&motion.flow)?));
        Ok(())
    }

    /// Warps `map` from the previous frame to the current one.
    pub(super) fn warp(&self, map: &Mat) -> Result<Mat> {
        self.0.back().map_or_else(|| Ok(map.try_clone()?), |(_, warp)| warp.apply(map))
    }

    /// Warps `map` from frame `index` to the current frame; `None` if that frame belongs to an earlier shot or is too
    /// old.
    pub(super) fn warp_from(&self, index: u64, mut map: Mat) -> Result<Option<Mat>> {
        if self.0.front().is_none_or(|(oldest, _)| index < *oldest) {
            return Ok(None);
        }
        for (_, warp) in self.0.iter().filter(|(frame, _)| *frame > index) {
            map = warp.apply(&map)?;
        }
        Ok(Some(map))
    }
}

#[cfg(test)]
mod tests {
    use opencv::core::{CV_32FC2, Scalar, Size};

    use super::*;
    use crate::frame::Flow;
    use crate::raster;

    const SIZE: Size = Size { width: 40, height: 32 };

    /// A frame in which everything has moved to the right by two pixels.
    fn moved(index: u64) -> FrameMotion {
        let flow = Mat::new_size_with_default(SIZE, CV_32FC2, Scalar::new(-2.0, 0.0, 0.0, 0.0)).unwrap();
        FrameMotion {
            index,
            lab: Mat::default(),
            flow: Flow(flow),
            residual: Mat::default(),
            scale: 1.0,
            speed: 24.0,
            first: false,
            cut: false,
            content: None,
        }
    }

    fn dot(x: i32) -> Mat {
        let mut map = raster::zeros(SIZE).unwrap();
        *map.at_2d_mut::<f32>(10, x).unwrap() = 1.0;
        map
    }

    #[test]
    fn a_late_map_catches_up() {
        let mut trail = FlowHistory::default();
        [7, 8, 10].into_iter().for_each(|index| trail.extend(&moved(index)).unwrap());
        let place = |map: Mat| raster::values(&map).unwrap().iter().position(|&v| v > 0.5).unwrap() % 40;
        assert_eq!(place(trail.warp(&dot(20)).unwrap()), 22);
        assert_eq!(place(trail.warp_from(10, dot(20)).unwrap().unwrap()), 20);
        assert_eq!(place(trail.warp_from(9, dot(20)).unwrap().unwrap()), 22);
        assert_eq!(place(trail.warp_from(7, dot(20)).unwrap().unwrap()), 24);
    }

    #[test]
    fn a_map_from_before_the_shot_is_refused() {
        let mut trail = FlowHistory::default();
        assert!(trail.warp_from(0, dot(20)).unwrap().is_none());
        trail.extend(&moved(7)).unwrap();
        assert!(trail.warp_from(6, dot(20)).unwrap().is_none());
    }
}
