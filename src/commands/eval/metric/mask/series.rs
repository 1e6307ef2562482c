//! A sequence's statistics of a measure.

use serde::{Deserialize, Serialize};

/// The share of frames above this value is the recall.
const RECALLED: f64 = 0.5;

/// Which frames of a sequence count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// All but the first and the last: DAVIS 2016, with and without supervision alike, and DAVIS 2017's
    /// semi-supervised task. (The first frame's mask is given to a supervised method.)
    #[default]
    Inner,
    /// All: DAVIS 2017's unsupervised task.
    All,
}

impl Protocol {
    /// Those of a sequence's `frames` that count.
    pub fn scored<T>(self, frames: &[T]) -> &[T] {
        match (self, frames) {
            (Self::Inner, [_, inner @ .., _]) => inner,
            (Self::Inner, _) => &[],
            (Self::All, _) => frames,
        }
    }
}

/// Mean, recall and decay of a per-frame measure over a sequence, as DAVIS defines them (`db_statistics` of its code).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SeriesStatistics {
    /// The mean over the frames.
    pub mean: f64,
    /// The share of frames above 0.5.
    pub recall: f64,
    /// The mean of the first quarter less that of the last: what is lost over time.
    pub decay: f64,
}

impl SeriesStatistics {
    /// Statistics of the frames that count, in order ([`Protocol::scored`]); none of no frames.
    ///
    /// Quarters meet in a frame, which belongs to both. The benchmark's code keeps their borders in 8 bits and so takes
    /// other frames when there are more than 256; here they are right for any length.
    pub fn of(values: &[f64]) -> Option<Self> {
        let last = values.len().checked_sub(1)?;
        // The i-th border is i quarters of the way to the last frame, rounded half up.
        let border = |i: usize| (last * i + 2) / 4;
        let recalled = values.iter().filter(|&&value| value > RECALLED).count();
        Some(Self {
            mean: mean(values),
            recall: recalled as f64 / values.len() as f64,
            decay: mean(&values[..=border(1)]) - mean(&values[border(3)..]),
        })
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}
