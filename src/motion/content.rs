//! The picture within a frame that has black bars.

use opencv::core::{Mat, MatTraitConst, Rect, Scalar, Size};

use crate::Result;

/// Where the picture lies in a frame that has black bars.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContentArea {
    /// Size of the whole frame on the scale of the maps.
    pub whole: Size,
    /// The picture's place in it; its size is that of [`FrameMotion`]'s pictures.
    pub place: Rect,
}

impl ContentArea {
    /// `map`, which belongs to the picture, in its place in the whole frame, whose bars are 0.
    ///
    /// # Errors
    /// [`Error::OpenCv`](crate::Error::OpenCv) where it has another size than the picture.
    pub fn pad(&self, map: &Mat) -> Result<Mat> {
        let mut whole = Mat::new_size_with_default(self.whole, map.typ(), Scalar::default())?;
        map.copy_to(&mut Mat::roi_mut(&mut whole, self.place)?)?;
        Ok(whole)
    }

    /// The part of `map`, which belongs to the whole frame, that lies within the bars.
    ///
    /// # Errors
    /// [`Error::OpenCv`](crate::Error::OpenCv) where it has another size than the frame.
    pub fn crop(&self, map: &Mat) -> Result<Mat> {
        Ok(Mat::roi(map, self.place)?.try_clone()?)
    }
}
