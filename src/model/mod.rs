//! Classifiers: the only place where ONNX files, the gradient compiler and ONNX Runtime meet.

mod classifier;
mod probe;

pub use classifier::{Attribution, Classifier, Layout, write_gradient_model};
pub use probe::probe;
