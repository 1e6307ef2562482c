//! Warps a map of the previous frame along the backward flow to the current one.

use opencv::core::{BORDER_REPLICATE, CV_32FC2, Mat, Scalar, Size, Vec2f};
use opencv::imgproc;
use opencv::prelude::*;

use crate::Result;
use crate::frame::Flow;

/// For each pixel, its place in the previous frame (`CV_32FC2`).
pub(crate) struct Warp {
    sources: Mat,
}

impl Warp {
    /// Follows `flow`.
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

    /// `map`, which belongs to the previous frame, as seen from the current one.
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
