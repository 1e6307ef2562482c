//! See what catches the eye in a video.
//!
//! `salstream` differentiates an ONNX classifier with respect to its input picture. The result consists of ordinary
//! ONNX nodes, which run in stock ONNX Runtime. It also finds the motion that the camera does not explain, and combines
//! both into saliency maps, which it draws over the frames. [`onnx_grad`] and [`model`] are also useful on their own.

mod address;
pub mod annotate;
mod choice;
pub mod cli;
pub mod colour;
pub mod commands;
pub mod error;
pub mod frame;
pub mod fuse;
#[doc(hidden)]
pub mod fuzzing;
pub mod model;
pub mod motion;
pub mod passthrough;
pub mod pipeline;
pub mod platform;
mod raster;
pub mod reframe;
pub mod reporting;
pub mod saliency;
pub mod sink;
pub mod source;
pub mod verify;

pub use error::{Error, Result};
pub use onnx_grad;
