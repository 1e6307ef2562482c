//! The agreement of a binarised map with a mask, counted in pixels.

use ndarray::{Array2, Zip};

use super::binary::level;
use super::curve::LEVELS;
use crate::commands::eval::metric::{MapView, MaskView};

/// The four counts of a binary decision, in pixels.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Confusion {
    /// In the object, and found.
    pub true_positives: u64,
    /// Found, but not in the object.
    pub false_positives: u64,
    /// In the object, but not found.
    pub false_negatives: u64,
    /// Neither found nor in the object.
    pub true_negatives: u64,
}

impl Confusion {
    /// Counts for the pixels of `map` with values of at least `threshold`. Both must have the same shape.
    pub fn at(map: MapView, truth: MaskView, threshold: f64) -> Self {
        let mut counts = Self::default();
        Zip::from(map).and(truth).for_each(|&value, &truth| counts.add(value >= threshold, truth));
        counts
    }

    /// Counts for the pixels that are set in `found`. Both must have the same shape.
    pub fn of(found: MaskView, truth: MaskView) -> Self {
        let mut counts = Self::default();
        Zip::from(found).and(truth).for_each(|&found, &truth| counts.add(found, truth));
        counts
    }

    /// Counts at every 8-bit threshold, from one histogram: those at index `i` are for the pixels with floor(255 value)
    /// >= i. Both must have the same shape.
    pub fn at_levels(map: MapView, truth: MaskView) -> Vec<Self> {
        // For each level, the number of pixels outside and inside the object.
        let mut histogram = Array2::<u64>::zeros((LEVELS, 2));
        Zip::from(map)
            .and(truth)
            .for_each(|&value, &truth| histogram[(usize::from(level(value)), usize::from(truth))] += 1);
        let object = histogram.column(1).sum();
        let mut counts =
            Self { false_negatives: object, true_negatives: truth.len() as u64 - object, ..Self::default() };
        let mut curve: Vec<Self> = histogram.rows().into_iter().rev().map(|row| counts.mark(row[0], row[1])).collect();
        curve.reverse();
        curve
    }

    /// Marks additional pixels outside and inside the object as found.
    fn mark(&mut self, outside: u64, inside: u64) -> Self {
        self.true_positives += inside;
        self.false_negatives -= inside;
        self.false_positives += outside;
        self.true_negatives -= outside;
        *self
    }

    fn add(&mut self, found: bool, truth: bool) {
        match (found, truth) {
            (true, true) => self.true_positives += 1,
            (true, false) => self.false_positives += 1,
            (false, true) => self.false_negatives += 1,
            (false, false) => self.true_negatives += 1,
        }
    }

    /// Number of pixels that are found.
    pub fn found(&self) -> u64 {
        self.true_positives + self.false_positives
    }

    /// Number of pixels in the object.
    pub fn object(&self) -> u64 {
        self.true_positives + self.false_negatives
    }

    /// Number of pixels in the frame.
    pub fn size(&self) -> u64 {
        self.object() + self.false_positives + self.true_negatives
    }

    /// The share of the found pixels that are in the object; 0 if none is found, as in PySODMetrics.
    pub fn precision(&self) -> f64 {
        self.true_positives as f64 / self.found().max(1) as f64
    }

    /// The share of the object that is found; 0 if there is no object, as in PySODMetrics.
    pub fn recall(&self) -> f64 {
        self.true_positives as f64 / self.object().max(1) as f64
    }
}
