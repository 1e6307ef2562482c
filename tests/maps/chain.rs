//! What all tests run: motion and fusion, frame by frame, and a synthetic gradient.

use opencv::core::Mat;
use opencv::prelude::*;
use salstream::frame::{Frame, Gradient, Maps, Rate};
use salstream::fuse::{FuseOptions, Fuser, Fusion};
use salstream::motion::{FrameMotion, MotionEstimator};

pub const RATE: Rate = Rate { num: 24, den: 1 };

/// Motion and fusion, connected as in the pipeline.
pub struct Chain {
    pub motion: MotionEstimator,
    pub fuser: Fuser,
}

impl Chain {
    pub fn new(mode: Fusion) -> Self {
        Self::at(mode, RATE)
    }

    /// For a clip with another frame rate.
    pub fn at(mode: Fusion, rate: Rate) -> Self {
        Self {
            motion: MotionEstimator::new(rate).unwrap(),
            fuser: Fuser::new(FuseOptions { mode, ..FuseOptions::default() }),
        }
    }

    /// The reference prototype's method.
    pub fn reference() -> Self {
        let motion = MotionEstimator::new(RATE).unwrap().as_prototype().unwrap();
        Self { motion, fuser: Fuser::new(FuseOptions { smooth: 0.85, ..FuseOptions::default() }) }
    }

    pub fn step(&mut self, frame: &Frame, gradient: Option<&Gradient>) -> (FrameMotion, Maps) {
        let motion = self.motion.step(frame).unwrap();
        let maps = self.fuser.step(&motion, gradient).unwrap();
        check(&motion, &maps);
        (motion, maps)
    }
}

/// Asserts what holds for all maps: the same size, and finite values in 0..=1.
fn check(motion: &FrameMotion, maps: &Maps) {
    for map in [&maps.static_, &maps.motion, &maps.fused] {
        assert_eq!(map.0.size().unwrap(), motion.content.map_or(motion.lab.size().unwrap(), |content| content.whole));
        assert!(map.0.data_typed::<f32>().unwrap().iter().all(|value| (0.0..=1.0).contains(value)));
    }
    assert!((0.0..=1.0).contains(&maps.motion_weight));
    assert!(motion.residual.data_typed::<f32>().unwrap().iter().all(|value| value.is_finite() && *value >= 0.0));
}

/// A gradient of noise, as raw gradients nearly are, amplified by `gain` around the point (x, y) in 0..=1.
pub fn gradient(frame: &Frame, gain: f32, x: f32, y: f32) -> Gradient {
    let mut state = frame.index.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut noise = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    };
    let strength = |i: i32| {
        let (dx, dy) = ((i % 224) as f32 / 224.0 - x, (i / 224) as f32 / 224.0 - y);
        1.0 + gain * (-(dx * dx + 3.0 * dy * dy) / 0.01).exp()
    };
    let values: Vec<f32> = (0..224 * 224).map(|i| strength(i) * noise()).collect();
    let map = Mat::new_rows_cols_with_data(224, 224, &values).unwrap().try_clone().unwrap();
    Gradient { index: frame.index, map, ..Gradient::default() }
}
