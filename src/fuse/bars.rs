//! Into the picture within its bars, and back.

use opencv::core::{Mat, Rect, Scalar};
use opencv::prelude::*;

use crate::Result;
use crate::frame::Gradient;
use crate::motion::Content;

/// The part of `gradient`, which belongs to the whole frame, that lies within the bars.
pub(super) fn crop(gradient: &Gradient, content: &Content) -> Result<Gradient> {
    let (whole, place) = (content.whole, content.place);
    let scale = |v: i32, from: i32, to: i32| (f64::from(v) * f64::from(to) / f64::from(from)).round() as i32;
    let (width, height) = (gradient.map.cols(), gradient.map.rows());
    let [left, right] = [place.x, place.x + place.width].map(|x| scale(x, whole.width, width));
    let [top, bottom] = [place.y, place.y + place.height].map(|y| scale(y, whole.height, height));
    let part = Rect::new(left, top, (right - left).max(1), (bottom - top).max(1));
    Ok(Gradient {
        index: gradient.index,
        map: Mat::roi(&gradient.map, part)?.try_clone()?,
        prediction: gradient.prediction.clone(),
        others: gradient.others.iter().map(|other| crop(other, content)).collect::<Result<_>>()?,
    })
}

/// `map` in its place in the whole frame, whose bars are 0.
pub(super) fn pad(map: &Mat, content: &Content) -> Result<Mat> {
    let mut whole = Mat::new_size_with_default(content.whole, map.typ(), Scalar::default())?;
    map.copy_to(&mut Mat::roi_mut(&mut whole, content.place)?)?;
    Ok(whole)
}
