//! See what catches the eye in a video.
//!
//! `salstream` differentiates an ONNX classifier with respect to its input picture, as ordinary ONNX nodes that stock
//! ONNX Runtime runs, finds the motion that the camera does not explain, and fuses both into saliency maps drawn over
//! the frames. [`onnx_grad`] and [`model`] are of use on their own.

pub mod annotate;
mod choice;
pub mod cli;
pub mod commands;
pub mod error;
pub mod frame;
pub mod fuse;
pub mod model;
pub mod motion;
pub mod pipeline;
pub mod platform;
mod raster;
pub mod reporting;
pub mod saliency;
pub mod sink;
pub mod source;
pub mod verify;

pub use error::{Error, Result};
pub use onnx_grad;
