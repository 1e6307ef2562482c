//! ONNX files: the official types, reading and writing them safely, and the graph's order.
//!
//! The types are generated from the official schema (`onnx.proto`, Apache-2.0) and committed.

mod control;
mod copy;
mod file;
mod function;
mod graph;
mod half;
mod model;
mod node;
#[rustfmt::skip]
mod proto;
mod stranger;
mod tensor;

pub use control::{endless_loop, write_out_control_flow};
pub use file::{MAX_IR_VERSION, decode, has_external_data, is_large, load, save};
pub use function::inline_functions;
pub use graph::{constants, hoist_constants, names_read, opset, sort};
pub use half::store_in_half;
pub use proto::tensor_proto::DataType;
pub use proto::*;
pub use stranger::Stranger;
