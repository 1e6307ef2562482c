//! The range of a map before it is measured.

use ndarray::{CowArray, Ix2};
use serde::{Deserialize, Serialize};

use crate::commands::eval::metric::MapView;

/// What is done to a map's values before saliency is measured.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scale {
    /// Nothing.
    #[default]
    AsIs,
    /// Each map is stretched to 0..=1, as PySODMetrics does unless told otherwise. A constant map stays as it is.
    MinMax,
}

impl Scale {
    /// `map`, brought to this scale.
    pub fn apply(self, map: MapView<'_>) -> CowArray<'_, f64, Ix2> {
        let min = map.iter().copied().fold(f64::INFINITY, f64::min);
        let max = map.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if self == Self::AsIs || min == max {
            return map.into();
        }
        map.map(|value| (value - min) / (max - min)).into()
    }
}
