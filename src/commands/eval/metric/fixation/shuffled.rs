//! The shuffled area under the ROC curve.

use rand::Rng;
use rand::seq::IndexedRandom;

use super::{Fixation, SPLITS, auc_of_splits};
use crate::commands::eval::metric::MapView;

/// Shuffled AUC (Zhang et al. 2008; Borji et al. 2013), as in the MIT code: as many negatives as fixations, or all if
/// there are fewer, are drawn without repetition from `others`, which are fixations on other pictures, [`SPLITS`]
/// times; see [`auc_of_splits`]. Predicting only the bias towards the centre gives no advantage here.
///
/// The MIT code takes ten other pictures, and counts a pixel once; `others` may have any number, and repetitions.
/// [`auc`](super::auc) with the others' counts as negatives is the same for all thresholds and without random draws.
/// `None` without a fixation or others.
pub fn auc_shuffled(map: MapView, fixations: &[Fixation], others: &[Fixation], random: &mut impl Rng) -> Option<f64> {
    let draws = (0..SPLITS).map(|_| others.sample(random, fixations.len()).copied().collect());
    auc_of_splits(map, fixations, draws)
}
