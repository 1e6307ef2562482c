//! Which classifier to run, and how.

use opencv::core::Size;

use super::channels::Channels;
use super::fit::Fit;
use super::method::MethodChoice;
use super::target::TargetName;
use crate::model::ClassifierRequest;

/// Frames of up to this number of pixels (1920 x 1080) may be explained several at once. A batch's worker decides this
/// before it knows its clips.
const MAX_BATCHED_PIXELS: i32 = 1920 * 1080;

/// The classifier, and how to run and explain it.
#[derive(Debug, Clone)]
pub struct ModelConfig {
    /// The classifier.
    pub classifier: ClassifierRequest,
    /// Whether frames may wait for each other, if the model takes several at once.
    pub several: bool,
    /// The classes to explain, at least one. All but the first must be ids or names.
    pub targets: Vec<TargetName>,
    /// The attribution method.
    pub method: MethodChoice,
    /// How the gradient's channels become one map.
    pub channels: Channels,
    /// How a frame fills the classifier's input image.
    pub fit: Fit,
}

impl ModelConfig {
    /// Whether a frame needs only one run of the model.
    pub fn explains_one_run(&self) -> bool {
        self.targets.len() == 1 && self.method.runs_once()
    }

    /// The same for frames of this size. For large frames, a batch would take more memory than it saves time.
    pub fn for_frames(mut self, size: Size) -> Self {
        self.classifier.execution.batches &= size.area() <= MAX_BATCHED_PIXELS;
        self
    }
}
