//! AUC-Borji.

use rand::{Rng, RngExt};

use super::{Fixation, SPLITS, auc_of_splits};
use crate::commands::eval::metric::MapView;

/// AUC-Borji (Borji et al. 2013), as in the MIT code: as many negatives as fixations are drawn from all pixels, with
/// repetition, [`SPLITS`] times; see [`auc_of_splits`].
///
/// `None` with fewer than two fixations, as in that code.
pub fn auc_borji(map: MapView, fixations: &[Fixation], random: &mut impl Rng) -> Option<f64> {
    let (height, width) = map.dim();
    if fixations.len() < 2 || map.is_empty() {
        return None;
    }
    let mut pixel = || [random.random_range(0..height), random.random_range(0..width)];
    let draws = (0..SPLITS).map(|_| fixations.iter().map(|_| pixel()).collect());
    auc_of_splits(map, fixations, draws)
}
