//! Statistics of a measure over a sequence.

use serde::{Deserialize, Serialize};

/// Recall is the share of frames above this value.
const RECALLED: f64 = 0.5;

/// Which frames of a sequence count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// All except the first and the last: DAVIS 2016, with and without supervision, and the semi-supervised task of
    /// DAVIS 2017. (A supervised method gets the mask of the first frame.)
    #[default]
    Inner,
    /// All: the unsupervised task of DAVIS 2017.
    All,
}

impl Protocol {
    /// Those of the `frames` of a sequence that count.
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
    /// The mean of the first quarter minus that of the last one: the loss over time.
    pub decay: f64,
}

impl SeriesStatistics {
    /// Statistics of the frames that count, in order ([`Protocol::scored`]); `None` without frames.
    ///
    /// Neighbouring quarters share a frame. The benchmark's code stores their borders in 8 bits, and so takes other
    /// frames if there are more than 256; here, they are right for any length.
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
