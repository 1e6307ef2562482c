//! Dense optical flow by DIS (Kroeger et al., "Fast Optical Flow using Dense Inverse Search", ECCV 2016).

use opencv::core;
use opencv::core::{Mat, MatTraitConst, Ptr, Scalar, Size, Vec2f};
use opencv::prelude::*;
use opencv::video::{DISOpticalFlow, DISOpticalFlow_PRESET_MEDIUM};

use crate::Result;
use crate::frame::Flow;
use crate::raster;

/// DIS, set as the recipe measured it: medium preset down to the finest scale, patches every 4 pixels. But the recipe's
/// five steps of variational refinement a scale are left out: they take half of the time, and the fused maps are as good
/// without on DAVIS; before a moving camera alone they light up somewhat more (docs/quality.md).
pub(crate) struct FlowEstimator {
    dis: Ptr<DISOpticalFlow>,
}

impl FlowEstimator {
    pub(crate) fn new() -> Result<Self> {
        let mut dis = DISOpticalFlow::create(DISOpticalFlow_PRESET_MEDIUM)?;
        dis.set_finest_scale(0)?;
        dis.set_patch_stride(4)?;
        dis.set_gradient_descent_iterations(6)?;
        dis.set_variational_refinement_iterations(0)?;
        Ok(Self { dis })
    }

    /// Refined by so many steps a scale.
    pub(crate) fn refined(mut self, steps: i32) -> Result<Self> {
        self.dis.set_variational_refinement_iterations(steps)?;
        Ok(self)
    }

    /// The flow from `current` to `previous` (both `CV_8UC1`, of one size), brought to the grid of `size`.
    pub(crate) fn backward(&mut self, current: &Mat, previous: &Mat, size: Size) -> Result<Flow> {
        // A fresh destination: DIS takes what it finds there as its first guess.
        let mut found = Mat::default();
        self.dis.calc(current, previous, &mut found)?;
        let from = found.size()?;
        if from == size {
            return Ok(Flow(found));
        }
        let mut flow = raster::area(&found, size)?;
        let scale = [f64::from(size.width) / f64::from(from.width), f64::from(size.height) / f64::from(from.height)];
        scale_by(&mut flow, [scale[0] as f32, scale[1] as f32])?;
        Ok(Flow(flow))
    }
}

/// No motion at all, of `size`.
pub(crate) fn still(size: Size) -> Result<Flow> {
    Ok(Flow(Mat::new_size_with_default(size, core::CV_32FC2, Scalar::default())?))
}

fn scale_by(flow: &mut Mat, [x, y]: [f32; 2]) -> Result<()> {
    for vector in flow.data_typed_mut::<Vec2f>()? {
        vector[0] *= x;
        vector[1] *= y;
    }
    Ok(())
}
