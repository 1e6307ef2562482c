//! Losses.

use super::composite::{Inputs, through};
use crate::error::Result;
use crate::onnx::{DataType, TensorProto};
use crate::tape::{Node, Tape, Tensor};

pub fn negative_log_likelihood(tape: &mut Tape, node: &Node, _: &Tensor) -> Result<Vec<Option<Tensor>>> {
    through(tape, node, |tape, inputs| {
        let x = inputs.first().cloned().flatten().ok_or_else(|| node.error("lacks input 0"))?;
        Ok(vec![loss(tape, node, &x, inputs)?])
    })
}

/// The loss of the logarithms of a softmax over the classes, which are the second output.
pub fn softmax_cross_entropy(tape: &mut Tape, node: &Node, _: &Tensor) -> Result<Vec<Option<Tensor>>> {
    through(tape, node, |tape, inputs| {
        let x = inputs.first().cloned().flatten().ok_or_else(|| node.error("lacks input 0"))?;
        if x.rank() < 2 {
            return Err(node.error("has scores without classes"));
        }
        let total = tape.reduce(&x, "ReduceLogSumExp", &[1]);
        let logarithms = tape.sub(&x, &total);
        let loss = loss(tape, node, &logarithms, inputs)?;
        Ok(vec![loss, logarithms])
    })
}

/// The loss of the logarithms `x` of probabilities, weighted and reduced as the attributes state.
fn loss(tape: &mut Tape, node: &Node, x: &Tensor, inputs: &Inputs) -> Result<Tensor> {
    let target = node.input(1)?;
    let (Some(classes), true) = (x.shape.get(1).copied(), target.rank() + 1 == x.rank()) else {
        return Err(node.error("has targets that do not fit its input"));
    };
    let hit = hit(tape, node, x, target, classes)?;
    let weight = match inputs.get(2).and_then(Option::as_ref) {
        Some(weight) => {
            let shape: Vec<usize> = (0..x.rank()).map(|axis| if axis == 1 { classes } else { 1 }).collect();
            let weight = tape.reshape(weight, &shape);
            tape.mul(&hit, &weight)
        }
        None => hit,
    };
    let chosen = tape.mul(x, &weight);
    let losses = tape.reduce_sum(&chosen, &[1]);
    let losses = tape.unary("Neg", &losses);
    let all: Vec<usize> = (0..x.rank()).collect();
    Ok(match node.proto.text("reduction").unwrap_or("mean") {
        "none" => tape.reshape(&losses, &target.shape),
        "sum" => tape.reduce_sum(&losses, &all),
        "mean" => {
            let (sum, count) = (tape.reduce_sum(&losses, &all), tape.reduce_sum(&weight, &all));
            tape.div(&sum, &count)
        }
        other => return Err(node.error(&format!("reduces by {other}, for which there is no gradient"))),
    })
}

/// 1 for the target's class, and 0 for the other classes and for targets to ignore.
fn hit(tape: &mut Tape, node: &Node, x: &Tensor, target: &Tensor, classes: usize) -> Result<Tensor> {
    let mut shape = x.shape.clone();
    shape[1] = 1;
    let target = tape.cast(target, DataType::Int64);
    let target = tape.reshape(&target, &shape);
    let sizes: Vec<usize> = (0..x.rank()).map(|axis| if axis == 1 { classes } else { 1 }).collect();
    let ids: Vec<i64> = (0..classes as i64).collect();
    let ids = tape.constant(TensorProto::from_integers("", &sizes, &ids));
    let mut hit = tape.compare("Equal", &target, &ids);
    if let Some(ignored) = node.proto.int("ignore_index") {
        let ignored = tape.constant(TensorProto::from_integers("", &[], &[ignored]));
        let same = tape.compare("Equal", &target, &ignored);
        let counts = tape.unary("Not", &same);
        hit = tape.compare("And", &hit, &counts);
    }
    Ok(tape.cast(&hit, x.dtype))
}
