//! Branches that the picture decides. Their gradient is a branch on the same condition, which computes the values of
//! the taken branch again, so that the other one never runs.

use std::collections::{HashMap, HashSet};

use crate::error::{Error, Result};
use crate::onnx::{self, AttributeProto as Attribute, GraphProto, NameScope, NodeProto, TensorProto, ValueInfoProto};
use crate::tape::{Tape, Tensor};
use crate::types::Shapes;

const BRANCHES: [&str; 2] = ["then_branch", "else_branch"];

/// Gives the values inside branches names of their own and moves their weights out of them.
pub fn open(graph: &mut GraphProto) {
    let mut initializers = Vec::new();
    open_nodes(&mut graph.node, &mut initializers);
    graph.initializer.extend(initializers);
}

fn open_nodes(nodes: &mut [NodeProto], initializers: &mut Vec<TensorProto>) {
    for node in nodes.iter_mut().filter(|node| node.is("If")) {
        let first = node.output.iter().find(|name| !name.is_empty()).cloned().unwrap_or_default();
        for attribute in node.attribute.iter_mut().filter(|attribute| BRANCHES.contains(&attribute.name())) {
            let prefix = format!("{first}/{}", attribute.name());
            let Some(branch) = &mut attribute.g else { continue };
            onnx::hoist_constants(branch);
            let mut names = NameScope::new(prefix, &branch.node);
            let mut body = names.body(branch);
            let results = branch.output.iter().map(|output| names.of(output.name()));
            let values = results
                .enumerate()
                .map(|(index, name)| {
                    ValueInfoProto::named(own_result(&mut body.nodes, name, &names.fresh(&format!("result{index}"))))
                })
                .collect();
            open_nodes(&mut body.nodes, initializers);
            initializers.extend(body.initializers);
            *branch = GraphProto { name: branch.name.clone(), node: body.nodes, output: values, ..Default::default() };
        }
    }
}

/// The result `name` of a branch, or a copy of it named `copy` if no node of the branch makes it: runtimes do not take an
/// outer value or a constant as a result.
fn own_result(nodes: &mut Vec<NodeProto>, name: String, copy: &str) -> String {
    if nodes.iter().any(|node| node.output.contains(&name)) {
        return name;
    }
    nodes.push(NodeProto::new("Identity", copy, vec![name], vec![copy.to_owned()]));
    copy.to_owned()
}

/// The nodes of a graph whose opened branches all run, so that the shapes of their values can be found.
pub fn all_running(nodes: &[NodeProto]) -> Vec<NodeProto> {
    let mut all = Vec::new();
    for node in nodes {
        if !node.is("If") {
            all.push(node.clone());
            continue;
        }
        let mut chosen = node.clone();
        for attribute in chosen.attribute.iter_mut().filter(|attribute| BRANCHES.contains(&attribute.name())) {
            let Some(branch) = &mut attribute.g else { continue };
            all.extend(all_running(&branch.node));
            branch.node.clear();
            for (index, output) in branch.output.iter_mut().enumerate() {
                let name = format!("{}/{}{index}", node.label(), attribute.name.as_deref().unwrap_or_default());
                let input = std::mem::replace(output, ValueInfoProto::named(&name)).name.unwrap_or_default();
                branch.node.push(NodeProto::new("Identity", &name, vec![input], vec![name.clone()]));
            }
        }
        all.push(chosen);
    }
    all
}

/// All nodes in order, each branch before the node that holds it.
pub fn flattened(nodes: &[NodeProto]) -> Vec<&NodeProto> {
    let mut all = Vec::new();
    for node in nodes {
        if node.is("If") {
            all.extend(node.subgraphs().flat_map(|branch| flattened(&branch.node)));
        }
        all.push(node);
    }
    all
}

/// The names of the results of the branches of `node`.
pub fn results(node: &NodeProto) -> impl Iterator<Item = &str> {
    node.subgraphs().flat_map(|branch| &branch.output).map(|output| output.name())
}

/// Whether the branches of an If ran when the shapes were found, and gave values of the same shapes.
pub fn have_shapes(node: &NodeProto, shapes: &Shapes) -> bool {
    let fits = |branch: &GraphProto| {
        branch.output.len() == node.output.len()
            && branch.output.iter().zip(&node.output).all(|(inner, outer)| {
                let [inner, outer] = [inner.name(), outer].map(|name| shapes.tensors.get(name));
                inner.is_some() && inner == outer
            })
    };
    node.subgraphs().all(fits)
}

/// The gradients of the outer values that the branches of `proto` read.
pub fn gradient(
    tape: &mut Tape,
    proto: &NodeProto,
    arriving: &[Option<Tensor>],
    active: &HashSet<String>,
) -> Result<Vec<(String, Tensor)>> {
    let problem = |problem: &str| Error::Graph(format!("node {} (If) {problem}", proto.label()));
    let condition = tape.value(proto.input.first().ok_or_else(|| problem("has no condition"))?)?;
    let mut names: Vec<&str> = onnx::names_captured(proto).filter(|name| active.contains(*name)).collect();
    names.sort_unstable();
    names.dedup();
    let wanted = names.iter().map(|name| tape.value(name)).collect::<Result<Vec<_>>>()?;
    if wanted.iter().any(|value| !value.dtype.is_float()) {
        return Err(problem("reads quantised values of the picture in a branch; export the model without that"));
    }
    let mut attributes = Vec::new();
    for name in BRANCHES {
        let branch = proto.graph(name).ok_or_else(|| problem("lacks a branch"))?;
        attributes.push(Attribute::graph(name, taken(tape, branch, arriving, active, &wanted)?));
    }
    tape.enter(&format!("{}/grad", proto.label()));
    let types = wanted.iter().map(|value| (value.dtype, value.shape.clone())).collect();
    let gradients = tape.emit_many("If", &[&condition], attributes, types);
    Ok(names.into_iter().map(str::to_owned).zip(gradients).collect())
}

/// The branch of the backward pass for `branch`: its own nodes, and the gradients of the `wanted` values.
fn taken(
    tape: &mut Tape,
    branch: &GraphProto,
    arriving: &[Option<Tensor>],
    active: &HashSet<String>,
    wanted: &[Tensor],
) -> Result<GraphProto> {
    let (nodes, outputs) = tape.inside(|tape| {
        branch.node.iter().for_each(|node| tape.copy(node));
        let mut grads = HashMap::new();
        for (output, grad) in branch.output.iter().zip(arriving) {
            if let Some(grad) = grad.as_ref().filter(|_| active.contains(output.name())) {
                tape.accumulate(&mut grads, output.name(), grad.clone());
            }
        }
        for node in branch.node.iter().rev() {
            tape.propagate(node, &mut grads, active)?;
        }
        let gradient = |value: &Tensor| {
            let grad = grads.remove(&value.name).unwrap_or_else(|| tape.zeros(value));
            tape.unary("Identity", &grad).name
        };
        Ok(wanted.iter().map(gradient).collect::<Vec<_>>())
    })?;
    let names: Vec<&str> = outputs.iter().map(String::as_str).collect();
    let output = names.iter().map(|name| ValueInfoProto::named(*name)).collect();
    let mut graph = GraphProto { name: branch.name.clone(), node: nodes, output, ..Default::default() };
    onnx::drop_dead(&mut graph, &names);
    Ok(graph)
}
