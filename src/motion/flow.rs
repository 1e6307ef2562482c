//! Dense optical flow by DIS (Kroeger et al., "Fast Optical Flow using Dense Inverse Search", ECCV 2016).

use opencv::core;
use opencv::core::{Mat, MatTraitConst, Ptr, Scalar, Size, Vec2f};
use opencv::prelude::*;
use opencv::video::{DISOpticalFlow, DISOpticalFlow_PRESET_MEDIUM};

use crate::Result;
use crate::frame::Flow;
use crate::raster;

/// DIS flow with the settings of the reference prototype: medium preset down to the finest scale, with a patch every 4
/// pixels. Only the prototype's five steps of variational refinement per scale are left out: they take half of the
/// time, and the fused maps are as good without them on DAVIS. When only the camera moves, the maps are somewhat
/// brighter without them (docs/quality.md).
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

    /// Enables `steps` steps of variational refinement per scale.
    pub(crate) fn refined(mut self, steps: i32) -> Result<Self> {
        self.dis.set_variational_refinement_iterations(steps)?;
        Ok(self)
    }

    /// The flow from `current` to `previous` (both `CV_8UC1`, of the same size), resampled to a grid of `size`.
    pub(crate) fn backward(&mut self, current: &Mat, previous: &Mat, size: Size) -> Result<Flow> {
        // Start with an empty destination: DIS takes existing content as its first guess.
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

/// A zero flow of `size`.
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
