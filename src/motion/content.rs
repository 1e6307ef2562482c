//! The picture area within a frame that has letterbox bars.

use opencv::core::{Mat, MatTraitConst, Rect, Scalar, Size};

use crate::Result;

/// Where the picture lies in a frame that has letterbox bars.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContentArea {
    /// Size of the whole frame at the scale of the maps.
    pub whole: Size,
    /// Position of the picture in `whole`; its size is that of the pictures in [`FrameMotion`](super::FrameMotion).
    pub place: Rect,
}

impl ContentArea {
    /// Pads `map`, which covers the picture, to the whole frame. The bars are 0.
    ///
    /// # Errors
    /// [`Error::OpenCv`](crate::Error::OpenCv) if the size of `map` is not that of the picture.
    pub fn pad(&self, map: &Mat) -> Result<Mat> {
        let mut whole = Mat::new_size_with_default(self.whole, map.typ(), Scalar::default())?;
        map.copy_to(&mut Mat::roi_mut(&mut whole, self.place)?)?;
        Ok(whole)
    }

    /// Crops `map`, which covers the whole frame, to the picture.
    ///
    /// # Errors
    /// [`Error::OpenCv`](crate::Error::OpenCv) if the picture does not fit into `map`.
    pub fn crop(&self, map: &Mat) -> Result<Mat> {
        Ok(Mat::roi(map, self.place)?.try_clone()?)
    }
}
