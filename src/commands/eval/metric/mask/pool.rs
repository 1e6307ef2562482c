//! Means over frames, sequences or a data set.

use super::scores::Scores;

/// A running mean of scores: of frames, or of the means of sequences.
#[derive(Debug, Clone, Default)]
pub struct Pool {
    count: usize,
    sum: Option<Scores>,
}

impl Pool {
    /// Adds the scores of a frame, or the mean of a sequence.
    pub fn add(&mut self, scores: &Scores) {
        self.count += 1;
        match &mut self.sum {
            Some(sum) => sum.numbers().zip(scores.clone().numbers()).for_each(|(sum, number)| *sum += *number),
            none => *none = Some(scores.clone()),
        }
    }

    /// The number of scores added.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The mean of each number and of each curve, threshold by threshold; `None` if nothing was added.
    pub fn mean(&self) -> Option<Scores> {
        let mut mean = self.sum.clone()?;
        mean.numbers().for_each(|number| *number /= self.count as f64);
        Some(mean)
    }
}

impl<'a> FromIterator<&'a Scores> for Pool {
    fn from_iter<I: IntoIterator<Item = &'a Scores>>(scores: I) -> Self {
        let mut pool = Self::default();
        scores.into_iter().for_each(|scores| pool.add(scores));
        pool
    }
}
