//! Baseline maps: those that do not depend on the picture, and the simplest one that does.

use opencv::core::{CV_32FC1, Mat, Scalar, Size};
use opencv::prelude::*;

use crate::Result;
use crate::frame::Flow;

/// Standard deviations of the centre prior, in widths and heights: fixations on photographs vary by 0.22 of the square
/// of half the width, and 0.45 times that from top to bottom (Clarke and Tatler, "Deriving an appropriate baseline for
/// describing fixation behaviour", Vision Research 2014). The height is that of their pictures, 3/4 of the width.
const CENTRE: (f32, f32) = (0.2345, 0.2097);

/// A Gaussian in the middle of a picture of `size`, 1 at its peak.
pub fn centre(size: Size) -> Result<Mat> {
    let mut map = uniform(size)?;
    let part = |at: usize, length: i32, deviation: f32| {
        let from_middle = (at as f32 + 0.5) / length as f32 - 0.5;
        (from_middle / deviation).powi(2)
    };
    let width = size.width.max(1);
    for (index, value) in map.data_typed_mut::<f32>()?.iter_mut().enumerate() {
        let (row, column) = (index / width as usize, index % width as usize);
        *value = (-0.5 * (part(column, width, CENTRE.0) + part(row, size.height, CENTRE.1))).exp();
    }
    Ok(map)
}

/// Weights `map` (`CV_32FC1`, 0..=1) by the centre prior c: c (1 + map) / 2, the mean of the prior alone and its
/// product with the map. The product is Zhang et al.'s posterior ("SUN: A Bayesian framework for saliency using natural
/// statistics", Journal of Vision 2008) with the map as the likelihood; the prior alone is used where the map says
/// nothing.
pub fn centred(mut map: Mat) -> Result<Mat> {
    let prior = centre(map.size()?)?;
    for (value, prior) in map.data_typed_mut::<f32>()?.iter_mut().zip(prior.data_typed::<f32>()?) {
        *value = prior * (1.0 + *value) / 2.0;
    }
    Ok(map)
}

/// A map that is 1 everywhere.
pub fn uniform(size: Size) -> Result<Mat> {
    Ok(Mat::new_size_with_default(size, CV_32FC1, Scalar::all(1.0))?)
}

/// The length of `flow`, scaled so that the longest in the frame is 1; 0 if nothing moves.
pub fn flow(flow: &Flow) -> Result<Mat> {
    let mut map = uniform(flow.0.size()?)?;
    let lengths = flow.0.data_typed::<opencv::core::Vec2f>()?.iter().map(|vector| vector[0].hypot(vector[1]));
    let longest = lengths.clone().fold(0.0, f32::max);
    for (value, length) in map.data_typed_mut::<f32>()?.iter_mut().zip(lengths) {
        *value = if longest > 0.0 { length / longest } else { 0.0 };
    }
    Ok(map)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_centre_prior_is_symmetric_and_highest_in_the_middle() {
        let map = centre(Size::new(9, 5)).unwrap();
        let at = |row, column| *map.at_2d::<f32>(row, column).unwrap();
        assert_eq!(at(2, 4), 1.0);
        assert!((at(0, 1) - at(4, 7)).abs() < 1e-6 && at(0, 0) < 0.1);
    }

    #[test]
    fn the_prior_alone_is_half_of_what_a_full_map_gets() {
        let size = Size::new(9, 5);
        let (prior, full) = (centre(size).unwrap(), centred(uniform(size).unwrap()).unwrap());
        assert_eq!(prior.data_typed::<f32>().unwrap(), full.data_typed::<f32>().unwrap());
        let empty = centred(Mat::zeros_size(size, CV_32FC1).unwrap().to_mat().unwrap()).unwrap();
        assert_eq!(*empty.at_2d::<f32>(2, 4).unwrap(), 0.5);
    }

    #[test]
    fn the_longest_flow_is_one() {
        let vectors = [[opencv::core::Vec2f::from([3.0, -4.0]), opencv::core::Vec2f::from([0.0, 1.0])]];
        let found = flow(&Flow(Mat::from_slice_2d(&vectors).unwrap())).unwrap();
        assert_eq!(found.data_typed::<f32>().unwrap(), [1.0, 0.2]);
    }
}
