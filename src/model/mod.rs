//! Classifiers: the only place where ONNX files, the gradient compiler and ONNX Runtime meet.

pub mod classifier;
pub mod probe;

pub use classifier::{Attribution, Classifier, Layout, write_gradient_model};
pub use probe::probe;
