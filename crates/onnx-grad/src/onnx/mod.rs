//! ONNX files: the official types, safe reading and writing, and the graph's order.
//!
//! The types are generated from the official schema (`onnx.proto`, Apache-2.0) and committed.

mod control_flow;
mod file;
mod fp16;
mod function;
mod graph;
mod metadata;
mod node;
mod rename;
// Generated; the schema documents them.
#[allow(missing_docs)]
#[rustfmt::skip]
mod proto;
mod sniff;
mod tensor;

pub(crate) use control_flow::goes_on;
pub use control_flow::{count_steps, endless_loop, single, write_out_control_flow};
pub use file::{MAX_IR_VERSION, decode, has_external_data, is_large, load, save};
pub use fp16::store_in_half;
pub use function::inline_functions;
pub(crate) use graph::drop_dead;
pub use graph::{constants, hoist_constants, names_captured, names_read, opset, sort};
pub use proto::tensor_proto::DataType;
pub use proto::*;
pub(crate) use rename::NameScope;
pub use rename::count_nodes;
pub use sniff::NotAModel;
