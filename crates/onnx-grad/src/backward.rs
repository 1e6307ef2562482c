//! The backward pass from the score to the image: which nodes matter, and how gradients add up.

use std::collections::{HashMap, HashSet};

use crate::active::active;
use crate::branches;
use crate::error::{Error, Result};
use crate::normal_form::write_out;
use crate::onnx::{self, DataType, GraphProto, NodeProto};
use crate::rules::{Rule, SEVERAL_OUTPUTS, blocks, rule};
use crate::tape::{Node, Tape, Tensor};
use crate::types::Shapes;

/// Writes the gradient of the score (the logits and their gradient) with respect to `goal`: the
/// image or a layer.
pub fn gradient(
    tape: &mut Tape,
    graph: &GraphProto,
    shapes: &Shapes,
    score: &(Tensor, Tensor),
    goal: &str,
) -> Result<Tensor> {
    let found = gradients(tape, graph, shapes, score, &[goal])?.swap_remove(0);
    found.ok_or_else(|| unreached(goal, shapes))
}

/// The gradients with respect to several goals, which may lie behind each other. `None` for a goal that no gradient
/// reaches.
pub fn gradients(
    tape: &mut Tape,
    graph: &GraphProto,
    shapes: &Shapes,
    score: &(Tensor, Tensor),
    goals: &[&str],
) -> Result<Vec<Option<Tensor>>> {
    let active = active(graph, shapes, &score.0, goals);
    // No gradient has to pass nodes that only lead to the goals.
    let behind = |node: &&NodeProto| {
        let leads = |name: &str| active.contains(name);
        node.output.iter().any(|name| leads(name)) && onnx::names_read(node).into_iter().any(leads)
    };
    let nodes: Vec<&NodeProto> = graph.node.iter().filter(behind).collect();
    let all: Vec<&NodeProto> = branches::flattened(&graph.node).into_iter().filter(behind).collect();
    refuse_unknown(tape, &all, shapes)?;
    refuse_types(shapes, &active)?;
    walk(tape, &nodes, &active, score, goals)
}

/// The error that no gradient reaches `goal`.
pub fn unreached(goal: &str, shapes: &Shapes) -> Error {
    let what = if goal == shapes.image { "the image" } else { goal };
    Error::Graph(format!("the score does not depend on {what} through differentiable operators; no gradient"))
}

/// Returns an error that names all operators without a rule between the image and the score.
fn refuse_unknown(tape: &mut Tape, nodes: &[&NodeProto], shapes: &Shapes) -> Result<()> {
    let opset = tape.opset();
    if let Some(problem) = nodes.iter().find_map(|node| write_out::problem(tape, node)) {
        return Err(problem);
    }
    let unknown: Vec<String> = nodes
        .iter()
        .filter(|node| if node.is("If") { !branches::have_shapes(node, shapes) } else { rule(node).is_none() })
        .map(|node| match node.domain() {
            "" if let Some(reason) = reason(node) => format!("{} (node {}, {reason})", node.op_type(), node.label()),
            "" => format!("{} (node {})", node.op_type(), node.label()),
            domain => format!("{domain}::{} (node {})", node.op_type(), node.label()),
        })
        .collect();
    if unknown.is_empty() {
        return Ok(());
    }
    Err(Error::Graph(format!(
        "no gradient is known for {} operator{} between image and score, at opset {opset}: {}; export the model with \
         other operators or another opset, or use --method grad-cam with a --layer after them",
        unknown.len(),
        if unknown.len() == 1 { "" } else { "s" },
        unknown.join(", ")
    )))
}

/// Why an operator with a body has no gradient, though others of its kind have.
fn reason(node: &NodeProto) -> Option<&'static str> {
    let reasons = [
        ("If", "whose branches give values of different shapes, or do not run on a black picture"),
        ("Loop", "which the picture may end, and which may run more than 64 rounds or collects values"),
        ("Scan", "whose length is not known"),
    ];
    reasons.into_iter().find(|(op, _)| node.is(op)).map(|(_, reason)| reason)
}

/// Returns an error if the graph computes in half precision, or in a type that is not supported, between the image and
/// the score.
fn refuse_types(shapes: &Shapes, active: &HashSet<String>) -> Result<()> {
    let problem = |name: &String| match shapes.tensors.get(name)?.dtype {
        DataType::Float16 | DataType::Bfloat16 => Some(format!("{name} is in half precision")),
        DataType::Undefined => Some(format!("{name} has an element type for which no gradient is known")),
        _ => None,
    };
    match active.iter().filter_map(problem).min() {
        Some(problem) => Err(Error::Graph(format!("{problem}; prepare the model, or export it in float32"))),
        None => Ok(()),
    }
}

/// Propagates the score's gradient back to the goals.
fn walk(
    tape: &mut Tape,
    nodes: &[&NodeProto],
    active: &HashSet<String>,
    (logits, seed): &(Tensor, Tensor),
    goals: &[&str],
) -> Result<Vec<Option<Tensor>>> {
    tape.propagate_by(propagate);
    let mut passed: HashMap<&str, Tensor> = HashMap::new();
    let mut grads: HashMap<String, Tensor> = HashMap::from([(logits.name.clone(), seed.clone())]);
    for proto in nodes.iter().rev() {
        for goal in goals.iter().filter(|goal| proto.output.iter().any(|output| output == *goal)) {
            passed.extend(grads.get(*goal).map(|grad| (*goal, grad.clone())));
        }
        propagate(tape, proto, &mut grads, active)?;
    }
    Ok(goals.iter().map(|goal| passed.get(goal).or_else(|| grads.get(*goal)).cloned()).collect())
}

/// Replaces the gradients of a node's outputs with those of the values that it reads.
fn propagate(
    tape: &mut Tape,
    proto: &NodeProto,
    grads: &mut HashMap<String, Tensor>,
    active: &HashSet<String>,
) -> Result<()> {
    let arriving: Vec<Option<Tensor>> = proto.output.iter().map(|name| grads.remove(name)).collect();
    if arriving.iter().all(Option::is_none) {
        return Ok(());
    }
    tape.enter(&format!("{}/grad", proto.label()));
    let passed = match rule(proto) {
        Some(rule) => step(tape, rule, proto, arriving, active)?,
        None if proto.is("If") => branches::gradient(tape, proto, &arriving, active)?,
        None => return Ok(()),
    };
    for (input, grad) in passed {
        tape.accumulate(grads, &input, grad);
    }
    match tape.problem() {
        Some(problem) => Err(Error::Graph(format!("node {} ({}) {problem}", proto.label(), proto.op_type()))),
        None => Ok(()),
    }
}

/// Applies one rule and returns the gradients of the node's active inputs, each in its input's
/// shape.
fn step(
    tape: &mut Tape,
    rule: Rule,
    proto: &NodeProto,
    grads: Vec<Option<Tensor>>,
    active: &HashSet<String>,
) -> Result<Vec<(String, Tensor)>> {
    let wanted = proto.input.iter().map(|name| active.contains(name)).collect();
    let node = Node::of(tape, proto, grads, wanted)?;
    if node.grads.iter().skip(1).any(Option::is_some) && !SEVERAL_OUTPUTS.contains(&proto.op_type()) {
        return Err(node.error("uses its second output for the score, for which no gradient is known"));
    }
    let grad = match &node.grads[0] {
        Some(grad) => tape.rectified(proto, grad),
        None => tape.zeros(node.output(0)?),
    };
    let results = rule(tape, &node, &grad)?;
    let mut out = Vec::new();
    for (index, input) in node.inputs.iter().enumerate() {
        let followed = |input: &&Tensor| active.contains(&input.name) && !blocks(proto, index);
        let Some(input) = input.as_ref().filter(followed) else { continue };
        let Some(grad) = results.get(index).cloned().flatten() else {
            let problem = format!("has no gradient with respect to input {index} ({})", input.name);
            return Err(node.error(&format!("{problem}, which depends on the image; export the model without it")));
        };
        out.push((input.name.clone(), unbroadcast(tape, grad, &input.shape)));
    }
    Ok(out)
}

/// Sums `grad` over the axes along which an operand of `shape` was repeated.
fn unbroadcast(tape: &mut Tape, grad: Tensor, shape: &[usize]) -> Tensor {
    if grad.shape == shape {
        return grad;
    }
    let Some(added) = grad.rank().checked_sub(shape.len()) else { return tape.reshape(&grad, shape) };
    let repeated = |axis: &usize| *axis < added || (shape[axis - added] == 1 && grad.shape[*axis] != 1);
    let axes: Vec<usize> = (0..grad.rank()).filter(repeated).collect();
    let summed = if axes.is_empty() { grad } else { tape.reduce_sum(&grad, &axes) };
    tape.reshape(&summed, shape)
}
