//! Softmax and its logarithm.

use super::axis;
use crate::error::Result;
use crate::tape::{Node, Tape, Tensor};

/// y (g - sum(g y)).
pub fn softmax(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let (shape, along) = distribution(tape, node)?;
    let (y, grad) = (tape.reshape(node.output(0)?, &shape), tape.reshape(grad, &shape));
    let result = through_softmax(tape, &y, &grad, along);
    Ok(vec![Some(tape.reshape(&result, &node.input(0)?.shape))])
}

/// The gradient with respect to the logits of the probabilities `y` along one axis.
pub fn through_softmax(tape: &mut Tape, y: &Tensor, grad: &Tensor, along: usize) -> Tensor {
    let weighted = tape.mul(grad, y);
    let mean = tape.reduce_sum(&weighted, &[along]);
    let centred = tape.sub(grad, &mean);
    tape.mul(y, &centred)
}

/// g - exp(y) sum(g).
pub fn log_softmax(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let (shape, along) = distribution(tape, node)?;
    let (y, grad) = (tape.reshape(node.output(0)?, &shape), tape.reshape(grad, &shape));
    let total = tape.reduce_sum(&grad, &[along]);
    let probability = tape.unary("Exp", &y);
    let share = tape.mul(&probability, &total);
    let result = tape.sub(&grad, &share);
    Ok(vec![Some(tape.reshape(&result, &node.input(0)?.shape))])
}

/// The shape in which the probabilities of `node` sum to one along one axis, and that axis. Before
/// opset 13, all axes from the given one on count as one.
fn distribution(tape: &Tape, node: &Node) -> Result<(Vec<usize>, usize)> {
    let shape = &node.input(0)?.shape;
    let default = if tape.opset() < 13 { 1 } else { -1 };
    let along = axis(node, node.proto.int("axis").unwrap_or(default), shape.len())?;
    if tape.opset() >= 13 {
        return Ok((shape.clone(), along));
    }
    Ok((vec![shape[..along].iter().product(), shape[along..].iter().product()], 1))
}
