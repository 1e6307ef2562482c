//! Classifiers: the only place where ONNX files, the gradient compiler and ONNX Runtime meet.
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

pub mod card;
pub mod catalog;
mod choose;
mod classifier;
pub mod inspect;
mod labels;
pub mod list;
mod open;
mod preprocess;
mod probe;
pub mod pull;
pub mod runtime;
mod session;
mod source;

pub use card::Card;
pub use catalog::ModelName;
pub use choose::{Candidate, Choice, FRAMES_AT_ONCE, Measured, Prepared, Trial, Wish, calibration, candidates, choose};
pub use classifier::{Attribution, Classifier};
pub use labels::Labels;
pub use open::{ModelRequest, OpenedModel, open};
pub use preprocess::{ChannelOrder, Layout, Preprocessing, Preprocessor};
pub use probe::{find_shapes, prepare};
pub use source::{Compiled, Source, file_sha256};
