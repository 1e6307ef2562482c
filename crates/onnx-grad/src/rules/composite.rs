//! Operators that are differentiated as a composition of simpler ones.

use std::collections::{HashMap, HashSet};

use super::{blocked, rule};
use crate::error::Result;
use crate::onnx::NodeProto;
use crate::tape::{Node, Tape, Tensor};

/// The inputs of a node; `None` for an omitted one.
pub type Inputs = [Option<Tensor>];

/// The gradients of a node's inputs. `forward` writes the node's outputs once more, with operators that have rules. What
/// no gradient needs is dropped later.
pub fn through(
    tape: &mut Tape,
    node: &Node,
    forward: impl FnOnce(&mut Tape, &Inputs) -> Result<Vec<Tensor>>,
) -> Result<Vec<Option<Tensor>>> {
    // Each wanted input gets a name of its own, because a value may be several inputs.
    let own = |(input, wanted): (&Option<Tensor>, &bool)| match input {
        Some(input) if *wanted => Some(tape.unary("Identity", input)),
        input => input.clone(),
    };
    let inputs: Vec<Option<Tensor>> = node.inputs.iter().zip(&node.wanted).map(own).collect();
    let goals: Vec<Option<&Tensor>> =
        inputs.iter().zip(&node.wanted).map(|(input, wanted)| input.as_ref().filter(|_| *wanted)).collect();
    let start = tape.length();
    let outputs = forward(tape, &inputs)?;
    let nodes = tape.nodes_after(start);
    let active = active(tape, node, &nodes, goals.iter().flatten().map(|goal| goal.name.clone()).collect())?;
    let mut grads: HashMap<String, Tensor> = HashMap::new();
    for (output, grad) in outputs.iter().zip(&node.grads) {
        let Some(grad) = grad else { continue };
        let grad = tape.reshape(grad, &output.shape);
        tape.accumulate(&mut grads, &output.name, grad);
    }
    for written in nodes.iter().rev() {
        tape.propagate(written, &mut grads, &active)?;
    }
    let mut found = |goal: &Tensor| grads.remove(&goal.name).unwrap_or_else(|| tape.zeros(goal));
    Ok(goals.into_iter().map(|goal| goal.map(&mut found)).collect())
}

/// The values of the written `nodes` that depend on `reached` and have slopes.
fn active(tape: &Tape, node: &Node, nodes: &[NodeProto], mut reached: HashSet<String>) -> Result<HashSet<String>> {
    for written in nodes.iter().filter(|written| !blocked(written)) {
        if written.input.iter().any(|name| reached.contains(name)) {
            rule(written).ok_or_else(|| node.error("has no gradient at this opset"))?;
            for name in &written.output {
                if tape.value(name)?.dtype.is_float() {
                    reached.insert(name.clone());
                }
            }
        }
    }
    Ok(reached)
}
