//! Copies a body's nodes under unique names, to replace the node that contains the body.

use std::collections::HashMap;

use prost::Message;

use super::{GraphProto, NodeProto, TensorProto};

/// The number of nodes, including those of subgraphs.
pub fn count_nodes(nodes: &[NodeProto]) -> usize {
    nodes.len() + nodes.iter().flat_map(NodeProto::subgraphs).map(|graph| count_nodes(&graph.node)).sum::<usize>()
}

/// The size of `nodes` in a file, in bytes: about that in memory.
pub fn count_bytes(nodes: &[NodeProto]) -> usize {
    nodes.iter().map(Message::encoded_len).sum()
}

/// The nodes and initializers that replace a node.
#[derive(Default)]
pub struct InlinedBody {
    pub nodes: Vec<NodeProto>,
    pub initializers: Vec<TensorProto>,
}

impl InlinedBody {
    /// Moves everything into `graph`.
    pub fn into_graph(self, graph: &mut GraphProto) {
        graph.node.extend(self.nodes);
        graph.initializer.extend(self.initializers);
    }

    /// Makes `outputs` aliases of `values`.
    pub fn hand_over(&mut self, values: impl Iterator<Item = String>, outputs: &[String]) {
        let used = values.zip(outputs).filter(|(_, output)| !output.is_empty());
        self.nodes
            .extend(used.map(|(value, output)| NodeProto::new("Identity", output, vec![value], vec![output.clone()])));
    }
}

/// New names for the values of a body.
pub struct NameScope {
    prefix: String,
    map: HashMap<String, String>,
}

impl NameScope {
    /// Adds `prefix` to the names of values that `nodes` produce. Other names do not change.
    pub fn new(prefix: String, nodes: &[NodeProto]) -> Self {
        let made = nodes.iter().flat_map(|node| &node.output).filter(|name| !name.is_empty());
        let map = made.map(|name| (name.clone(), format!("{prefix}/{name}"))).collect();
        Self { prefix, map }
    }

    /// Maps the names `inner` to `outer`. Names without a counterpart are omitted.
    pub fn bind<'a>(&mut self, inner: impl Iterator<Item = &'a str>, outer: &[String]) {
        let mut outer = outer.iter().cloned();
        self.map.extend(inner.map(|name| (name.to_owned(), outer.next().unwrap_or_default())));
    }

    /// The new name of a value.
    pub fn of(&self, name: &str) -> String {
        self.map.get(name).map_or_else(|| name.to_owned(), String::clone)
    }

    /// A name with the prefix of this scope.
    pub fn fresh(&self, name: &str) -> String {
        format!("{}/{name}", self.prefix)
    }

    /// Copies of `nodes`.
    pub fn nodes(&self, nodes: &[NodeProto]) -> Vec<NodeProto> {
        nodes.iter().map(|node| self.renamed(node, true)).collect()
    }

    /// Copies of a subgraph's nodes and initializers.
    pub fn body(&mut self, graph: &GraphProto) -> InlinedBody {
        let own: Vec<String> = graph.initializer.iter().map(|tensor| tensor.name().to_owned()).collect();
        let outer: Vec<String> = own.iter().map(|name| self.fresh(name)).collect();
        self.bind(own.iter().map(String::as_str), &outer);
        let renamed = |tensor: &TensorProto| TensorProto { name: Some(self.of(tensor.name())), ..tensor.clone() };
        InlinedBody { nodes: self.nodes(&graph.node), initializers: graph.initializer.iter().map(renamed).collect() }
    }

    fn renamed(&self, node: &NodeProto, own: bool) -> NodeProto {
        let mut node = node.clone();
        if own && !node.name().is_empty() {
            node.name = Some(self.fresh(node.name()));
        }
        node.input.iter_mut().chain(&mut node.output).for_each(|name| *name = self.of(name));
        for graph in node.subgraphs_mut() {
            graph.node = graph.node.iter().map(|node| self.renamed(node, false)).collect();
            for name in graph.output.iter_mut().filter_map(|output| output.name.as_mut()) {
                *name = self.of(name);
            }
        }
        node
    }
}
