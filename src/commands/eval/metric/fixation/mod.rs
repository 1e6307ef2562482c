//! Measures of maps against fixations, by the definitions of Bylinskii et al., "What do different evaluation metrics
//! tell us about saliency models?" (TPAMI 2019), the MIT benchmark's code and pysaliency. If these differ, each
//! function says which one it follows.
//!
//! A measure is `None` if it is not defined, most often because nobody looked. Maps are never resized: all rasters
//! passed to a function must have the same shape, else it panics.

mod borji;
mod correlation;
mod divergence;
mod information;
mod judd;
mod mean;
mod measure;
mod nss;
mod rank;
mod shuffled;
mod similarity;
mod splits;
mod steps;

use std::borrow::Cow;

use ndarray::{Array2, ArrayView2};

pub use borji::auc_borji;
pub use correlation::cc;
pub use divergence::kl;
pub use information::information_gain;
pub use judd::auc_judd;
pub use mean::{mean, mean_of_groups};
pub use measure::{Measure, Truth};
pub use nss::nss;
pub use rank::auc;
pub use shuffled::auc_shuffled;
pub use similarity::sim;
pub use splits::{SPLITS, auc_of_splits};

use super::MapView;

/// A pixel that somebody looked at: row and column.
pub type Fixation = [usize; 2];

/// How often each pixel was looked at, with the shape (height, width): counts of fixations, or their density at any
/// scale. No value is negative.
pub type GazeView<'a> = ArrayView2<'a, f64>;

/// Keeps the logarithms finite, as in the MIT code: MATLAB's `eps` of double precision.
const EPSILON: f64 = f64::EPSILON;

/// Where people looked in one picture.
#[derive(Debug, Clone, PartialEq)]
pub struct GazeRecord {
    /// Height and width of the picture, in pixels.
    pub shape: (usize, usize),
    /// All fixations, which are all within the shape; `None` if only a density was published.
    pub fixations: Option<Vec<Fixation>>,
    /// The density of fixations (blurred, at any scale), with this shape; `None` if only fixations were published.
    pub density: Option<Array2<f64>>,
}

impl GazeRecord {
    /// How often each pixel was looked at: the counts of fixations or, if there are none, the density, which stands for
    /// infinitely many fixations drawn from it.
    pub fn weights(&self) -> Option<Cow<'_, Array2<f64>>> {
        match (&self.fixations, &self.density) {
            (Some(fixations), _) => Some(Cow::Owned(counts(fixations, self.shape))),
            (None, density) => density.as_ref().map(Cow::Borrowed),
        }
    }
}

/// How many of the `fixations` are on each pixel of a raster with this `shape` (height, width). Those outside are
/// ignored.
pub fn counts(fixations: &[Fixation], shape: (usize, usize)) -> Array2<f64> {
    let mut counts = Array2::zeros(shape);
    for fixation in fixations {
        if let Some(count) = counts.get_mut(*fixation) {
            *count += 1.0;
        }
    }
    counts
}

/// The values of the map at the fixations. Those outside are ignored.
fn values(map: MapView, fixations: &[Fixation]) -> Vec<f64> {
    fixations.iter().filter_map(|fixation| map.get(*fixation).copied()).collect()
}

/// The minimum and the maximum value.
fn range(map: ArrayView2<f64>) -> (f64, f64) {
    map.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), v| (least.min(*v), most.max(*v)))
}

fn is_constant(map: ArrayView2<f64>) -> bool {
    let (least, most) = range(map);
    least >= most
}

/// A map as a distribution over the pixels: its values divided by their sum; uniform if all are zero.
fn distribution(map: ArrayView2<f64>) -> Array2<f64> {
    let sum = map.sum();
    if sum > 0.0 { map.mapv(|value| value / sum) } else { Array2::from_elem(map.dim(), 1.0 / map.len() as f64) }
}

/// # Panics
/// If the two do not have the same shape.
fn assert_one_shape(a: ArrayView2<f64>, b: ArrayView2<f64>) {
    assert_eq!(a.dim(), b.dim(), "a map and its truth are of one shape");
}
