//! Inlines a model's local functions.

use std::collections::HashMap;

use prost::Message;

use super::rename::{InlinedBody, NameScope, count_bytes, count_nodes};
use super::{AttributeProto, FunctionProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto};
use crate::error::{Error, Result};

/// The largest depth of nested function calls.
const DEPTH: usize = 32;

/// The largest number of nodes that a model's functions may expand to.
const NODES: usize = 1 << 18;

/// The largest size that they may expand to, in bytes: that of a file. A small file could take all memory: its functions
/// hold weights, and call each other.
const BYTES: usize = i32::MAX as usize;

/// The nodes and bytes that functions may still expand to.
struct Budget {
    nodes: usize,
    bytes: usize,
}

impl Budget {
    /// What is left after `call` has been replaced with `function`; `None` if it is not enough.
    fn after(&self, function: &FunctionProto, call: &NodeProto) -> Option<Self> {
        let count = count_nodes(&function.node);
        // Each node may refer to an attribute of the call.
        let given = call.attribute.iter().chain(&function.attribute_proto).map(Message::encoded_len).max();
        let bytes = count_bytes(&function.node).saturating_add(given.unwrap_or(0).saturating_mul(count));
        Some(Self { nodes: self.nodes.checked_sub(size(function, call))?, bytes: self.bytes.checked_sub(bytes)? })
    }
}

/// Replaces the nodes that call the model's own functions with the bodies of these functions.
///
/// # Errors
/// [`Error::Graph`] if functions call each other recursively, expand to more than 2^18 nodes or 2 GB, or
/// are written for a different opset than the model.
pub fn inline_functions(model: &mut ModelProto) -> Result<()> {
    let functions = std::mem::take(&mut model.functions);
    for (function, wanted) in functions.iter().flat_map(|f| f.opset_import.iter().map(move |opset| (f, opset))) {
        match model.opset_import.iter().find(|known| domain(known) == domain(wanted)) {
            None => model.opset_import.push(wanted.clone()),
            Some(known) if known.version() == wanted.version() || !domain(known).is_empty() => {}
            Some(known) => {
                return Err(Error::Graph(format!(
                    "the function {} is written for opset {} and the model for {}; export the model again",
                    function.name(),
                    wanted.version(),
                    known.version()
                )));
            }
        }
    }
    let Some(graph) = &mut model.graph else { return Ok(()) };
    let named = functions.iter().rev().map(|f| ((f.domain(), f.name(), f.overload()), f)).collect();
    let mut left = Some(Budget { nodes: NODES, bytes: BYTES });
    for _ in 0..DEPTH {
        let changed = expand(graph, &named, &mut left);
        if left.is_none() {
            break;
        }
        if !changed {
            return Ok(());
        }
    }
    Err(Error::Graph(format!(
        "the model's functions call each other without end, or become more than {NODES} nodes or 2 GB; export the model again"
    )))
}

/// The opset's domain. The standard domain has two names.
fn domain(opset: &OperatorSetIdProto) -> &str {
    if opset.domain() == "ai.onnx" { "" } else { opset.domain() }
}

/// Functions by domain, name and overload.
type Functions<'a> = HashMap<(&'a str, &'a str, &'a str), &'a FunctionProto>;

/// The number of nodes that a call expands to, with the graphs that it hands on as attributes.
fn size(function: &FunctionProto, call: &NodeProto) -> usize {
    let given: Vec<(&str, usize)> = call.attribute.iter().chain(&function.attribute_proto).map(handed_on).collect();
    count_nodes(&function.node).saturating_add(references(&function.node, &given))
}

/// The name of an attribute, and the number of nodes in its graphs.
fn handed_on(attribute: &AttributeProto) -> (&str, usize) {
    let graphs = attribute.g.iter().chain(&attribute.graphs);
    (attribute.name(), graphs.map(|graph| count_nodes(&graph.node)).sum())
}

/// The number of nodes in the graphs that `nodes` take from attributes of the call.
fn references(nodes: &[NodeProto], given: &[(&str, usize)]) -> usize {
    let attributes = nodes.iter().flat_map(|node| &node.attribute);
    let one = |attribute: &AttributeProto| {
        let own = given.iter().find(|(name, _)| *name == attribute.ref_attr_name()).map_or(0, |(_, size)| *size);
        let inner = attribute.g.iter().chain(&attribute.graphs).map(|graph| references(&graph.node, given));
        inner.fold(own, usize::saturating_add)
    };
    attributes.map(one).fold(0, usize::saturating_add)
}

/// Expands every call once, as long as there is a budget `left`, and returns whether there
/// were any calls. Further calls are kept.
fn expand(graph: &mut GraphProto, functions: &Functions, left: &mut Option<Budget>) -> bool {
    let mut changed = false;
    for mut node in std::mem::take(&mut graph.node) {
        let key = (node.domain(), node.op_type(), node.overload());
        let called = functions.get(&key).copied();
        if let Some(function) = called {
            *left = left.as_ref().and_then(|left| left.after(function, &node));
        }
        if let Some(function) = called.filter(|_| left.is_some()) {
            written(function, &node).into_graph(graph);
            changed = true;
            continue;
        }
        for graph in node.subgraphs_mut() {
            changed |= expand(graph, functions, left);
        }
        graph.node.push(node);
    }
    changed
}

/// A function's nodes, with the caller's names and attributes.
fn written(function: &FunctionProto, call: &NodeProto) -> InlinedBody {
    // Output names are unique in a graph and thus safe as prefixes; node names may repeat.
    let prefix = call.output.iter().find(|name| !name.is_empty()).cloned().unwrap_or_default();
    let mut names = NameScope::new(prefix, &function.node);
    names.bind(function.input.iter().map(String::as_str), &call.input);
    let mut nodes = names.nodes(&function.node);
    let given: Vec<&AttributeProto> = call.attribute.iter().chain(&function.attribute_proto).collect();
    nodes.iter_mut().for_each(|node| settle(node, &given));
    let mut written = InlinedBody { nodes, ..Default::default() };
    written.hand_over(function.output.iter().map(|name| names.of(name)), &call.output);
    written
}

/// Replaces attributes that refer to attributes of the call, also in subgraphs. References to
/// attributes that the call does not set are removed.
fn settle(node: &mut NodeProto, given: &[&AttributeProto]) {
    let settled = |own: AttributeProto| match own.ref_attr_name() {
        "" => Some(own),
        name => {
            let found = given.iter().find(|attribute| attribute.name() == name)?;
            Some(AttributeProto { name: own.name.clone(), ..(*found).clone() })
        }
    };
    node.attribute = std::mem::take(&mut node.attribute).into_iter().filter_map(settled).collect();
    node.subgraphs_mut().flat_map(|graph| &mut graph.node).for_each(|node| settle(node, given));
}
