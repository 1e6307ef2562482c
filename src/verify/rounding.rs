//! Operators that round what the image decides, so that the score changes in steps.

use std::collections::HashSet;

use onnx_grad::onnx::{self, GraphProto, NodeProto};

/// Operators whose results are rounded.
const ROUNDING: [&str; 6] = ["QuantizeLinear", "DynamicQuantizeLinear", "Round", "Floor", "Ceil", "BitShift"];

/// The first operator that rounds a value that depends on the inputs.
pub fn rounding_operator(graph: &GraphProto) -> Option<String> {
    let weights: HashSet<&str> = graph.initializer.iter().map(|tensor| tensor.name()).collect();
    let inputs = graph.input.iter().map(|input| input.name()).filter(|name| !weights.contains(name));
    let mut varying: HashSet<&str> = inputs.collect();
    for node in &graph.node {
        if onnx::names_read(node).iter().any(|name| varying.contains(name)) {
            if rounds(node) {
                return Some(node.op_type().to_owned());
            }
            varying.extend(node.output.iter().map(String::as_str));
        }
    }
    None
}

fn rounds(node: &NodeProto) -> bool {
    let op = node.op_type();
    // Half precision and integers round, too. Gradient models cast classes, which no gradient passes.
    let to_few_bits = node.is("Cast") && node.int("to").is_some_and(|to| [2, 3, 10, 16].contains(&to));
    ROUNDING.contains(&op) || op.starts_with("QLinear") || to_few_bits
}
