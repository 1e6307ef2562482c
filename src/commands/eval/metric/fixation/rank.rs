//! The exact area under the ROC curve for weighted pixels.

use super::{GazeView, assert_one_shape};
use crate::commands::eval::metric::MapView;

/// The probability that a pixel drawn with the weights `positives` has a higher value than one drawn with `negatives`,
/// where equal values count half: the area under the ROC curve over all thresholds.
///
/// With counts of fixations against uniform weights, it is pysaliency's AUC with uniform non-fixations; against the
/// counts of other pictures' fixations, it is its shuffled AUC, which the MIT/Tuebingen benchmark reports. With a
/// density, it is the limit of either for infinitely many fixations drawn from it. `None` if all weights of a side are
/// zero.
pub fn auc(map: MapView, positives: GazeView, negatives: GazeView) -> Option<f64> {
    assert_one_shape(map, positives);
    assert_one_shape(map, negatives);
    let pixels = map.iter().zip(positives).zip(negatives).map(|((value, p), n)| (*value, *p, *n));
    let mut pixels: Vec<_> = pixels.filter(|(_, p, n)| p + n > 0.0).collect();
    pixels.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let (mut area, mut all, mut below) = (0.0, 0.0, 0.0);
    for level in pixels.chunk_by(|a, b| a.0 == b.0) {
        let (p, n) = level.iter().fold((0.0, 0.0), |(p, n), pixel| (p + pixel.1, n + pixel.2));
        area += p * (below + n / 2.0);
        all += p;
        below += n;
    }
    (all > 0.0 && below > 0.0).then(|| area / all / below)
}
