//! Which classifier to run, and how.

use onnx_grad::Request;

use super::channels::Channels;
use super::fit::Fit;
use super::method::MethodChoice;
use super::target::TargetName;
use crate::model::metadata::MetadataFlags;
use crate::model::{ExecutionRequest, ModelName};

/// The classifier, and how to run and explain it.
#[derive(Debug, Clone)]
pub struct ModelConfig {
    /// The model.
    pub name: ModelName,
    /// The metadata set by the user.
    pub metadata: MetadataFlags,
    /// The requested device and precision.
    pub wish: ExecutionRequest,
    /// Whether frames may wait for each other, if the model takes several at once.
    pub several: bool,
    /// Whether to measure the fastest configuration again instead of using the cached result.
    pub remeasure: bool,
    /// The classes to explain, at least one. All but the first must be ids or names.
    pub targets: Vec<TargetName>,
    /// Values for what the model's file leaves open.
    pub request: Request,
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
}
