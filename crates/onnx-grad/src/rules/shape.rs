//! Operators that move values without changing them.

use super::{along_axis, argument, axis};
use crate::error::Result;
use crate::onnx::AttributeProto as Attribute;
use crate::tape::{Node, Tape, Tensor};

/// Any operator that keeps the order of the values.
pub fn reshape(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    Ok(vec![Some(tape.reshape(grad, &node.input(0)?.shape))])
}

/// In training mode Dropout is random, so its gradient has no meaning.
pub fn dropout(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let trains = match node.inputs.get(2).and_then(Option::as_ref) {
        Some(mode) => tape.constant_of(mode).and_then(|mode| mode.integers().ok()) != Some(vec![0]),
        None => false,
    };
    if trains {
        return Err(node.error("drops values as in training; export the model in evaluation mode"));
    }
    reshape(tape, node, grad)
}

/// The gradient of a quantised value remains floating-point.
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

/// The backward pass sums over the repeated axes.
pub fn expand(_: &mut Tape, _: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    Ok(vec![Some(grad.clone())])
}

/// The sum over the copies along each axis.
pub fn tile(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let x = node.input(0)?;
    if grad.rank() != x.rank() || x.shape.contains(&0) {
        return Err(node.error("has an output that does not fit its input"));
    }
    let mut result = grad.clone();
    for (along, size) in x.shape.iter().enumerate() {
        let sources: Vec<Option<usize>> = (0..grad.shape[along]).map(|output| Some(output % size)).collect();
        result = along_axis::add_back(tape, &result, along, &sources, *size);
    }
    Ok(vec![Some(result)])
}

/// Concatenates the gradients of the parts, with zeros for parts that nothing reads.
pub fn split(tape: &mut Tape, node: &Node, _: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let x = node.input(0)?;
    let along = axis(node, node.proto.int("axis").unwrap_or(0), x.rank())?;
    let mut parts = Vec::new();
    for (index, grad) in node.grads.iter().enumerate() {
        let part = match grad {
            Some(grad) => grad.clone(),
            None => tape.zeros(node.output(index)?),
        };
        if part.rank() != x.rank() {
            return Err(node.error("has outputs that do not fit its input"));
        }
        parts.push(part);
    }
    Ok(vec![Some(tape.concat(&parts, along))])
}

/// Keeps the gradient in the triangle that the operator keeps.
pub fn triangle(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let diagonal = node.inputs.get(1).and_then(Option::as_ref);
    let inputs: Vec<&Tensor> = [grad].into_iter().chain(diagonal).collect();
    let attributes = vec![Attribute::int("upper", node.proto.int("upper").unwrap_or(1))];
    Ok(vec![Some(tape.emit("Trilu", &inputs, attributes, grad.dtype, grad.shape.clone()))])
}

pub fn space_to_depth(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    blocks(tape, node, grad, "DepthToSpace")
}

/// In column-row-depth order, the channel axis comes before the position in the block.
pub fn depth_to_space(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    if node.proto.text("mode") != Some("CRD") {
        return blocks(tape, node, grad, "SpaceToDepth");
    }
    let x = node.input(0)?;
    let size = node.proto.int("blocksize").and_then(|size| usize::try_from(size).ok()).unwrap_or(0);
    let (&[batch, _, height, width], &[_, channels, rows, _]) = (x.shape.as_slice(), grad.shape.as_slice()) else {
        return Err(node.error("has an input that is not a picture"));
    };
    if height.checked_mul(size) != Some(rows) {
        return Err(node.error("has blocks that do not fit its input"));
    }
    let split = tape.reshape(grad, &[batch, channels, height, size, width, size]);
    let transposed = tape.transpose(&split, &[0, 1, 3, 5, 2, 4]);
    Ok(vec![Some(tape.reshape(&transposed, &x.shape))])
}

/// The inverse of a move between spatial axes and channels.
fn blocks(tape: &mut Tape, node: &Node, grad: &Tensor, inverse: &str) -> Result<Vec<Option<Tensor>>> {
    let size = Attribute::int("blocksize", node.proto.int("blocksize").unwrap_or(0));
    let shape = node.input(0)?.shape.clone();
    Ok(vec![Some(tape.emit(inverse, &[grad], vec![size], grad.dtype, shape))])
}

/// If a negative count cropped the input, the gradient of the cropped part is 0.
pub fn pad(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let x = node.input(0)?;
    let pads = argument(tape, node, 1, "pads")?.unwrap_or_default();
    let axes = argument(tape, node, 3, "axes")?.unwrap_or_else(|| (0..x.rank() as i64).collect());
    if pads.len() != 2 * axes.len() || pads.iter().any(|count| i32::try_from(*count).is_err()) {
        return Err(node.error("has pads that do not fit its input"));
    }
    let (begins, ends) = pads.split_at(axes.len());
    let mut result = grad.clone();
    for ((along, begin), end) in axes.into_iter().zip(begins).zip(ends) {
        let along = axis(node, along, x.rank())?;
        let outputs = result.shape.get(along).copied().unwrap_or(0);
        let sources = padded(node, (x.shape[along], outputs), *begin, *end)?;
        result = along_axis::add_back(tape, &result, along, &sources, x.shape[along]);
    }
    let mut grads = vec![Some(result.clone())];
    if node.wanted.get(2) == Some(&true) {
        // What does not come from the input is the value.
        let all = |tape: &mut Tape, x: &Tensor| tape.reduce_sum(x, &(0..x.rank()).collect::<Vec<_>>());
        let (whole, inside) = (all(tape, grad), all(tape, &result));
        let rest = tape.sub(&whole, &inside);
        grads.extend([None, Some(tape.reshape(&rest, &node.input(2)?.shape))]);
    }
    Ok(grads)
}

/// The input that each output repeats along a padded axis.
fn padded(node: &Node, (size, outputs): (usize, usize), begin: i64, end: i64) -> Result<Vec<Option<usize>>> {
    let (cut, kept) = ((-begin).max(0), size as i64 + begin.min(0) + end.min(0));
    let inside = |place: i64| (0..kept).contains(&place).then_some(place);
    let mirrored = |place: i64| match place.rem_euclid(2 * (kept - 1).max(1)) {
        place if place < kept => place,
        place => 2 * (kept - 1) - place,
    };
    let mode = node.proto.text("mode").unwrap_or("constant");
    if size as i64 + begin + end != outputs as i64 || (kept < 1 && mode != "constant") {
        return Err(node.error("has pads that do not fit its input"));
    }
    let source = |place: i64| match mode {
        "edge" => Some(place.clamp(0, kept - 1)),
        "reflect" => Some(mirrored(place)),
        "wrap" => Some(place.rem_euclid(kept)),
        _ => inside(place),
    };
    let places = -begin.max(0)..kept + end.max(0);
    Ok(places.map(|place| source(place).and_then(|place| usize::try_from(place + cut).ok())).collect())
}
