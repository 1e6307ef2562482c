//! Operators that move values without changing them.

use super::super::tape::{Node, Tape, Tensor};
use super::axis;
use crate::Result;

/// Any operator that keeps the values in their order.
pub fn reshape(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    Ok(vec![Some(tape.reshape(grad, &node.input(0)?.shape))])
}

/// The gradient of a quantised value stays a floating-point number.
pub fn cast(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let dtype = node.input(0)?.dtype;
    Ok(vec![Some(if dtype.is_float() { tape.cast(grad, dtype) } else { grad.clone() })])
}

pub fn concat(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let along = axis(node, node.proto.int("axis").unwrap_or(1), grad.rank())?;
    let size = |index| -> Result<usize> { Ok(node.input(index)?.shape.get(along).copied().unwrap_or(0)) };
    let sizes = (0..node.inputs.len()).map(size).collect::<Result<Vec<_>>>()?;
    Ok(tape.split(grad, along, &sizes).into_iter().map(Some).collect())
}

pub fn transpose(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let rank = grad.rank();
    let order: Vec<usize> = match node.proto.ints("perm") {
        Some(order) => order.iter().map(|from| axis(node, *from, rank)).collect::<Result<_>>()?,
        None => (0..rank).rev().collect(),
    };
    let mut inverse = vec![0; rank];
    for (to, from) in order.iter().enumerate() {
        inverse[*from] = to;
    }
    Ok(vec![Some(tape.transpose(grad, &inverse))])
}

/// Cuts off what was added; what was cut off (a negative count) gets no gradient.
pub fn pad(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let (x, rank) = (node.input(0)?, grad.rank());
    if !matches!(node.proto.text("mode"), None | Some("constant")) {
        return Err(node.error("pads with other values than a constant, for which there is no gradient yet"));
    }
    let given = match node.inputs.get(1).and_then(Option::as_ref) {
        Some(pads) => tape.integers_of(pads),
        None => node.proto.ints("pads").map(<[i64]>::to_vec),
    };
    let given = given.ok_or_else(|| node.error("has pads that depend on the picture"))?;
    let mut pads = vec![0; 2 * rank];
    let axes = match node.inputs.get(3).and_then(Option::as_ref) {
        Some(axes) => tape.integers_of(axes).ok_or_else(|| node.error("has axes that depend on the picture"))?,
        None => (0..rank as i64).collect(),
    };
    if given.len() != 2 * axes.len() {
        return Err(node.error("has pads that do not fit its input"));
    }
    for (index, along) in axes.iter().enumerate() {
        let along = axis(node, *along, rank)?;
        (pads[along], pads[rank + along]) = (given[index], given[axes.len() + index]);
        if pads[along].abs().max(pads[rank + along].abs()) > i64::from(i32::MAX) {
            return Err(node.error("has pads that do not fit its input"));
        }
    }
    let added = |index: usize| pads[index].max(0) as usize;
    let lost = |index: usize| (-pads[index]).max(0) as usize;
    let ends: Vec<usize> = (0..rank).map(|axis| grad.shape[axis].saturating_sub(added(rank + axis))).collect();
    let kept = tape.slice(grad, &(0..rank).map(added).collect::<Vec<_>>(), &ends);
    let (before, after): (Vec<_>, Vec<_>) = ((0..rank).map(lost).collect(), (rank..2 * rank).map(lost).collect());
    let result = tape.pad(&kept, &before, &after);
    if result.shape == x.shape { Ok(vec![Some(result)]) } else { Err(node.error("has pads that do not fit its input")) }
}
