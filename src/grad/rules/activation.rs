//! Activations.

use super::super::Variant;
use super::super::tape::{Node, Tape, Tensor};
use super::axis;
use crate::Result;
use crate::onnx::{AttributeProto as Attribute, DataType};

/// Passes the gradient where the output is positive: at exactly 0 it is 0.
pub fn relu(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    Ok(vec![Some(positive(tape, node.output(0)?, grad))])
}

/// `grad` where `y` is positive, else 0.
///
/// ONNX Runtime multiplies faster than it selects (see the crate's measurements); a steep HardSigmoid is the mask. It is
/// wrong in OpenVINO, and exists for single precision only.
fn positive(tape: &mut Tape, y: &Tensor, grad: &Tensor) -> Tensor {
    if tape.variant() == Variant::OnnxRuntime && y.dtype == DataType::Float {
        let steep = vec![Attribute::float("alpha", 3e38), Attribute::float("beta", 0.0)];
        let mask = tape.emit("HardSigmoid", &[y], steep, y.dtype, y.shape.clone());
        return tape.mul(grad, &mask);
    }
    let zero = tape.scalar(y, 0.0);
    let mask = tape.compare("Greater", y, &zero);
    tape.keep(&mask, grad)
}

/// Passes the gradient strictly inside the bounds.
pub fn clip(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let x = node.input(0)?;
    let mut bound = |index: usize, name: &str| match node.inputs.get(index).cloned().flatten() {
        Some(bound) => Some(bound),
        None => node.proto.float(name).map(|value| tape.scalar(x, f64::from(value))),
    };
    let (low, high) = (bound(1, "min"), bound(2, "max"));
    let above = low.map(|low| tape.compare("Greater", x, &low));
    let below = high.map(|high| tape.compare("Less", x, &high));
    let inside = match (above, below) {
        (Some(above), Some(below)) => Some(tape.compare("And", &above, &below)),
        (above, below) => above.or(below),
    };
    Ok(vec![Some(inside.map_or_else(|| grad.clone(), |inside| tape.keep(&inside, grad)))])
}

/// g y (1 - y).
pub fn sigmoid(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let y = node.output(0)?;
    let one = tape.scalar(y, 1.0);
    let rest = tape.sub(&one, y);
    let slope = tape.mul(y, &rest);
    Ok(vec![Some(tape.mul(grad, &slope))])
}

/// y (g - sum(g y)).
pub fn softmax(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let (shape, along) = distribution(tape, node)?;
    let (y, grad) = (tape.reshape(node.output(0)?, &shape), tape.reshape(grad, &shape));
    let weighted = tape.mul(&grad, &y);
    let mean = tape.reduce_sum(&weighted, &[along]);
    let centred = tape.sub(&grad, &mean);
    let result = tape.mul(&y, &centred);
    Ok(vec![Some(tape.reshape(&result, &node.input(0)?.shape))])
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

/// The shape in which the probabilities of `node` sum to one along one axis, and that axis. Before opset 13 all axes from
/// the given one on counted as one.
fn distribution(tape: &Tape, node: &Node) -> Result<(Vec<usize>, usize)> {
    let shape = &node.input(0)?.shape;
    let default = if tape.opset() < 13 { 1 } else { -1 };
    let along = axis(node, node.proto.int("axis").unwrap_or(default), shape.len())?;
    if tape.opset() >= 13 {
        return Ok((shape.clone(), along));
    }
    Ok((vec![shape[..along].iter().product(), shape[along..].iter().product()], 1))
}
