//! See what catches the eye in a video.
//!
//! `salstream` differentiates an ONNX classifier with respect to its input picture, as ordinary ONNX nodes that stock
//! ONNX Runtime runs, finds the motion that the camera does not explain, and fuses both into saliency maps drawn over
//! the frames. [`onnx_grad`] and [`model`] are of use on their own.

pub mod annotate;
pub mod batch;
pub mod bench;
pub mod cli;
pub mod commands;
pub mod config;
pub mod doctor;
pub mod error;
pub mod eval;
mod ffmpeg;
pub mod frame;
pub mod fuse;
pub mod home;
mod html;
pub mod keyframes;
pub mod live;
pub mod machine;
pub mod model;
pub mod motion;
mod path;
pub mod pipeline;
mod raster;
pub mod report;
pub mod run;
pub mod runtime;
pub mod saliency;
pub mod sink;
pub mod source;
pub mod verify;

pub use error::{Error, Result};
pub use onnx_grad;
