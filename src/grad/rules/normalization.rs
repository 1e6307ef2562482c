//! Normalisation with fixed statistics; most is folded into convolutions before any rule is asked.

use super::super::fold::is_foldable;
use super::super::tape::{Node, Tape, Tensor};
use crate::Result;

/// g scale / sqrt(variance + epsilon), one factor a channel.
pub fn batch(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    if !is_foldable(node.proto) {
        return Err(node.error("normalises in training mode; export the model in evaluation mode"));
    }
    if grad.rank() < 2 {
        return Err(node.error("normalises a value without channels"));
    }
    let (scale, variance) = (node.input(1)?, node.input(4)?);
    let epsilon = tape.scalar(variance, f64::from(node.proto.float("epsilon").unwrap_or(1e-5)));
    let shifted = tape.add(variance, &epsilon);
    let deviation = tape.unary("Sqrt", &shifted);
    let factor = tape.div(scale, &deviation);
    let mut shape = vec![1; grad.rank()];
    shape[1] = factor.shape.iter().product();
    let factor = tape.reshape(&factor, &shape);
    Ok(vec![Some(tape.mul(grad, &factor))])
}
