//! Which values matter: those that depend on what is differentiated by, and that the score depends on.

use std::collections::HashSet;

use crate::branches;
use crate::onnx::{self, DataType, GraphProto, NodeProto};
use crate::rules::{blocked, blocks, carrying_outputs};
use crate::tape::Tensor;
use crate::types::{Shapes, TensorType};

/// The names of the values that depend on one of `goals` and that the logits depend on. Weights are never
/// included. The values are floating-point, whatever carries them (tensors, sequences, optional
/// values), or integers that stand for floating-point values: outputs of QuantizeLinear and of
/// operators outside the standard domain, and what is computed from them.
pub fn active(graph: &GraphProto, shapes: &Shapes, logits: &Tensor, goals: &[&str]) -> HashSet<String> {
    // What is not a tensor has no type here, and may hold floating-point values.
    let carries = |name: &str| shapes.tensors.get(name).is_none_or(|kind: &TensorType| may_be_float(kind.dtype));
    let nodes = branches::flattened(&graph.node);
    let mut reached: HashSet<&str> = goals.iter().copied().collect();
    for node in nodes.iter().filter(|node| !blocked(node)) {
        let read: Vec<&str> = names_followed(node).into_iter().filter(|name| reached.contains(name)).collect();
        if !read.is_empty() {
            let quantises = node.is("QuantizeLinear") || node.is("DynamicQuantizeLinear") || !node.is_standard();
            let quantised = quantises || !read.into_iter().all(carries);
            reached.extend(carrying_outputs(node).filter(|name| quantised || carries(name)));
        }
    }
    let mut leading = HashSet::from([logits.name.as_str()]);
    for node in nodes.into_iter().rev() {
        if node.output.iter().any(|name| leading.contains(name.as_str())) {
            leading.extend(names_followed(node));
        }
    }
    reached.intersection(&leading).map(|name| name.to_string()).collect()
}

/// The values that `node` reads, without those through which no gradient passes.
fn names_followed(node: &NodeProto) -> Vec<&str> {
    // The nodes inside the branches are followed one by one.
    if node.is("If") {
        return branches::results(node).collect();
    }
    let inputs = node.input.iter().enumerate().filter(|(index, name)| !name.is_empty() && !blocks(node, *index));
    inputs.map(|(_, name)| name.as_str()).chain(onnx::names_captured(node)).collect()
}

/// Types without a name here include those of 8 bits and less.
fn may_be_float(dtype: DataType) -> bool {
    dtype.is_float() || dtype == DataType::Undefined
}
