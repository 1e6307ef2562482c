//! Operators that read or write elements by index.

use super::{along_axis, argument, axis};
use crate::error::Result;
use crate::onnx::{AttributeProto as Attribute, DataType, TensorProto};
use crate::tape::{Node, Tape, Tensor};

/// `place`, which may be negative, as an index from the start of an axis of `size` positions.
fn from_start(node: &Node, place: i64, size: usize) -> Result<usize> {
    axis(node, place, size).map_err(|_| node.error(&format!("has index {place} on an axis of {size}")))
}

pub fn slice(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let x = node.input(0)?;
    let starts = argument(tape, node, 1, "starts")?.unwrap_or_default();
    let axes = argument(tape, node, 3, "axes")?.unwrap_or_else(|| (0..starts.len() as i64).collect());
    let steps = argument(tape, node, 4, "steps")?.unwrap_or_else(|| vec![1; starts.len()]);
    if axes.len() != starts.len() || steps.len() != starts.len() || grad.rank() != x.rank() {
        return Err(node.error("has starts that do not fit its input"));
    }
    let mut result = grad.clone();
    for ((start, along), step) in starts.into_iter().zip(axes).zip(steps) {
        let along = axis(node, along, x.rank())?;
        let size = x.shape[along] as i64;
        let start = if start < 0 { start.saturating_add(size) } else { start };
        let start = start.clamp(0, if step < 0 { (size - 1).max(0) } else { size });
        let place = |output: usize| start.saturating_add(step.saturating_mul(output as i64)).try_into().ok();
        let sources: Vec<Option<usize>> = (0..grad.shape[along]).map(place).collect();
        result = along_axis::add_back(tape, &result, along, &sources, x.shape[along]);
    }
    Ok(vec![Some(result)])
}

pub fn gather(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let x = node.input(0)?;
    let along = axis(node, node.proto.int("axis").unwrap_or(0), x.rank())?;
    if tape.integers_of(node.input(1)?).is_none() {
        return Ok(vec![Some(add_at_unknown(tape, node, grad, along)?)]);
    }
    let indices = argument(tape, node, 1, "indices")?.unwrap_or_default();
    let source = |place: &i64| from_start(node, *place, x.shape[along]).map(Some);
    let sources = indices.iter().map(source).collect::<Result<Vec<_>>>()?;
    let picked = tape.reshape(grad, &[&x.shape[..along], &[sources.len()], &x.shape[along + 1..]].concat());
    Ok(vec![Some(along_axis::add_back(tape, &picked, along, &sources, x.shape[along]))])
}

/// The gradient of a Gather whose indices depend on the picture. Before opset 16, it is the product with a matrix that is
/// 1 at the indices.
fn add_at_unknown(tape: &mut Tape, node: &Node, grad: &Tensor, along: usize) -> Result<Tensor> {
    let (x, places) = (node.input(0)?, node.input(1)?);
    let product = |sizes: &[usize]| sizes.iter().product::<usize>();
    let (before, size, after) = (product(&x.shape[..along]), x.shape[along], product(&x.shape[along + 1..]));
    let count = product(&places.shape);
    let grad = tape.reshape(grad, &[before, count, after]);
    if tape.opset() >= 16 {
        let places = tape.reshape(places, &[1, count, 1]);
        let places = tape.expand(&places, &[before, count, after]);
        let zeros = tape.zeros(&Tensor { shape: vec![before, size, after], ..x.clone() });
        let result = added(tape, "ScatterElements", &[&zeros, &places, &grad], 1);
        return Ok(tape.reshape(&result, &x.shape));
    }
    if tape.opset() < 9 {
        return Err(node.error("has indices that depend on the picture; export the model with opset 9 or later"));
    }
    along_axis::check_size(node, size, count)?;
    let places = tape.cast(places, DataType::Int64);
    let places = tape.reshape(&places, &[1, count]);
    let mut rows = |first: i64| -> Tensor {
        let ids: Vec<i64> = (first..first + size as i64).collect();
        let ids = tape.constant(TensorProto::from_integers("", &[size, 1], &ids));
        let hit = tape.compare("Equal", &ids, &places);
        tape.cast(&hit, grad.dtype)
    };
    // Negative indices count from the end.
    let (from_start, from_end) = (rows(0), rows(-(size as i64)));
    let hit = tape.add(&from_start, &from_end);
    let result = tape.matmul(&hit, &grad);
    Ok(tape.reshape(&result, &x.shape))
}

/// The indices of a node, if they depend on the picture. Before opset 16, no operator adds up values at such positions.
fn unknown_indices(tape: &Tape, node: &Node) -> Result<Option<Tensor>> {
    let places = node.input(1)?;
    if tape.integers_of(places).is_some() {
        return Ok(None);
    }
    match tape.opset() < 16 {
        true => Err(node.error("has indices that depend on the picture; export the model with opset 16 or later")),
        false => Ok(Some(places.clone())),
    }
}

/// `inputs` are data, indices and updates, which are added.
fn added(tape: &mut Tape, op: &str, inputs: &[&Tensor], along: usize) -> Tensor {
    let attributes = vec![Attribute::int("axis", along as i64), Attribute::text("reduction", "add")];
    tape.emit(op, inputs, attributes, inputs[0].dtype, inputs[0].shape.clone())
}

/// Every index is a position on the axis, in a tensor of the output's shape.
pub fn gather_elements(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let x = node.input(0)?;
    let along = axis(node, node.proto.int("axis").unwrap_or(0), x.rank())?;
    if let Some(places) = unknown_indices(tape, node)? {
        let zeros = tape.zeros(x);
        return Ok(vec![Some(added(tape, "ScatterElements", &[&zeros, &places, grad], along))]);
    }
    let indices = argument(tape, node, 1, "indices")?.unwrap_or_default();
    let count: usize = grad.shape.iter().product();
    if grad.rank() != x.rank() || indices.len() != count {
        return Err(node.error("has indices that do not fit its input"));
    }
    let source = |(output, index): (usize, &i64)| -> Result<Option<usize>> {
        let (mut rest, mut place, mut stride) = (output, 0, 1);
        for axis in (0..x.rank()).rev() {
            let at = if axis == along { from_start(node, *index, x.shape[axis])? } else { rest % grad.shape[axis] };
            rest /= grad.shape[axis];
            place += at * stride;
            stride *= x.shape[axis];
        }
        Ok(Some(place))
    };
    let sources = indices.iter().enumerate().map(source).collect::<Result<Vec<_>>>()?;
    let flat = tape.reshape(grad, &[count]);
    let result = along_axis::add_back(tape, &flat, 0, &sources, x.shape.iter().product());
    Ok(vec![Some(tape.reshape(&result, &x.shape))])
}

/// Every row of indices is a position on the leading axes, and selects everything on the axes after
/// them.
pub fn gather_nd(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let (x, rows) = (node.input(0)?, node.input(1)?);
    if node.proto.int("batch_dims").unwrap_or(0) == 0
        && let Some(places) = unknown_indices(tape, node)?
    {
        let zeros = tape.zeros(x);
        let add = vec![Attribute::text("reduction", "add")];
        return Ok(vec![Some(tape.emit("ScatterND", &[&zeros, &places, grad], add, x.dtype, x.shape.clone()))]);
    }
    let indices = argument(tape, node, 1, "indices")?.unwrap_or_default();
    let batched = usize::try_from(node.proto.int("batch_dims").unwrap_or(0)).unwrap_or(usize::MAX);
    let depth = rows.shape.last().copied().unwrap_or(0);
    let fits = batched < rows.rank() && depth > 0 && batched.saturating_add(depth) <= x.rank();
    if !fits || indices.len() != rows.shape.iter().product::<usize>() || x.shape[..batched] != rows.shape[..batched] {
        return Err(node.error("has indices that do not fit its input"));
    }
    let picked = &x.shape[batched..batched + depth];
    let behind: usize = x.shape[batched + depth..].iter().product();
    let (batches, places) = (x.shape[..batched].iter().product::<usize>(), picked.iter().product::<usize>());
    let each = (indices.len() / depth / batches.max(1)).max(1);
    let source = |(row, indices): (usize, &[i64])| -> Result<Option<usize>> {
        let place = indices.iter().zip(picked).try_fold(0, |place, (index, size)| -> Result<usize> {
            Ok(place * size + from_start(node, *index, *size)?)
        })?;
        Ok(Some(row / each * places + place))
    };
    let sources = indices.chunks(depth).enumerate().map(source).collect::<Result<Vec<_>>>()?;
    let flat = tape.reshape(grad, &[sources.len(), behind]);
    let result = along_axis::add_back(tape, &flat, 0, &sources, batches * places);
    Ok(vec![Some(tape.reshape(&result, &x.shape))])
}

/// The cumulative sum in the opposite direction.
pub fn cumulative_sum(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let flag = |name: &str| i64::from(node.proto.int(name).unwrap_or(0) != 0);
    let attributes =
        vec![Attribute::int("exclusive", flag("exclusive")), Attribute::int("reverse", 1 - flag("reverse"))];
    let result = tape.emit("CumSum", &[grad, node.input(1)?], attributes, grad.dtype, grad.shape.clone());
    Ok(vec![Some(result)])
}

/// Each of the two values, off and on, gets the gradient of where it was written.
pub fn one_hot(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let (indices, depth) = (node.input(0)?, node.input(1)?);
    let marks = tape.constant(TensorProto::from_reals("", grad.dtype, &[2], &[0.0, 1.0]));
    let axis = vec![Attribute::int("axis", node.proto.int("axis").unwrap_or(-1))];
    let hot = tape.emit("OneHot", &[indices, depth, &marks], axis, grad.dtype, grad.shape.clone());
    let on = tape.mul(grad, &hot);
    let off = tape.sub(grad, &on);
    let count = grad.shape.iter().product();
    let parts = [off, on].map(|part| {
        let flat = tape.reshape(&part, &[count]);
        tape.reduce_sum(&flat, &[0])
    });
    Ok(vec![None, None, Some(tape.concat(&parts, 0))])
}
