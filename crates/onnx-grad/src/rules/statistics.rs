//! Normalisations whose scale, bias or statistics depend on the image, or whose statistics are read. Written as formulas,
//! which take more operators than the gradient of the input alone.

use super::composite::through;
use crate::error::Result;
use crate::tape::{Node, Tape, Tensor};

/// Whether more than the gradient of the input is wanted, or more than the first output is read.
pub fn are_wanted(node: &Node) -> bool {
    node.wanted.iter().skip(1).any(|wanted| *wanted) || node.grads.iter().skip(1).any(Option::is_some)
}

/// (x - mean) / deviation, and both. Without `centre`, the mean counts as 0.
struct Standardised {
    y: Tensor,
    mean: Tensor,
    inverse_deviation: Tensor,
}

impl Standardised {
    fn of(tape: &mut Tape, node: &Node, x: &Tensor, axes: &[usize], centre: bool) -> Self {
        let mean = tape.reduce(x, "ReduceMean", axes);
        let x = if centre { tape.sub(x, &mean) } else { x.clone() };
        let square = tape.mul(&x, &x);
        let variance = tape.reduce(&square, "ReduceMean", axes);
        let inverse_deviation = inverse_root(tape, node, &variance);
        Self { y: tape.mul(&x, &inverse_deviation), mean, inverse_deviation }
    }
}

/// 1 / sqrt(x + epsilon).
fn inverse_root(tape: &mut Tape, node: &Node, x: &Tensor) -> Tensor {
    let epsilon = tape.scalar(x, epsilon(node));
    let shifted = tape.add(x, &epsilon);
    let root = tape.unary("Sqrt", &shifted);
    tape.unary("Reciprocal", &root)
}

/// `x` scaled and shifted by inputs 1 and 2, if they are there, in the shapes that `fit` gives them.
fn affine(
    tape: &mut Tape,
    x: &Tensor,
    inputs: &[Option<Tensor>],
    fit: impl Fn(&mut Tape, &Tensor) -> Tensor,
) -> Tensor {
    let mut y = x.clone();
    for (index, op) in [(1, "Mul"), (2, "Add")] {
        if let Some(parameter) = inputs.get(index).and_then(Option::as_ref) {
            let parameter = fit(tape, parameter);
            y = tape.binary(op, &y, &parameter);
        }
    }
    y
}

/// One value per channel, in a shape that broadcasts to `rank` axes.
fn per_channel(tape: &mut Tape, parameter: &Tensor, rank: usize) -> Tensor {
    let count = parameter.shape.iter().product();
    let shape: Vec<usize> = (0..rank).map(|axis| if axis == 1 { count } else { 1 }).collect();
    tape.reshape(parameter, &shape)
}

/// Over trailing axes. The mean and the inverse deviation are outputs, too.
pub fn over_axes(tape: &mut Tape, node: &Node, axes: &[usize], centre: bool) -> Result<Vec<Option<Tensor>>> {
    through(tape, node, |tape, inputs| {
        let x = inputs.first().cloned().flatten().ok_or_else(|| node.error("lacks input 0"))?;
        let standard = Standardised::of(tape, node, &x, axes, centre);
        let y = affine(tape, &standard.y, inputs, |_, parameter| parameter.clone());
        Ok(vec![y, standard.mean, standard.inverse_deviation])
    })
}

/// Over all but the batch and the channels.
pub fn over_images(tape: &mut Tape, node: &Node) -> Result<Vec<Option<Tensor>>> {
    through(tape, node, |tape, inputs| {
        let x = inputs.first().cloned().flatten().ok_or_else(|| node.error("lacks input 0"))?;
        let axes: Vec<usize> = (2..x.rank()).collect();
        let standard = Standardised::of(tape, node, &x, &axes, true);
        Ok(vec![affine(tape, &standard.y, inputs, |tape, parameter| per_channel(tape, parameter, x.rank()))])
    })
}

/// Over groups of channels, `grouped` as batch, group and element.
pub fn over_groups(tape: &mut Tape, node: &Node, grouped: &[usize]) -> Result<Vec<Option<Tensor>>> {
    through(tape, node, |tape, inputs| {
        let x = inputs.first().cloned().flatten().ok_or_else(|| node.error("lacks input 0"))?;
        let groups = tape.reshape(&x, grouped);
        let standard = Standardised::of(tape, node, &groups, &[2], true);
        if tape.opset() < 21 {
            let y = affine(tape, &standard.y, inputs, |tape, parameter| per_channel(tape, parameter, 3));
            return Ok(vec![tape.reshape(&y, &x.shape)]);
        }
        let y = tape.reshape(&standard.y, &x.shape);
        Ok(vec![affine(tape, &y, inputs, |tape, parameter| per_channel(tape, parameter, x.rank()))])
    })
}

/// With given statistics, one per channel.
pub fn given(tape: &mut Tape, node: &Node) -> Result<Vec<Option<Tensor>>> {
    through(tape, node, |tape, inputs| {
        let input = |index: usize| inputs.get(index).cloned().flatten().ok_or_else(|| node.error("lacks an input"));
        let (x, mean, variance) = (input(0)?, input(3)?, input(4)?);
        let mean = per_channel(tape, &mean, x.rank());
        let inverse = inverse_root(tape, node, &variance);
        let inverse = per_channel(tape, &inverse, x.rank());
        let centred = tape.sub(&x, &mean);
        let y = tape.mul(&centred, &inverse);
        Ok(vec![affine(tape, &y, inputs, |tape, parameter| per_channel(tape, parameter, x.rank()))])
    })
}

pub fn epsilon(node: &Node) -> f64 {
    f64::from(node.proto.float("epsilon").unwrap_or(1e-5))
}
