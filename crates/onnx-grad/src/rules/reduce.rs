//! Reductions along some axes.

use super::{argument, axis};
use crate::error::Result;
use crate::tape::{Node, Tape, Tensor};

/// What a reduction's gradient needs.
struct Reduction {
    /// The reduced axes; empty if the node reduces nothing.
    axes: Vec<usize>,
    /// The input.
    x: Tensor,
    /// The result, with the reduced axes kept with size 1.
    y: Tensor,
    /// The gradient of the result, in the same shape.
    grad: Tensor,
}

impl Reduction {
    fn of(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Self> {
        let x = node.input(0)?.clone();
        let axes = axes(tape, node, x.rank())?;
        let sizes = x.shape.iter().enumerate();
        let kept: Vec<usize> = sizes.map(|(axis, size)| if axes.contains(&axis) { 1 } else { *size }).collect();
        let (y, grad) = (tape.reshape(node.output(0)?, &kept), tape.reshape(grad, &kept));
        Ok(Self { axes, x, y, grad })
    }

    /// The sum of `values` over the reduced axes, which are kept with size 1.
    fn sum(&self, tape: &mut Tape, values: &Tensor) -> Tensor {
        if self.axes.is_empty() { values.clone() } else { tape.reduce_sum(values, &self.axes) }
    }

    /// The product of `values` over the reduced axes, which are kept with size 1.
    fn multiply(&self, tape: &mut Tape, values: &Tensor) -> Tensor {
        if self.axes.is_empty() { values.clone() } else { tape.reduce(values, "ReduceProd", &self.axes) }
    }

    /// The result's gradient times a slope in the input's shape.
    fn times(&self, tape: &mut Tape, slope: &Tensor) -> Result<Vec<Option<Tensor>>> {
        Ok(vec![Some(tape.mul(&self.grad, slope))])
    }
}

/// The axes that `node` reduces, from an attribute or from input 1.
pub fn axes(tape: &Tape, node: &Node, rank: usize) -> Result<Vec<usize>> {
    match argument(tape, node, 1, "axes")?.filter(|axes| !axes.is_empty()) {
        Some(axes) => axes.iter().map(|along| axis(node, *along, rank)).collect(),
        None if node.proto.int("noop_with_empty_axes").unwrap_or(0) != 0 => Ok(Vec::new()),
        None => Ok((0..rank).collect()),
    }
}

pub fn sum(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let reduction = Reduction::of(tape, node, grad)?;
    Ok(vec![Some(tape.expand(&reduction.grad, &reduction.x.shape))])
}

pub fn mean(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let reduction = Reduction::of(tape, node, grad)?;
    let count: usize = reduction.axes.iter().map(|axis| reduction.x.shape[*axis]).product();
    let share = tape.scale(&reduction.grad, 1.0 / count as f64);
    Ok(vec![Some(tape.expand(&share, &reduction.x.shape))])
}

/// The gradient is shared equally among the elements that equal the result.
pub fn extremum(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let reduction = Reduction::of(tape, node, grad)?;
    let one = tape.scalar(grad, 1.0);
    let hit = tape.equal(&reduction.x, &reduction.y);
    let hit = tape.keep(&hit, &one);
    let count = reduction.sum(tape, &hit);
    let share = tape.div(&reduction.grad, &count);
    Ok(vec![Some(tape.mul(&share, &hit))])
}

/// g sign(x).
pub fn l1(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let reduction = Reduction::of(tape, node, grad)?;
    let sign = tape.sign(&reduction.x);
    reduction.times(tape, &sign)
}

/// g x / y, and 0 where all elements are 0.
pub fn l2(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let reduction = Reduction::of(tape, node, grad)?;
    let (zero, one) = (tape.scalar(grad, 0.0), tape.scalar(grad, 1.0));
    let none = tape.equal(&reduction.y, &zero);
    let length = tape.where_(&none, &one, &reduction.y);
    let share = tape.div(&reduction.grad, &length);
    Ok(vec![Some(tape.mul(&share, &reduction.x))])
}

/// 2 g x.
pub fn sum_square(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let reduction = Reduction::of(tape, node, grad)?;
    let twice = tape.scale(&reduction.grad, 2.0);
    Ok(vec![Some(tape.mul(&twice, &reduction.x))])
}

/// g exp(x - y).
pub fn log_sum_exp(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let reduction = Reduction::of(tape, node, grad)?;
    let below = tape.sub(&reduction.x, &reduction.y);
    let share = tape.unary("Exp", &below);
    reduction.times(tape, &share)
}

/// g / sum(x).
pub fn log_sum(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let reduction = Reduction::of(tape, node, grad)?;
    let sum = reduction.sum(tape, &reduction.x);
    let share = tape.div(&reduction.grad, &sum);
    Ok(vec![Some(tape.expand(&share, &reduction.x.shape))])
}

/// g times the product of the other elements. It is computed as the product of all non-zero
/// elements divided by this one, and is 0 if another element is 0.
pub fn product(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let reduction = Reduction::of(tape, node, grad)?;
    let (zero, half, one) = (tape.scalar(grad, 0.0), tape.scalar(grad, 0.5), tape.scalar(grad, 1.0));
    let none = tape.equal(&reduction.x, &zero);
    let filled = tape.where_(&none, &one, &reduction.x);
    let whole = reduction.multiply(tape, &filled);
    let slope = tape.div(&whole, &filled);
    let own = tape.cast(&none, grad.dtype);
    let all = reduction.sum(tape, &own);
    let others = tape.sub(&all, &own);
    let alone = tape.compare("Less", &others, &half);
    let slope = tape.keep(&alone, &slope);
    reduction.times(tape, &slope)
}
