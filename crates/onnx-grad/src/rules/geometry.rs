//! Affine maps and determinants.

use super::composite::through;
use super::window::grid;
use crate::error::Result;
use crate::onnx::TensorProto;
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
