//! AUC-Judd.

use super::{Fixation, counts, steps, values};
use crate::commands::eval::metric::MapView;

/// AUC-Judd (Judd et al. 2009; Riche et al. 2013): positives are the fixations, negatives all pixels without a
/// fixation, and thresholds the map's values at the fixations.
///
/// The MIT code adds noise below 1e-7 to separate equal values. Here, as in pysaliency without its `jitter`, equal
/// values are passed at once, and the result is not random. `None` without a fixation, and if every pixel has one.
pub fn auc_judd(map: MapView, fixations: &[Fixation]) -> Option<f64> {
    let positives = values(map, fixations);
    let counts = counts(fixations, map.dim());
    let negatives = map.iter().zip(&counts).filter(|(_, count)| **count == 0.0).map(|(value, _)| *value);
    let mut thresholds = positives.clone();
    thresholds.sort_by(|a, b| b.total_cmp(a));
    steps::area(&thresholds, &positives, &negatives.collect::<Vec<_>>())
}
