//! The area under the ROC curve at fixed thresholds, over several draws of negatives.

use super::{Fixation, is_constant, mean, range, steps, values};
use crate::commands::eval::metric::MapView;

/// Number of draws of negatives in the MIT code.
pub const SPLITS: usize = 100;
/// Number of steps from 0 to 1 between thresholds in the MIT code.
const STEPS: u32 = 10;

/// The mean over `draws` of negatives of the area under the ROC curve, with the thresholds 0, .1, .2 ... on the map
/// stretched to 0..1: the common part of AUC-Borji and the shuffled AUC of the MIT code.
///
/// 0.5 for a constant map. `None` without a fixation, a draw, or negatives in a draw.
pub fn auc_of_splits(
    map: MapView,
    fixations: &[Fixation],
    draws: impl IntoIterator<Item = Vec<Fixation>>,
) -> Option<f64> {
    let (least, most) = range(map);
    let width = if is_constant(map) { 1.0 } else { most - least };
    let stretched = |fixations: &[Fixation]| -> Vec<f64> {
        values(map, fixations).into_iter().map(|value| (value - least) / width).collect()
    };
    let positives = stretched(fixations);
    let areas = draws.into_iter().map(|negatives| area(&positives, &stretched(&negatives)));
    mean(areas.collect::<Option<Vec<_>>>()?.into_iter().map(Some))
}

fn area(positives: &[f64], negatives: &[f64]) -> Option<f64> {
    let most = positives.iter().chain(negatives).copied().fold(0.0, f64::max);
    let thresholds = (0..=STEPS).rev().map(|k| f64::from(k) / f64::from(STEPS)).filter(|t| *t <= most);
    steps::area(&thresholds.collect::<Vec<_>>(), positives, negatives)
}
