//! Elementwise arithmetic; operands broadcast, and the walk sums over what was repeated.

use super::super::tape::{Node, Tape, Tensor};
use crate::Result;

pub fn add(_: &mut Tape, _: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    Ok(vec![Some(grad.clone()), Some(grad.clone())])
}

pub fn sum(_: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    Ok(vec![Some(grad.clone()); node.inputs.len()])
}

pub fn sub(tape: &mut Tape, _: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    Ok(vec![Some(grad.clone()), Some(tape.unary("Neg", grad))])
}

pub fn mul(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let (a, b) = (node.input(0)?, node.input(1)?);
    Ok(vec![Some(tape.mul(grad, b)), Some(tape.mul(grad, a))])
}

/// d(a/b) = da/b - (a/b) db/b.
pub fn div(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let over = tape.div(grad, node.input(1)?);
    let by_divisor = tape.mul(&over, node.output(0)?);
    Ok(vec![Some(over), Some(tape.unary("Neg", &by_divisor))])
}
