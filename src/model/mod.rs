//! Classifiers: the only place where ONNX files, the gradient compiler and ONNX Runtime meet.

pub mod catalog;
mod classifier;
mod device;
mod labels;
mod preprocess;
mod probe;

pub use catalog::ModelName;
pub use classifier::{Attribution, Classifier, Layout, write_gradient_model};
pub use device::{Opened, open};
pub use labels::Labels;
pub use preprocess::{ChannelOrder, Preprocessing, Preprocessor};
pub use probe::probe;
