//! ONNX Runtime, shared with the example.

use std::error::Error;

use onnx_grad::onnx::ModelProto;
use onnx_grad::{Request, Shapes};

pub use example::{Provider, run, session};

#[path = "../../examples/ort/runtime.rs"]
mod example;

/// The shapes of an unchanged model.
pub fn find_shapes(model: &ModelProto, request: &Request) -> Result<Shapes, Box<dyn Error>> {
    onnx_grad::find_shapes(model, request, run)
}
