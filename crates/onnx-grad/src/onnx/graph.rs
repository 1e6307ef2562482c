//! The order and the names of a graph's nodes and values.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::{GraphProto, ModelProto, NodeProto, TensorProto};
use crate::error::{Error, Result};

/// Every name that `node` reads: its inputs, and the outer values that its subgraphs use.
pub fn names_read(node: &NodeProto) -> Vec<&str> {
    let mut names: Vec<&str> = node.input.iter().map(String::as_str).filter(|name| !name.is_empty()).collect();
    names.extend(names_captured(node));
    names
}

/// The outer values that the subgraphs of `node` use.
pub fn names_captured(node: &NodeProto) -> impl Iterator<Item = &str> {
    node.subgraphs().flat_map(captured)
}

/// The names that a subgraph uses without defining them.
fn captured(graph: &GraphProto) -> Vec<&str> {
    let own: HashSet<&str> =
        defined(graph).chain(graph.node.iter().flat_map(|n| &n.output).map(String::as_str)).collect();
    let read = graph.node.iter().flat_map(names_read).chain(graph.output.iter().map(|output| output.name()));
    read.filter(|name| !own.contains(name)).collect()
}

/// The standard opset that the model imports, or 1 if it imports none.
pub fn opset(model: &ModelProto) -> i64 {
    let standard = model.opset_import.iter().find(|opset| matches!(opset.domain(), "" | "ai.onnx"));
    standard.map_or(1, |opset| opset.version())
}

/// The names that exist before any node has run.
fn defined(graph: &GraphProto) -> impl Iterator<Item = &str> {
    let sparse = graph.sparse_initializer.iter().filter_map(|tensor| tensor.values.as_ref());
    graph
        .input
        .iter()
        .map(|input| input.name())
        .chain(graph.initializer.iter().chain(sparse).map(|tensor| tensor.name()))
}

/// The tensors that are part of the model, by name: initializers and the values of Constant nodes.
pub fn constants(graph: &GraphProto) -> HashMap<&str, &TensorProto> {
    let nodes = graph.node.iter().filter(|node| node.is("Constant"));
    let nodes = nodes.filter_map(|node| Some((node.output.first()?.as_str(), node.tensor("value")?)));
    graph.initializer.iter().map(|tensor| (tensor.name(), tensor)).chain(nodes).collect()
}

/// Converts the tensors of Constant nodes to initializers.
pub fn hoist_constants(graph: &mut GraphProto) {
    for mut node in std::mem::take(&mut graph.node) {
        let name = node.output.first().cloned();
        let held = node.attribute.iter_mut().find(|attribute| attribute.name() == "value");
        match held.and_then(|attribute| attribute.t.take_if(|_| node.op_type.as_deref() == Some("Constant"))) {
            Some(tensor) => graph.initializer.push(TensorProto { name, ..tensor }),
            None => graph.node.push(node),
        }
    }
}

/// Sorts the nodes topologically. Nodes that are already in order keep it.
///
/// # Errors
/// [`Error::Graph`] if no node or more than one node produces a tensor, or if the graph has a
/// cycle.
pub fn sort(graph: &mut GraphProto) -> Result<()> {
    let order = order(graph)?;
    let mut nodes: Vec<_> = std::mem::take(&mut graph.node).into_iter().map(Some).collect();
    graph.node = order.into_iter().filter_map(|index| nodes[index].take()).collect();
    Ok(())
}

fn order(graph: &GraphProto) -> Result<Vec<usize>> {
    let known: HashSet<&str> = defined(graph).collect();
    let maker = makers(graph)?;
    let mut waiting = vec![0usize; graph.node.len()];
    let mut readers: Vec<Vec<usize>> = vec![Vec::new(); graph.node.len()];
    for (index, node) in graph.node.iter().enumerate() {
        for name in names_read(node).into_iter().filter(|name| !known.contains(name)) {
            let from = maker.get(name).ok_or_else(|| missing(node, name))?;
            readers[*from].push(index);
            waiting[index] += 1;
        }
    }
    let mut ready: BTreeSet<usize> = (0..waiting.len()).filter(|index| waiting[*index] == 0).collect();
    let mut order = Vec::with_capacity(waiting.len());
    while let Some(index) = ready.pop_first() {
        order.push(index);
        for reader in &readers[index] {
            waiting[*reader] -= 1;
            if waiting[*reader] == 0 {
                ready.insert(*reader);
            }
        }
    }
    match waiting.iter().position(|count| *count > 0) {
        Some(index) => Err(Error::Graph(format!(
            "the graph has a cycle through node {} ({}); export the model again",
            graph.node[index].label(),
            graph.node[index].op_type()
        ))),
        None => Ok(order),
    }
}

fn makers(graph: &GraphProto) -> Result<HashMap<&str, usize>> {
    let mut makers = HashMap::new();
    for (index, node) in graph.node.iter().enumerate() {
        for name in node.output.iter().filter(|name| !name.is_empty()) {
            if makers.insert(name.as_str(), index).is_some() {
                return Err(Error::Graph(format!("two nodes make the tensor {name}; export the model again")));
            }
        }
    }
    Ok(makers)
}

fn missing(node: &NodeProto, name: &str) -> Error {
    Error::Graph(format!(
        "node {} ({}) reads the tensor {name}, which nothing makes; export the model again",
        node.label(),
        node.op_type()
    ))
}

/// Drops every node and initializer that none of `outputs` needs.
pub fn drop_dead(graph: &mut GraphProto, outputs: &[&str]) {
    let mut needed: HashSet<String> = outputs.iter().map(|name| name.to_string()).collect();
    let mut live = vec![false; graph.node.len()];
    for (index, node) in graph.node.iter().enumerate().rev() {
        if node.output.iter().any(|name| needed.contains(name)) {
            live[index] = true;
            needed.extend(names_read(node).into_iter().map(str::to_owned));
        }
    }
    let mut live = live.into_iter();
    graph.node.retain(|_| live.next() == Some(true));
    graph.initializer.retain(|tensor| needed.contains(tensor.name()));
    graph.sparse_initializer.retain(|tensor| tensor.values.as_ref().is_some_and(|v| needed.contains(v.name())));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::onnx::{DataType, ValueInfoProto};

    fn graph(nodes: &[(&str, &[&str], &str)]) -> GraphProto {
        let node = |(name, inputs, output): &(&str, &[&str], &str)| {
            NodeProto::new("Sum", name, inputs.iter().map(|i| i.to_string()).collect(), vec![output.to_string()])
        };
        GraphProto {
            node: nodes.iter().map(node).collect(),
            input: vec![ValueInfoProto::fixed("x", DataType::Float, &[1])],
            ..Default::default()
        }
    }

    #[test]
    fn nodes_follow_what_they_read() {
        let mut graph = graph(&[("c", &["b", "a"], "y"), ("b", &["a"], "b"), ("a", &["x"], "a")]);
        sort(&mut graph).unwrap();
        assert_eq!(graph.node.iter().map(|node| node.name()).collect::<Vec<_>>(), ["a", "b", "c"]);
    }

    #[test]
    fn cycles_and_missing_tensors_are_named() {
        let cycle = sort(&mut graph(&[("a", &["x", "b"], "a"), ("b", &["a"], "b")])).unwrap_err().to_string();
        assert!(cycle.contains("cycle through node a"), "{cycle}");
        let missing = sort(&mut graph(&[("a", &["x", "z"], "a")])).unwrap_err().to_string();
        assert!(missing.contains("node a (Sum) reads the tensor z"), "{missing}");
        assert!(sort(&mut graph(&[("a", &["x"], "a"), ("b", &["x"], "a")])).is_err());
    }
}
