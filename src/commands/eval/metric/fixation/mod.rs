//! Maps against where people looked, by the definitions of Bylinskii et al., "What do different evaluation metrics tell
//! us about saliency models?" (TPAMI 2019), the MIT benchmark's code and pysaliency. Where these differ, each function
//! says whom it follows.
//!
//! A measure is `None` where it is not defined: most often because nobody looked. Maps are never resized: all rasters
//! that a function takes have one shape, and it panics where they have not.

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

/// A pixel that was looked at: row and column.
pub type Fixation = [usize; 2];

/// How often each pixel was looked at, shape (height, width): counts of fixations, or a density of them at any scale.
/// No value is negative.
pub type GazeView<'a> = ArrayView2<'a, f64>;

/// What keeps the logarithms finite in the MIT code: MATLAB's `eps` of double precision.
const EPSILON: f64 = f64::EPSILON;

/// Where people looked at one picture.
#[derive(Debug, Clone, PartialEq)]
pub struct GazeRecord {
    /// Height and width of the picture, in pixels.
    pub shape: (usize, usize),
    /// Every fixation, all within the shape; `None` where only a density was published.
    pub fixations: Option<Vec<Fixation>>,
    /// The density of fixations (blurred, at any scale), of this shape; `None` where only fixations were published.
    pub density: Option<Array2<f64>>,
}

impl GazeRecord {
    /// How often each pixel was looked at: the fixations' counts or, where there are none, the density, which stands
    /// for infinitely many fixations drawn from it.
    pub fn weights(&self) -> Option<Cow<'_, Array2<f64>>> {
        match (&self.fixations, &self.density) {
            (Some(fixations), _) => Some(Cow::Owned(counts(fixations, self.shape))),
            (None, density) => density.as_ref().map(Cow::Borrowed),
        }
    }
}

/// How many of the `fixations` fall on each pixel of a raster of `shape` (height, width). Those outside are left out.
pub fn counts(fixations: &[Fixation], shape: (usize, usize)) -> Array2<f64> {
    let mut counts = Array2::zeros(shape);
    for fixation in fixations {
        if let Some(count) = counts.get_mut(*fixation) {
            *count += 1.0;
        }
    }
    counts
}

/// The map at each fixation. Those outside are left out.
fn values(map: MapView, fixations: &[Fixation]) -> Vec<f64> {
    fixations.iter().filter_map(|fixation| map.get(*fixation).copied()).collect()
}

/// The least and the largest value.
fn range(map: ArrayView2<f64>) -> (f64, f64) {
    map.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), v| (least.min(*v), most.max(*v)))
}

fn is_constant(map: ArrayView2<f64>) -> bool {
    let (least, most) = range(map);
    least >= most
}

/// A map read as a distribution over the pixels: its values over their sum; every pixel alike where all are zero.
fn distribution(map: ArrayView2<f64>) -> Array2<f64> {
    let sum = map.sum();
    if sum > 0.0 { map.mapv(|value| value / sum) } else { Array2::from_elem(map.dim(), 1.0 / map.len() as f64) }
}

/// # Panics
/// If the two are not of one shape.
fn assert_one_shape(a: ArrayView2<f64>, b: ArrayView2<f64>) {
    assert_eq!(a.dim(), b.dim(), "a map and its truth are of one shape");
}
