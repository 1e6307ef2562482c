//! How a live session controls the stages while they run.

use crate::annotate::Style;
use crate::frame::Prediction;
use crate::fuse::Fusion;
use crate::saliency::TargetName;

/// The number of best classes passed to [`Control::explained`].
pub const BEST_CLASSES: usize = 5;

/// The settings that may change from one frame to the next.
#[derive(Debug, Clone, PartialEq)]
pub struct StageSettings {
    /// How to combine the maps.
    pub fusion: Fusion,
    /// How to draw frames.
    pub style: Style,
    /// The class to explain.
    pub target: TargetName,
}

/// A live session, as the stages see it.
pub trait Control: Sync {
    /// The current settings.
    fn settings(&self) -> StageSettings;

    /// Frames per second that the source delivers.
    fn offered_fps(&self) -> f64;

    /// Called when the gradient of a frame is computed, with its best classes in descending order.
    fn explained(&self, best: Vec<Prediction>);
}
