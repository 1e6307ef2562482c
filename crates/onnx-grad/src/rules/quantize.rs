//! Quantisation with the straight-through estimator (Bengio, Leonard and Courville 2013): rounding
//! counts as the identity, and saturated values get no gradient. The gradient of a quantised value
//! has the floating-point type of the scale.

use super::{axis, conv, linear};
use crate::error::Result;
use crate::onnx::{DataType, NodeProto};
use crate::tape::{Node, Tape, Tensor};

/// g / scale where the input is less than half a level outside the range of the type.
pub fn quantize(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let (x, y) = (node.input(0)?, node.output(0)?);
    let (low, high) = match y.dtype {
        DataType::Int8 => (-128.0, 127.0),
        DataType::Uint8 => (0.0, 255.0),
        DataType::Int16 => (-32768.0, 32767.0),
        DataType::Uint16 => (0.0, 65535.0),
        _ => return Err(node.error("quantises to a type other than 8 or 16 bit integers; export the model without it")),
    };
    let scale = parameter(tape, node, 1)?;
    let scale = tape.cast(&scale, x.dtype);
    let (mut low, mut high) = (tape.scalar(x, low - 0.5), tape.scalar(x, high + 0.5));
    if node.inputs.get(2).is_some_and(Option::is_some) {
        let zero_point = parameter(tape, node, 2)?;
        let zero_point = tape.cast(&zero_point, x.dtype);
        (low, high) = (tape.sub(&low, &zero_point), tape.sub(&high, &zero_point));
    }
    // Runtimes fold the bounds when they load the model.
    let (low, high) = (tape.mul(&low, &scale), tape.mul(&high, &scale));
    let (above, below) = (tape.compare("Greater", x, &low), tape.compare("Less", x, &high));
    let inside = tape.compare("And", &above, &below);
    let over = tape.div(grad, &scale);
    Ok(vec![Some(tape.keep(&inside, &over))])
}

/// g scale, and g y / scale for the scale.
pub fn dequantize(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let scale = parameter(tape, node, 1)?;
    let mut grads = vec![Some(tape.mul(grad, &scale))];
    if node.wanted.get(1) == Some(&true) {
        let level = tape.div(node.output(0)?, &scale);
        let by_scale = tape.mul(grad, &level);
        let summed = |axis: &usize| scale.rank() != grad.rank() || scale.shape[*axis] == 1;
        let axes: Vec<usize> = (0..grad.rank()).filter(summed).collect();
        let by_scale = if axes.is_empty() { by_scale } else { tape.reduce_sum(&by_scale, &axes) };
        grads.push(Some(tape.reshape(&by_scale, &node.input(1)?.shape)));
    }
    Ok(grads)
}

/// g / scale. The scale and the zero point follow the smallest and the largest value, so nothing saturates, and what
/// passes through them cancels where the result is scaled back. A scale that is used without the levels has a gradient of
/// its own: it is the range of the values and 0, divided by 255.
pub fn dynamic(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let Some(by_scale) = node.grads.get(1).cloned().flatten().filter(|_| node.grads[0].is_none()) else {
        return Ok(vec![Some(tape.div(grad, node.output(1)?))]);
    };
    let step = tape.scale(&by_scale, 1.0 / 255.0);
    let (above, below) = (end(tape, node, "ReduceMax", "Greater")?, end(tape, node, "ReduceMin", "Less")?);
    let slope = tape.sub(&above, &below);
    Ok(vec![Some(tape.mul(&step, &slope))])
}

/// 1 at the extreme value, shared among equal ones, and 0 elsewhere, or everywhere if 0 is beyond it.
fn end(tape: &mut Tape, node: &Node, reduction: &str, beyond: &str) -> Result<Tensor> {
    let x = node.input(0)?;
    let axes: Vec<usize> = (0..x.rank()).collect();
    let extreme = tape.reduce(x, reduction, &axes);
    let zero = tape.scalar(&extreme, 0.0);
    let counts = tape.compare(beyond, &extreme, &zero);
    let hit = tape.equal(x, &extreme);
    let hit = tape.cast(&hit, x.dtype);
    let number = tape.reduce_sum(&hit, &axes);
    let share = tape.div(&hit, &number);
    Ok(tape.keep(&counts, &share))
}

/// A convolution of integers less their zero points.
pub fn conv_integer(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let weights = less_zero_point(tape, node, (1, 3), 0, grad.dtype)?;
    let x = Tensor { dtype: grad.dtype, ..node.input(0)?.clone() };
    let proto = NodeProto { op_type: Some("Conv".into()), ..node.proto.clone() };
    let inputs = vec![Some(x), Some(weights)];
    conv::conv(
        tape,
        &Node { proto: &proto, inputs, outputs: node.outputs.clone(), grads: vec![], wanted: vec![] },
        grad,
    )
}

/// A product of integers less their zero points.
pub fn matmul_integer(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let (rows, columns) = (node.input(0)?.rank().saturating_sub(2), node.input(1)?.rank().saturating_sub(1));
    let a = less_zero_point(tape, node, (0, 2), rows, grad.dtype)?;
    let b = less_zero_point(tape, node, (1, 3), columns, grad.dtype)?;
    let inputs = vec![Some(a), Some(b)];
    let floats = Node { proto: node.proto, inputs, outputs: node.outputs.clone(), grads: vec![], wanted: vec![] };
    linear::matmul(tape, &floats, grad)
}

/// An input as a float, less its zero point: one for all, or one for each place on `axis`.
fn less_zero_point(
    tape: &mut Tape,
    node: &Node,
    (index, zero): (usize, usize),
    axis: usize,
    dtype: DataType,
) -> Result<Tensor> {
    let x = tape.cast(node.input(index)?, dtype);
    let Some(zero) = node.inputs.get(zero).and_then(Option::as_ref) else { return Ok(x) };
    let zero = tape.cast(zero, dtype);
    let mut shape = vec![1; x.rank()];
    if zero.shape.iter().product::<usize>() > 1 {
        *shape.get_mut(axis).ok_or_else(|| node.error("has zero points that do not fit"))? = zero.shape[0];
    }
    let zero = tape.reshape(&zero, &shape);
    Ok(tape.sub(&x, &zero))
}

/// The scale or the zero point, in a shape that broadcasts along the node's axis.
fn parameter(tape: &mut Tape, node: &Node, index: usize) -> Result<Tensor> {
    let (x, value) = (node.input(0)?, node.input(index)?);
    if node.proto.int("block_size").unwrap_or(0) != 0 {
        return Err(node.error("quantises values of the picture in blocks; export the model with one scale per axis"));
    }
    let count: usize = value.shape.iter().product();
    if count == 1 {
        return Ok(value.clone());
    }
    let mut shape = vec![1; x.rank()];
    shape[axis(node, node.proto.int("axis").unwrap_or(1), x.rank())?] = count;
    Ok(tape.reshape(value, &shape))
}
