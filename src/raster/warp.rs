//! Warps a map from one frame to the other along the backward flow, forwards or backwards.

use opencv::core::{BORDER_REPLICATE, CV_32FC2, Mat, Scalar, Size, Vec2f};
use opencv::imgproc;
use opencv::prelude::*;

use crate::Result;
use crate::frame::Flow;

/// For each pixel of one frame, its position in the other frame (`CV_32FC2`).
pub(crate) struct FlowWarp {
    sources: Mat,
}

impl FlowWarp {
    /// Warps from the previous frame to the frame of `flow`.
    pub(crate) fn along(flow: &Flow) -> Result<Self> {
        let size: Size = flow.0.size()?;
        let mut sources = Mat::new_size_with_default(size, CV_32FC2, Scalar::default())?;
        let width = size.width as usize;
        let rows = sources.data_typed_mut::<Vec2f>()?.chunks_exact_mut(width);
        for (y, (row, flow)) in rows.zip(flow.0.data_typed::<Vec2f>()?.chunks_exact(width)).enumerate() {
            for (x, (source, vector)) in row.iter_mut().zip(flow).enumerate() {
                *source = Vec2f::from([x as f32 + vector[0], y as f32 + vector[1]]);
            }
        }
        Ok(Self { sources })
    }

    /// Warps from the frame of `flow` back to the previous frame. The flow is inverted by three steps of a fixed-point
    /// iteration (Chen et al. 2008).
    pub(crate) fn against(flow: &Flow) -> Result<Self> {
        let backward = |vectors: &Mat| -> Result<Flow> {
            let mut out = Mat::default();
            vectors.convert_to(&mut out, -1, -1.0, 0.0)?;
            Ok(Flow(out))
        };
        let mut inverse = Self::along(&backward(&flow.0)?)?;
        for _ in 0..2 {
            inverse = Self::along(&backward(&inverse.apply(&flow.0)?)?)?;
        }
        Ok(inverse)
    }

    /// `map`, which belongs to the other frame, warped to this frame.
    pub(crate) fn apply(&self, map: &Mat) -> Result<Mat> {
        let mut out = Mat::default();
        let none = Mat::default();
        imgproc::remap(
            map,
            &mut out,
            &self.sources,
            &none,
            imgproc::INTER_LINEAR,
            BORDER_REPLICATE,
            Scalar::default(),
        )?;
        Ok(out)
    }
}
