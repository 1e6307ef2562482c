//! Finds cuts only. The optical flow is computed only when the colours change.

use opencv::core::{Mat, MatTraitConst};

use super::flow::FlowEstimator;
use super::sizes::{WorkingSizes, working_pictures};
use super::{cut, duplicate_frames};
use crate::Result;

/// Finds the cuts that a [`MotionEstimator`](super::MotionEstimator) would find in a clip without letterbox bars.
pub struct CutFinder {
    flow: FlowEstimator,
    previous: Option<PreviousPicture>,
}

struct PreviousPicture {
    sizes: WorkingSizes,
    grey: Mat,
    lab: Mat,
}

impl CutFinder {
    /// Creates a finder that has seen no frame yet.
    ///
    /// # Errors
    /// [`Error::OpenCv`](crate::Error::OpenCv) if OpenCV cannot set up the optical flow.
    pub fn new() -> Result<Self> {
        Ok(Self { flow: FlowEstimator::new()?, previous: None })
    }

    /// Whether `image` (8-bit BGR) belongs to another shot than the image of the previous call. Blank pictures are
    /// skipped.
    ///
    /// # Errors
    /// [`Error::OpenCv`](crate::Error::OpenCv) if OpenCV fails, for example on an empty picture.
    pub fn is_cut(&mut self, image: &Mat) -> Result<bool> {
        let sizes = WorkingSizes::of(image.size()?);
        let (grey, lab) = working_pictures(image, &sizes, false)?;
        if duplicate_frames::is_blank(&grey)? {
            return Ok(false);
        }
        let cut = match &self.previous {
            Some(before) if before.sizes != sizes => true,
            Some(before) if !cut::is_same_shot(&before.lab, &lab)? => {
                let flow = self.flow.backward(&grey, &before.grey, sizes.map)?;
                cut::is_cut(&before.lab, &lab, &flow)?
            }
            _ => false,
        };
        self.previous = Some(PreviousPicture { sizes, grey, lab });
        Ok(cut)
    }
}
