//! The best and the worst frames, which a report shows.

use ndarray::Array2;

/// Number of best and of worst frames that are kept, each from another sequence.
const MAX_KEPT_FRAMES: usize = 4;

/// The frames on which the first method has the best and the worst value of the main measure.
#[derive(Debug, Default)]
pub struct ExtremeFrames {
    /// The best frames, the best one first.
    pub best: Vec<ExtremeFrame>,
    /// The worst frames, the worst one first.
    pub worst: Vec<ExtremeFrame>,
}

/// A best or worst frame.
#[derive(Debug, Clone)]
pub struct ExtremeFrame {
    /// Its value of the main measure.
    pub value: f64,
    /// Index of the sequence in the data set.
    pub sequence: usize,
    /// Index of the frame in the sequence.
    pub frame: usize,
    /// The map, 240 pixels on the longer side, with 255 for 1.
    pub map: Array2<u8>,
}

impl ExtremeFrames {
    /// Considers a frame; higher values are better.
    pub fn add(&mut self, found: &ExtremeFrame) {
        keep(&mut self.best, found, |a, b| b.total_cmp(&a));
        keep(&mut self.worst, found, |a, b| a.total_cmp(&b));
    }
}

/// Inserts `found` into `kept`, which is sorted by `order`, in place of another frame of its sequence.
fn keep(kept: &mut Vec<ExtremeFrame>, found: &ExtremeFrame, order: fn(f64, f64) -> std::cmp::Ordering) {
    let place = kept.partition_point(|one| order(one.value, found.value).is_le());
    if place >= MAX_KEPT_FRAMES || kept.iter().take(place).any(|one| one.sequence == found.sequence) {
        return;
    }
    kept.retain(|one| one.sequence != found.sequence);
    kept.insert(place, found.clone());
    kept.truncate(MAX_KEPT_FRAMES);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_sequence_is_there_once_and_the_order_is_right() {
        let mut extremes = ExtremeFrames::default();
        for (sequence, value) in [(0, 0.5), (0, 0.7), (1, 0.6), (2, 0.1), (1, 0.2), (3, 0.9), (4, 0.3), (0, 0.6)] {
            extremes.add(&ExtremeFrame { value, sequence, frame: 0, map: Array2::default((1, 1)) });
        }
        let values = |kept: &[ExtremeFrame]| kept.iter().map(|one| (one.sequence, one.value)).collect::<Vec<_>>();
        assert_eq!(values(&extremes.best), [(3, 0.9), (0, 0.7), (1, 0.6), (4, 0.3)]);
        assert_eq!(values(&extremes.worst), [(2, 0.1), (1, 0.2), (4, 0.3), (0, 0.5)]);
    }
}
