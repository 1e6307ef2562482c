//! Coordinates: rotations, affine maps and determinants.

use super::composite::through;
use super::window::grid;
use crate::error::Result;
use crate::onnx::{AttributeProto as Attribute, TensorProto};
use crate::tape::{Node, Tape, Tensor};

/// The positions of all pixels between -1 and 1, times the transposed matrix of each image.
pub fn affine_grid(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let theta = node.input(0)?;
    let Some((&axes, sizes)) = grad.shape.split_last().map(|(axes, rest)| (axes, rest.get(1..).unwrap_or_default()))
    else {
        return Err(node.error("has a size that does not fit its matrix"));
    };
    let pixels: usize = sizes.iter().product();
    if sizes.len() != axes || theta.shape != [grad.shape[0], axes, axes + 1] || pixels == 0 {
        return Err(node.error("has a size that does not fit its matrix"));
    }
    let whole = node.proto.int("align_corners").unwrap_or(0) != 0;
    let place = |at: usize, size: usize| match whole {
        true if size > 1 => 2.0 * at as f64 / (size - 1) as f64 - 1.0,
        true => -1.0,
        false => (2.0 * at as f64 + 1.0) / size as f64 - 1.0,
    };
    // The last axis comes first in a position.
    let row = |at: Vec<usize>| {
        let places = at.iter().zip(sizes).rev().map(|(at, size)| place(*at, *size)).chain([1.0]);
        places.collect::<Vec<_>>()
    };
    let base: Vec<Vec<f64>> = grid(sizes).into_iter().map(row).collect();
    let turned: Vec<f64> = (0..=axes).flat_map(|axis| base.iter().map(move |row| row[axis])).collect();
    let turned = tape.constant(TensorProto::from_reals("", grad.dtype, &[axes + 1, pixels], &turned));
    let flat = tape.reshape(grad, &[grad.shape[0], pixels, axes]);
    let result = tape.matmul(&turned, &flat);
    Ok(vec![Some(tape.transpose(&result, &[0, 2, 1]))])
}

/// The largest matrix whose determinant is written out.
const MAX_MATRIX: usize = 5;

/// The determinant is expanded along the rows.
pub fn determinant(tape: &mut Tape, node: &Node, _: &Tensor) -> Result<Vec<Option<Tensor>>> {
    through(tape, node, |tape, inputs| {
        let x = inputs.first().cloned().flatten().ok_or_else(|| node.error("lacks input 0"))?;
        let (rank, size) = (x.rank(), x.shape.last().copied().unwrap_or(0));
        if rank < 2 || x.shape[rank - 2] != size || size == 0 || size > MAX_MATRIX {
            return Err(
                node.error(&format!("has matrices beyond {MAX_MATRIX} x {MAX_MATRIX}, for which there is no gradient"))
            );
        }
        let shape = node.output(0)?.shape.clone();
        let matrix = tape.reshape(&x, &[x.shape[..rank - 2].iter().product(), size, size]);
        let result = minor(tape, &matrix, 0, &(0..size).collect::<Vec<_>>());
        Ok(vec![tape.reshape(&result, &shape)])
    })
}

/// The determinant of the rows from `row` on and the given columns, as [batch, 1, 1].
fn minor(tape: &mut Tape, x: &Tensor, row: usize, columns: &[usize]) -> Tensor {
    let mut sum: Option<Tensor> = None;
    for (index, column) in columns.iter().enumerate() {
        let mut term = tape.slice(x, &[0, row, *column], &[x.shape[0], row + 1, column + 1]);
        if columns.len() > 1 {
            let rest: Vec<usize> = columns.iter().copied().filter(|other| other != column).collect();
            let rest = minor(tape, x, row + 1, &rest);
            term = tape.mul(&term, &rest);
        }
        sum = Some(match sum {
            Some(sum) if index % 2 == 0 => tape.add(&sum, &term),
            Some(sum) => tape.sub(&sum, &term),
            None => term,
        });
    }
    sum.unwrap_or_else(|| x.clone())
}

/// Pairs of channels are rotated by angles whose cosines and sines are inputs.
pub fn rotary_embedding(tape: &mut Tape, node: &Node, _: &Tensor) -> Result<Vec<Option<Tensor>>> {
    through(tape, node, |tape, inputs| {
        let [x, cosines, sines] = [0, 1, 2].map(|index| inputs.get(index).cloned().flatten());
        let (Some(x), Some(cosines), Some(sines)) = (x, cosines, sines) else {
            return Err(node.error("lacks an input"));
        };
        // Batch, position, head and channel.
        let heads = node.proto.int("num_heads").and_then(|heads| usize::try_from(heads).ok()).unwrap_or(0);
        let places = match *x.shape.as_slice() {
            [_, _, _, _] => tape.transpose(&x, &[0, 2, 1, 3]),
            [batch, count, width] if heads > 0 && width % heads == 0 => {
                tape.reshape(&x, &[batch, count, heads, width / heads])
            }
            _ => return Err(node.error("has heads that do not fit its input")),
        };
        let [batch, count, heads, channels] = [0, 1, 2, 3].map(|axis| places.shape[axis]);
        let rotated = match node.proto.int("rotary_embedding_dim").unwrap_or(0) {
            0 => channels,
            given => usize::try_from(given).unwrap_or(0).min(channels),
        };
        let angles = [cosines, sines].map(|table| match inputs.get(3).and_then(Option::as_ref) {
            Some(ids) => {
                let shape = [ids.shape.as_slice(), &table.shape[1..]].concat();
                tape.emit("Gather", &[&table, ids], vec![Attribute::int("axis", 0)], table.dtype, shape)
            }
            None => table,
        });
        let half = rotated / 2;
        if rotated % 2 != 0 || angles.iter().any(|angle| angle.shape.last() != Some(&half) || angle.rank() != 3) {
            return Err(node.error("has angles that do not fit its input"));
        }
        let [cosines, sines] = angles.map(|angle| {
            let shape = [angle.shape[0], angle.shape[1], 1, half];
            tape.reshape(&angle, &shape)
        });
        let parts = match channels - rotated {
            0 => vec![places],
            rest => tape.split(&places, 3, &[rotated, rest]),
        };
        let pairs = node.proto.int("interleaved").unwrap_or(0) != 0;
        let order = if pairs { [half, 2] } else { [2, half] };
        let axis = if pairs { 4 } else { 3 };
        let split = tape.reshape(&parts[0], &[batch, count, heads, order[0], order[1]]);
        let halves = tape.split(&split, axis, &[1, 1]);
        let [a, b] = [0, 1].map(|index| tape.reshape(&halves[index], &[batch, count, heads, half]));
        let [ac, bs, as_, bc] =
            [(&a, &cosines), (&b, &sines), (&a, &sines), (&b, &cosines)].map(|(x, y)| tape.mul(x, y));
        let (real, imaginary) = (tape.sub(&ac, &bs), tape.add(&as_, &bc));
        let joined = [real, imaginary].map(|part| {
            let shape = if pairs { [batch, count, heads, half, 1] } else { [batch, count, heads, 1, half] };
            tape.reshape(&part, &shape)
        });
        let joined = tape.concat(&joined, axis);
        let joined = tape.reshape(&joined, &[batch, count, heads, rotated]);
        let whole = match parts.get(1) {
            Some(rest) => tape.concat(&[joined, rest.clone()], 3),
            None => joined,
        };
        let result = if x.rank() == 4 { tape.transpose(&whole, &[0, 2, 1, 3]) } else { whole };
        Ok(vec![tape.reshape(&result, &x.shape)])
    })
}
