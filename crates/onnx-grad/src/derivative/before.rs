//! Takes apart a graph at a value inside it.

use std::collections::HashSet;

use crate::onnx::{self, GraphProto, NodeProto, TensorProto};

/// The nodes that lead to a value, and the weights that they read.
pub struct Before {
    nodes: Vec<NodeProto>,
    initializers: Vec<TensorProto>,
}

/// Takes the nodes that lead to `value` out of a sorted graph.
pub fn take(graph: &mut GraphProto, value: &str) -> Before {
    let mut wanted: HashSet<String> = HashSet::from([value.to_owned()]);
    let mut before = vec![false; graph.node.len()];
    for (index, node) in graph.node.iter().enumerate().rev() {
        if node.output.iter().any(|name| wanted.contains(name)) {
            before[index] = true;
            wanted.extend(onnx::names_read(node).into_iter().map(str::to_owned));
        }
    }
    let mut before = before.into_iter();
    let (nodes, rest) = std::mem::take(&mut graph.node).into_iter().partition(|_| before.next() == Some(true));
    graph.node = rest;
    let tensors = std::mem::take(&mut graph.initializer).into_iter();
    let (initializers, rest) = tensors.partition(|tensor| wanted.contains(tensor.name()));
    graph.initializer = rest;
    Before { nodes, initializers }
}

impl Before {
    /// Puts the nodes before those of `graph`.
    pub fn put_back(self, graph: &mut GraphProto) {
        graph.node.splice(0..0, self.nodes);
        graph.initializer.extend(self.initializers);
    }
}
