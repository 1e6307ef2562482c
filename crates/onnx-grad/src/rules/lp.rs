//! Norms of order p: over windows, over whole images, and along an axis.

use super::window::SlidingWindow;
use super::{axis, pool};
use crate::error::Result;
use crate::tape::{Node, Tape, Tensor};

/// The order of the norm, 2 by default.
fn order(node: &Node) -> Result<i64> {
    match node.proto.int("p").unwrap_or(2) {
        p if p >= 1 => Ok(p),
        p => Err(node.error(&format!("computes norms of order {p}, which have no gradient"))),
    }
}

/// sign(x) |x|^(p - 1): the derivative of |x|^p divided by p; 0 at 0.
fn slope(tape: &mut Tape, x: &Tensor, p: i64) -> Tensor {
    match p {
        1 => tape.sign(x),
        2 => x.clone(),
        p => {
            let (size, power) = (tape.unary("Abs", x), tape.scalar(x, (p - 2) as f64));
            let power = tape.binary("Pow", &size, &power);
            tape.mul(x, &power)
        }
    }
}

/// `grad` / norm^power; 0 where the norm is 0.
fn over(tape: &mut Tape, grad: &Tensor, norm: &Tensor, power: i64) -> Tensor {
    if power == 0 {
        return grad.clone();
    }
    let (zero, one) = (tape.scalar(norm, 0.0), tape.scalar(norm, 1.0));
    let positive = tape.compare("Greater", norm, &zero);
    let mut divisor = tape.where_(&positive, norm, &one);
    if power > 1 {
        let power = tape.scalar(norm, power as f64);
        divisor = tape.binary("Pow", &divisor, &power);
    }
    let quotient = tape.div(grad, &divisor);
    tape.keep(&positive, &quotient)
}

pub fn global_pool(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let (x, y, p) = (node.input(0)?, node.output(0)?, order(node)?);
    let share = over(tape, grad, y, p - 1);
    let slope = slope(tape, x, p);
    Ok(vec![Some(tape.mul(&slope, &share))])
}

/// Each input gets its slope times the sum over the windows that read it.
pub fn pool(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let (x, y, p) = (node.input(0)?, pool::settled(tape, node, node.output(0)?), order(node)?);
    let windows = SlidingWindow::all(node, &pool::kernel(node)?)?;
    let share = over(tape, grad, &y, p - 1);
    let share = pool::sum_of_windows(tape, &share, &windows, x);
    let slope = slope(tape, x, p);
    Ok(vec![Some(tape.mul(&slope, &share))])
}

/// (g - slope(y) sum(g y)) / norm(x).
pub fn normalization(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let (x, y, p) = (node.input(0)?, node.output(0)?, order(node)?);
    let along = axis(node, node.proto.int("axis").unwrap_or(-1), x.rank())?;
    let norm = match p {
        1 => {
            let size = tape.unary("Abs", x);
            tape.reduce_sum(&size, &[along])
        }
        _ => {
            let square = tape.mul(x, x);
            let square = tape.reduce_sum(&square, &[along]);
            tape.unary("Sqrt", &square)
        }
    };
    let weighted = tape.mul(grad, y);
    let total = tape.reduce_sum(&weighted, &[along]);
    let slope = slope(tape, y, p);
    let change = tape.mul(&slope, &total);
    let rest = tape.sub(grad, &change);
    Ok(vec![Some(over(tape, &rest, &norm, 1))])
}
