//! Region similarity J.

use super::confusion::Confusion;

/// J: intersection over union of the object's and the found pixels; 1 if there are neither (Perazzi et al., "A
/// Benchmark Dataset and Evaluation Methodology for Video Object Segmentation", CVPR 2016).
pub fn region_similarity(counts: &Confusion) -> f64 {
    match counts.object() + counts.false_positives {
        0 => 1.0,
        union => counts.true_positives as f64 / union as f64,
    }
}
