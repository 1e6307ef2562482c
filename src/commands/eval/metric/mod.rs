//! Measures of one map against its truth: an object's mask or the places that people looked at.

pub mod fixation;
pub mod mask;

use ndarray::ArrayView2;

/// A predicted map, shape (height, width), every value in 0..=1.
pub type MapView<'a> = ArrayView2<'a, f64>;

/// A truth of two values, shape (height, width): the object's pixels, or those that were looked at.
pub type MaskView<'a> = ArrayView2<'a, bool>;
