//! The record of one frame.

use serde::{Deserialize, Serialize};

use crate::frame::Region;

/// The record of one frame. Means and peaks are those of maps in 0..=1, unless they have another unit.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct FrameRecord {
    /// Position in the clip, from 0.
    pub index: u64,
    /// Presentation timestamp in seconds from the first frame.
    pub time: f64,
    /// Class id; `None` between a cut and the next key frame.
    pub class: Option<usize>,
    /// Class name.
    pub label: Option<String>,
    /// Probability of that class, 0..=1, by Softmax or Sigmoid.
    pub probability: Option<f32>,
    /// Score of that class before Softmax; `None` if the model gives probabilities only.
    pub logit: Option<f32>,
    /// Mean of the gradient's absolute value over the frame, in logits per unit of the network's input (after
    /// preprocessing): that of the key frame without noise that the class comes from. Another attribution method has
    /// another unit.
    pub gradient_mean: Option<f32>,
    /// Peak of the same.
    pub gradient_peak: Option<f32>,
    /// Mean of the static map.
    pub static_mean: f32,
    /// Peak of the static map.
    pub static_peak: f32,
    /// Mean speed relative to the camera, in pixels of the source per second; `None` for the first frame of the clip or
    /// of a shot, whose motion is unknown.
    pub motion_speed_mean: Option<f32>,
    /// Peak of the same.
    pub motion_speed_peak: Option<f32>,
    /// Mean of the motion map.
    pub motion_mean: f32,
    /// Peak of the motion map.
    pub motion_peak: f32,
    /// Mean of the fused map.
    pub fused_mean: f32,
    /// Peak of the fused map.
    pub fused_peak: f32,
    /// The weight of motion in the fusion, 0..=1.
    pub fusion_weight: f32,
    /// Whether a cut lies before this frame.
    pub cut: bool,
    /// Milliseconds spent on decoding; this and the following times are `None` if the table must be reproducible.
    pub ms_decode: Option<f32>,
    /// Milliseconds spent on the classifier's gradient.
    pub ms_static: Option<f32>,
    /// Milliseconds spent on motion.
    pub ms_motion: Option<f32>,
    /// Milliseconds spent on fusion.
    pub ms_fuse: Option<f32>,
    /// Milliseconds spent on drawing.
    pub ms_draw: Option<f32>,
    /// Where the fused map lies above 0.5, the strongest region first.
    #[serde(default)]
    pub regions: RegionsField,
}

/// The regions of a record. Both forms are read from either format.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum RegionsField {
    /// A list of objects, as in JSON.
    List(Vec<Region>),
    /// The same list as JSON text, for a column of CSV, whose rows cannot hold lists.
    Text(String),
}

impl Default for RegionsField {
    fn default() -> Self {
        Self::List(Vec::new())
    }
}

impl RegionsField {
    /// The regions as JSON text.
    ///
    /// # Errors
    /// [`serde_json::Error`], which no list of regions causes.
    fn into_text(self) -> serde_json::Result<Self> {
        Ok(Self::Text(match self {
            Self::List(regions) => serde_json::to_string(&regions)?,
            Self::Text(text) => text,
        }))
    }
}

impl FrameRecord {
    /// The same record without the times of the stages.
    pub fn untimed(self) -> Self {
        Self { ms_decode: None, ms_static: None, ms_motion: None, ms_fuse: None, ms_draw: None, ..self }
    }

    /// The same record for a row of CSV.
    ///
    /// # Errors
    /// [`serde_json::Error`], which no record causes.
    pub(super) fn into_row(self) -> serde_json::Result<Self> {
        Ok(Self { regions: self.regions.into_text()?, ..self })
    }
}
