//! Measures of one map against its truth: the mask of an object, or the places that people looked at.

pub mod fixation;
pub mod mask;

use ndarray::ArrayView2;

/// A predicted map with the shape (height, width) and values in 0..=1.
pub type MapView<'a> = ArrayView2<'a, f64>;

/// A binary truth with the shape (height, width): the pixels of the object, or those that people looked at.
pub type MaskView<'a> = ArrayView2<'a, bool>;
