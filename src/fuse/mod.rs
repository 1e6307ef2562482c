//! From motion and gradient to the maps that are drawn.

mod average;
mod carry;
mod modes;
mod normalise;

use opencv::core::MatTraitConst;

pub use self::modes::Fusion;

use self::average::GradientAverage;
use self::carry::Carrier;
use crate::Result;
use crate::frame::{Gradient, Maps, SaliencyMap};
use crate::motion::{Motion, raster};

/// How to fuse.
#[derive(Debug, Clone, Copy, Default)]
pub struct FuseOptions {
    /// How the two maps become one.
    pub mode: Fusion,
}

/// Makes each frame's [`Maps`], with a memory of the frames before.
#[derive(Default)]
pub struct Fuser {
    options: FuseOptions,
    gradient: GradientAverage,
}

impl Fuser {
    /// A fuser that has seen nothing yet.
    pub fn new(options: FuseOptions) -> Self {
        Self { options, ..Self::default() }
    }

    /// The maps of the frame that `motion` belongs to. `gradient` is that frame's, or `None` between key frames: the
    /// static map is then carried along the flow. A first frame or a cut clears all memory.
    ///
    /// # Errors
    /// [`Error::OpenCv`](crate::Error::OpenCv) where OpenCV fails, as on an empty gradient.
    pub fn step(&mut self, motion: &Motion, gradient: Option<&Gradient>) -> Result<Maps> {
        if motion.first {
            *self = Self::new(self.options);
        }
        let size = motion.lab.size()?;
        let carrier = Carrier::along(&motion.flow)?;
        let static_ = match self.gradient.step(gradient, &carrier, size)? {
            Some(map) => map,
            None => raster::zeros(size)?,
        };
        let moving = normalise::normalise(&motion.residual)?;
        let fused = self.options.mode.blend(&static_, &moving.map, moving.confidence)?;
        Ok(Maps {
            static_: SaliencyMap(static_),
            motion: SaliencyMap(moving.map),
            fused: SaliencyMap(fused),
            motion_weight: moving.confidence,
            cut: motion.cut,
        })
    }
}
