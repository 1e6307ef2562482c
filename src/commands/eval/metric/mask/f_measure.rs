//! F-measure of precision and recall.

use super::confusion::Confusion;

/// The usual weight of recall in work on saliency: precision counts more.
pub const BETA_SQUARED: f64 = 0.3;

/// (1 + b) P R / (b P + R) with b = [`BETA_SQUARED`] (Achanta et al., "Frequency-tuned Salient Region Detection", CVPR
/// 2009). 0 if nothing of the object is found, and also if there is no object.
pub fn f_measure(counts: &Confusion) -> f64 {
    if counts.true_positives == 0 {
        return 0.0;
    }
    let (precision, recall) = (counts.precision(), counts.recall());
    (1.0 + BETA_SQUARED) * precision * recall / (BETA_SQUARED * precision + recall)
}
