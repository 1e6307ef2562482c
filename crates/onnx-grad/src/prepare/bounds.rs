//! Bounds on what a graph may cost to run once: ONNX Runtime would not return from graphs beyond them.

use std::collections::{HashMap, HashSet};

use crate::error::{Error, Result};
use crate::onnx::{self, GraphProto, NodeProto, TensorProto};

/// The largest number of nodes. ONNX Runtime's time to load a graph grows with the square of their number, and takes
/// 10 s here.
const MAX_NODES: usize = 1 << 15;

/// The deepest nesting of branches and loops. ONNX Runtime's time to load a graph doubles with each level.
const MAX_DEPTH: usize = 12;

/// The largest number of nodes that run, with those of loops counted each time. ONNX Runtime runs about a million a
/// second.
const MAX_STEPS: u64 = 1 << 22;

/// The largest number of nodes that a loop runs to find shapes, if a condition may end it.
const MAX_PROBED_STEPS: u64 = 1 << 16;

/// Checks that a graph runs in seconds, as far as the lengths of its loops are in it or in `known`.
///
/// # Errors
/// [`Error::Graph`] that says which bound it exceeds.
pub fn check(graph: &GraphProto, known: &HashMap<String, i64>) -> Result<()> {
    let nodes = onnx::count_nodes(&graph.node);
    if nodes > MAX_NODES {
        let remedy = "simplify it, or export it without loops written out";
        return Err(Error::Graph(format!("the model has {nodes} nodes, and the limit is {MAX_NODES}; {remedy}")));
    }
    if let Some(node) = graph.node.iter().find(|node| depth(node) > MAX_DEPTH) {
        return Err(Error::Graph(format!(
            "node {} ({}) holds branches or loops nested {} deep, and the limit is {MAX_DEPTH}; export the model again",
            node.label(),
            node.op_type(),
            depth(node)
        )));
    }
    if onnx::count_steps(graph, known) > MAX_STEPS {
        let loops = graph.node.iter().filter(|node| node.subgraphs().next().is_some());
        let labels: Vec<&str> = loops.map(NodeProto::label).take(3).collect();
        return Err(Error::Graph(format!(
            "the loops of the model run more than {MAX_STEPS} nodes ({}); export it with shorter loops",
            labels.join(", ")
        )));
    }
    Ok(())
}

/// Ends loops that a condition may end, or may not, before they run more nodes than the bound, for a run that finds
/// shapes. Returns the values that depend on loops which were limited, and so may be wrong.
pub fn limit_rounds(graph: &mut GraphProto, known: &HashMap<String, i64>) -> HashSet<String> {
    let limited = limit(graph, MAX_PROBED_STEPS, known);
    let mut uncertain: HashSet<String> = HashSet::new();
    for (index, node) in graph.node.iter().enumerate() {
        if limited.contains(&index) || onnx::names_read(node).into_iter().any(|name| uncertain.contains(name)) {
            uncertain.extend(node.output.iter().cloned());
        }
    }
    uncertain
}

/// The positions of the nodes that were limited, or that hold loops which were.
fn limit(graph: &mut GraphProto, budget: u64, outer: &HashMap<String, i64>) -> HashSet<usize> {
    let mut known = outer.clone();
    let constants = onnx::constants(graph).into_iter();
    known.extend(constants.filter_map(|(name, tensor)| Some((name.to_owned(), onnx::single(tensor)?))));
    let (mut limits, mut limited) = (Vec::new(), HashSet::new());
    for (index, node) in graph.node.iter_mut().enumerate().filter(|(_, node)| node.is("Loop")) {
        let Some(body) = node.graph("body").filter(|body| !onnx::goes_on(body)) else { continue };
        let most = budget / onnx::count_steps(body, &known).max(1);
        let endless = node.input.first().is_none_or(String::is_empty);
        let length = node.input.first().and_then(|name| known.get(name)).and_then(|length| u64::try_from(*length).ok());
        if endless || length.is_some_and(|length| length > most) {
            limits.push(limit_length(node, most));
            limited.insert(index);
        }
        let left = budget / most.min(length.unwrap_or(most)).max(1);
        if node.subgraphs_mut().any(|body| !limit(body, left, &known).is_empty()) {
            limited.insert(index);
        }
    }
    graph.initializer.extend(limits);
    limited
}

/// Limits the rounds of a loop by a constant, which is returned.
fn limit_length(node: &mut NodeProto, rounds: u64) -> TensorProto {
    let name = format!("{}/limit", node.label());
    node.input.resize(node.input.len().max(1), String::new());
    node.input[0].clone_from(&name);
    TensorProto::from_integers(&name, &[], &[i64::try_from(rounds).unwrap_or(i64::MAX)])
}

/// How deep the subgraphs of a node are nested.
fn depth(node: &NodeProto) -> usize {
    node.subgraphs().map(|graph| 1 + graph.node.iter().map(depth).max().unwrap_or(0)).max().unwrap_or(0)
}

/// The nodes that make the lengths of the graph's loops, without those that follow a branch or loop. `None` if the
/// lengths are constants.
pub fn loop_lengths(graph: &GraphProto) -> Option<Vec<NodeProto>> {
    let loops = graph.node.iter().filter(|node| node.is("Loop"));
    let mut wanted: HashSet<&str> = loops.filter_map(|node| node.input.first()).map(String::as_str).collect();
    let mut needed = Vec::new();
    for node in graph.node.iter().rev() {
        if node.output.iter().any(|name| wanted.contains(name.as_str())) {
            wanted.extend(onnx::names_read(node));
            needed.push(node);
        }
    }
    let mut late: HashSet<&str> = HashSet::new();
    let mut kept = Vec::new();
    for node in needed.into_iter().rev() {
        let follows = onnx::names_read(node).iter().any(|name| late.contains(name));
        if follows || node.subgraphs().next().is_some() {
            late.extend(node.output.iter().map(String::as_str));
        } else {
            kept.push(node.clone());
        }
    }
    (!kept.is_empty()).then_some(kept)
}
