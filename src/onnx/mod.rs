//! ONNX files: the official types, reading and writing them safely, and the graph's order.
//!
//! The types are generated from the official schema (`onnx.proto`, Apache-2.0) and committed.

mod file;
mod graph;
mod node;
#[rustfmt::skip]
mod proto;
mod tensor;

pub use file::{MAX_IR_VERSION, decode, load, save};
pub use graph::{constants, names_read, sort};
pub use proto::tensor_proto::DataType;
pub use proto::*;
