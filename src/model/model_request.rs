//! Which model to open, and what of it to explain.

use onnx_grad::{Explain, Request};

use super::catalog::ModelName;
use super::metadata::MetadataFlags;

/// Which model to open.
#[derive(Debug, Clone)]
pub struct ModelRequest {
    /// The model.
    pub name: ModelName,
    /// The metadata set by the user.
    pub metadata: MetadataFlags,
    /// Values for what the file leaves open.
    pub request: Request,
    /// What of the class to explain.
    pub explain: Explain,
}
