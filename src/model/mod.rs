//! Classifiers: the only place that combines ONNX files, the gradient compiler and ONNX Runtime.
//!
//! ```no_run
//! use std::path::Path;
//!
//! use salstream::model::Classifier;
//! use salstream::model::runtime::{Device, Precision, SessionOptions};
//!
//! let options = SessionOptions { device: Device::Cpu, precision: Precision::F32, threads: 2 };
//! let mut classifier = Classifier::open(Path::new("resnet50.onnx"), &options)?;
//! let (width, height) = classifier.input_size();
//! let picture = vec![0.0; 3 * width * height]; // normalised as the network expects; see Preprocessor
//! let result = classifier.run(&picture, None)?;
//! let steepest = result.gradient.iter().fold(0.0f32, |most, slope| most.max(slope.abs()));
//! println!("class {} scores {}, by up to {steepest} a value", result.class, result.scores[result.class]);
//! # Ok::<(), salstream::Error>(())
//! ```

mod autotune;
pub mod catalog;
mod class_target;
mod classifier;
pub mod inspect;
mod installed;
mod interface;
mod labels;
pub mod library_check;
mod library_search;
pub mod list;
mod load;
pub mod metadata;
mod model_request;
mod open;
mod packaged;
mod preprocess;
mod probe;
pub mod pull;
pub mod runtime;
mod session;
mod source;

pub use autotune::{
    CacheReport, ExecutionConfig, ExecutionRequest, FRAMES_AT_ONCE, PreparedModel, Selection, TrialMeasurement,
    TrialResult, calibration, candidates, choose,
};
pub use catalog::ModelName;
pub use class_target::ClassTarget;
pub use classifier::{Attribution, Classifier};
pub use labels::ClassLabels;
pub use metadata::ModelMetadata;
pub use model_request::ModelRequest;
pub use open::{ClassifierRequest, OpenedClassifier, OpenedModel, open, open_classifier};
pub use preprocess::{ChannelOrder, Layout, Preprocessing, Preprocessor};
pub use probe::{find_shapes, prepare};
pub use source::{CompiledGradient, ModelSource};
