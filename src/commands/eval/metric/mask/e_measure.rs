//! E-measure: enhanced alignment.

use super::confusion::Confusion;

/// The enhanced-alignment measure of a binarised map (Fan et al., "Enhanced-alignment Measure for Binary Foreground Map
/// Evaluation", IJCAI 2018).
///
/// Without an object, it is the share of pixels that are not found; if the object fills the frame, the share of those
/// that are. The sum over n pixels is divided by n - 1, as in the authors' code and PySODMetrics, so a perfect map has
/// slightly more than 1.
pub fn e_measure(counts: &Confusion) -> f64 {
    let size = counts.size() as f64;
    let sum = if counts.object() == 0 {
        size - counts.found() as f64
    } else if counts.object() == counts.size() {
        counts.found() as f64
    } else {
        aligned(counts)
    };
    sum / (size - 1.0 + f64::EPSILON)
}

/// The sum of the enhanced alignment over all pixels, which are of four kinds.
fn aligned(counts: &Confusion) -> f64 {
    let size = counts.size() as f64;
    let found = counts.found() as f64 / size;
    let object = counts.object() as f64 / size;
    let alignment = |found: f64, object: f64| {
        let bias = 2.0 * found * object / (found * found + object * object + f64::EPSILON);
        (bias + 1.0) * (bias + 1.0) / 4.0
    };
    counts.true_positives as f64 * alignment(1.0 - found, 1.0 - object)
        + counts.false_positives as f64 * alignment(1.0 - found, -object)
        + counts.false_negatives as f64 * alignment(-found, 1.0 - object)
        + counts.true_negatives as f64 * alignment(-found, -object)
}
