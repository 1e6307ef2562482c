//! The picture that is shown while no new one comes: the last one, greyed, with the reason.

use opencv::core::{self, Mat, Rect};
use opencv::imgproc;
use opencv::prelude::*;

use crate::Result;
use crate::annotate::text::{TextCorner, caption};

/// Brightness of the greyed picture, relative to the original.
const BRIGHTNESS: f64 = 0.5;

/// The last picture, greyed, with a line of text that gives the reason.
pub(super) fn greyed(picture: &Mat, why: &str) -> Result<Mat> {
    let (mut grey, mut shown) = (Mat::default(), Mat::default());
    imgproc::cvt_color_def(picture, &mut grey, imgproc::COLOR_BGR2GRAY)?;
    let mut dark = Mat::default();
    core::convert_scale_abs(&grey, &mut dark, BRIGHTNESS, 0.0)?;
    imgproc::cvt_color_def(&dark, &mut shown, imgproc::COLOR_GRAY2BGR)?;
    let place = Rect::new(0, 0, shown.cols(), shown.rows() / 2);
    caption(&mut shown, place, why, TextCorner::Bottom)?;
    Ok(shown)
}
