//! Scaling of a map before it is measured.

use ndarray::{CowArray, Ix2};
use serde::{Deserialize, Serialize};

use crate::commands::eval::metric::MapView;

/// How to scale a map before the saliency measures.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scale {
    /// Not at all.
    #[default]
    AsIs,
    /// Each map is stretched to 0..=1, as PySODMetrics does by default. A constant map is not changed.
    MinMax,
}

impl Scale {
    /// `map` in this scale.
    pub fn apply(self, map: MapView<'_>) -> CowArray<'_, f64, Ix2> {
        let min = map.iter().copied().fold(f64::INFINITY, f64::min);
        let max = map.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if self == Self::AsIs || min == max {
            return map.into();
        }
        map.map(|value| (value - min) / (max - min)).into()
    }
}
