//! Trigonometric and hyperbolic functions and their inverses: the gradient times the slope at the input.

use crate::error::Result;
use crate::tape::{Node, Tape, Tensor};

/// g cos(x).
pub fn sin(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    times(tape, node, grad, "Cos")
}

/// -g sin(x).
pub fn cos(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let slope = tape.unary("Sin", node.input(0)?);
    let result = tape.mul(grad, &slope);
    Ok(vec![Some(tape.unary("Neg", &result))])
}

/// g (1 + y^2).
pub fn tan(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let y = node.output(0)?;
    let square = tape.mul(y, y);
    let more = tape.mul(grad, &square);
    Ok(vec![Some(tape.add(grad, &more))])
}

/// g / sqrt((1 - x)(1 + x)), which loses no digits near 1.
pub fn asin(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let x = node.input(0)?;
    let one = tape.scalar(x, 1.0);
    let product = one_less_square(tape, x, &one);
    let root = tape.unary("Sqrt", &product);
    Ok(vec![Some(tape.div(grad, &root))])
}

/// The opposite of that of [`asin`].
pub fn acos(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let grad = tape.unary("Neg", grad);
    asin(tape, node, &grad)
}

/// g / (1 + x^2).
pub fn atan(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let x = node.input(0)?;
    let (one, square) = (tape.scalar(x, 1.0), tape.mul(x, x));
    let divisor = tape.add(&one, &square);
    Ok(vec![Some(tape.div(grad, &divisor))])
}

/// g cosh(x).
pub fn sinh(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    times(tape, node, grad, "Cosh")
}

/// g sinh(x).
pub fn cosh(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    times(tape, node, grad, "Sinh")
}

/// g / sqrt(1 + x^2), with the larger of 1 and |x| in front of the root, so that squares of large inputs are finite.
pub fn asinh(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let x = node.input(0)?;
    let (one, size) = (tape.scalar(x, 1.0), tape.unary("Abs", x));
    let far = tape.compare("Greater", &size, &one);
    let (larger, smaller) = (tape.where_(&far, &size, &one), tape.where_(&far, &one, &size));
    let ratio = tape.div(&smaller, &larger);
    let square = tape.mul(&ratio, &ratio);
    let sum = tape.add(&one, &square);
    let root = tape.unary("Sqrt", &sum);
    let over = tape.div(grad, &larger);
    Ok(vec![Some(tape.div(&over, &root))])
}

/// g / (sqrt(x - 1) sqrt(x + 1)).
pub fn acosh(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let x = node.input(0)?;
    let one = tape.scalar(x, 1.0);
    let (less, more) = (tape.sub(x, &one), tape.add(x, &one));
    let (less, more) = (tape.unary("Sqrt", &less), tape.unary("Sqrt", &more));
    let over = tape.div(grad, &less);
    Ok(vec![Some(tape.div(&over, &more))])
}

/// g / ((1 - x)(1 + x)).
pub fn atanh(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let x = node.input(0)?;
    let one = tape.scalar(x, 1.0);
    let product = one_less_square(tape, x, &one);
    Ok(vec![Some(tape.div(grad, &product))])
}

/// The gradient times `slope` of the input.
fn times(tape: &mut Tape, node: &Node, grad: &Tensor, slope: &str) -> Result<Vec<Option<Tensor>>> {
    let slope = tape.unary(slope, node.input(0)?);
    Ok(vec![Some(tape.mul(grad, &slope))])
}

fn one_less_square(tape: &mut Tape, x: &Tensor, one: &Tensor) -> Tensor {
    let (less, more) = (tape.sub(one, x), tape.add(one, x));
    tape.mul(&less, &more)
}
