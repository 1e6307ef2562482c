//! How a live session steers the stages while they run.

use crate::annotate::Style;
use crate::frame::Prediction;
use crate::fuse::Fusion;
use crate::saliency::TargetName;

/// How many of the best classes [`Control::explained`] is told.
pub const BEST_CLASSES: usize = 5;

/// What may change from one frame to the next.
#[derive(Debug, Clone, PartialEq)]
pub struct StageSettings {
    /// How the maps become one.
    pub fusion: Fusion,
    /// How frames are drawn.
    pub style: Style,
    /// The class that is explained.
    pub target: TargetName,
}

/// A live session, as the stages see it.
pub trait Control: Sync {
    /// The settings of this moment.
    fn settings(&self) -> StageSettings;

    /// Frames per second that the source delivers.
    fn offered_fps(&self) -> f64;

    /// A frame's gradient is there; these are its best classes, best first.
    fn explained(&self, best: Vec<Prediction>);
}
