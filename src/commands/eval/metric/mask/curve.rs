//! A measure as a function of the threshold.

use serde::{Deserialize, Serialize};

/// The number of thresholds of a curve: the 8-bit levels.
pub const LEVELS: usize = 256;

/// A measure at each of the [`LEVELS`] thresholds, from 0 to 255: a pixel counts as found if floor(255 value) is at
/// least the threshold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Curve(pub Vec<f64>);

impl Curve {
    /// The maximum, and the lowest threshold, in 0..=1, at which it is reached.
    pub fn best(&self) -> (f64, f64) {
        let (mut best, mut at) = (f64::NEG_INFINITY, 0);
        for (level, &value) in self.0.iter().enumerate() {
            if value > best {
                (best, at) = (value, level);
            }
        }
        (best, at as f64 / (LEVELS - 1) as f64)
    }

    /// The maximum.
    pub fn max(&self) -> f64 {
        self.best().0
    }

    /// The mean over all thresholds.
    pub fn mean(&self) -> f64 {
        self.0.iter().sum::<f64>() / self.0.len() as f64
    }
}
