//! Operators that are differentiated as a composition of simpler ones.

use std::collections::{HashMap, HashSet};

use super::rule;
use crate::backward::{blocked, propagate};
use crate::error::Result;
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
    let named = |(input, wanted): (&Option<Tensor>, &bool)| input.as_ref().filter(|_| *wanted).map(|x| x.name.clone());
    let mut active: HashSet<String> = inputs.iter().zip(&node.wanted).filter_map(named).collect();
    let start = tape.length();
    let outputs = forward(tape, &inputs)?;
    let nodes = tape.nodes_after(start);
    for written in nodes.iter().filter(|written| !blocked(written)) {
        if written.input.iter().any(|name| active.contains(name)) {
            rule(written).ok_or_else(|| node.error("has no gradient at this opset"))?;
            for name in &written.output {
                if tape.value(name)?.dtype.is_float() {
                    active.insert(name.clone());
                }
            }
        }
    }
    let mut grads: HashMap<String, Tensor> = HashMap::new();
    for (output, grad) in outputs.iter().zip(&node.grads) {
        if let Some(grad) = grad {
            grads.insert(output.name.clone(), tape.reshape(grad, &output.shape));
        }
    }
    for written in nodes.iter().rev() {
        propagate(tape, written, &mut grads, &active)?;
    }
    let mut found = Vec::new();
    for (input, wanted) in inputs.iter().zip(&node.wanted) {
        found.push(match input {
            Some(input) if *wanted => Some(match grads.remove(&input.name) {
                Some(grad) => grad,
                None => tape.zeros(input),
            }),
            _ => None,
        });
    }
    Ok(found)
}
