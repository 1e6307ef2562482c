//! Activations: the gradient times the slope at the input, written so that large inputs do not make
//! it NaN.

use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI};

use crate::error::Result;
use crate::tape::{Node, Tape, Tensor};

/// Passes the gradient where the output is positive. At exactly 0 it is 0.
pub fn relu(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let y = node.output(0)?;
    let zero = tape.scalar(y, 0.0);
    let mask = tape.compare("Greater", y, &zero);
    Ok(vec![Some(tape.keep(&mask, grad))])
}

/// Passes the gradient strictly inside the bounds. Uses the output, which carries the same
/// information as the input: a fused kernel never writes the input.
pub fn clip(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let y = node.output(0)?;
    let mut bound = |index: usize, name: &str| match node.inputs.get(index).cloned().flatten() {
        Some(bound) => Some(bound),
        None => node.proto.float(name).map(|value| tape.scalar(y, f64::from(value))),
    };
    let (low, high) = (bound(1, "min"), bound(2, "max"));
    if node.wanted.iter().skip(1).any(|wanted| *wanted) {
        return clip_by_bounds(tape, node, grad, [low, high]);
    }
    let above = low.map(|low| tape.compare("Greater", y, &low));
    let below = high.map(|high| tape.compare("Less", y, &high));
    let inside = match (above, below) {
        (Some(above), Some(below)) => Some(tape.compare("And", &above, &below)),
        (above, below) => above.or(below),
    };
    Ok(vec![Some(inside.map_or_else(|| grad.clone(), |inside| tape.keep(&inside, grad)))])
}

/// The gradient goes to the bound where the input is beyond it. The upper bound wins.
fn clip_by_bounds(
    tape: &mut Tape,
    node: &Node,
    grad: &Tensor,
    [low, high]: [Option<Tensor>; 2],
) -> Result<Vec<Option<Tensor>>> {
    let x = node.input(0)?;
    let mut left = grad.clone();
    let raised = low.as_ref().map(|low| tape.binary("Max", x, low));
    let by_high = high.map(|high| {
        let above = tape.compare("Greater", raised.as_ref().unwrap_or(x), &high);
        let part = tape.keep(&above, grad);
        left = tape.sub(grad, &part);
        part
    });
    let by_low = low.map(|low| {
        let below = tape.compare("Less", x, &low);
        let part = tape.keep(&below, &left);
        left = tape.sub(&left, &part);
        part
    });
    Ok(vec![Some(left), by_low, by_high])
}

/// A float attribute, or `default` if it is absent.
fn number(node: &Node, name: &str, default: f64) -> f64 {
    node.proto.float(name).map_or(default, f64::from)
}

/// Passes the gradient where `condition` holds.
fn gate(tape: &mut Tape, condition: &Tensor, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    Ok(vec![Some(tape.keep(condition, grad))])
}

/// Passes the gradient, multiplied by `alpha` where the input is not positive.
pub fn leaky_relu(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let x = node.input(0)?;
    let alpha = tape.scalar(x, number(node, "alpha", 0.01));
    let slope = leak(tape, x, &alpha);
    Ok(vec![Some(tape.mul(grad, &slope))])
}

/// Like [`leaky_relu`] with a learned factor, whose gradient comes from the negative inputs.
pub fn prelu(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let (x, alpha) = (node.input(0)?, node.input(1)?);
    let slope = leak(tape, x, alpha);
    let zero = tape.scalar(x, 0.0);
    let below = tape.compare("Less", x, &zero);
    let negative = tape.keep(&below, x);
    Ok(vec![Some(tape.mul(grad, &slope)), Some(tape.mul(grad, &negative))])
}

/// 1 where `x` is positive, otherwise `alpha`.
fn leak(tape: &mut Tape, x: &Tensor, alpha: &Tensor) -> Tensor {
    let (zero, one) = (tape.scalar(x, 0.0), tape.scalar(x, 1.0));
    let positive = tape.compare("Greater", x, &zero);
    let rest = tape.sub(&one, alpha);
    let rest = tape.keep(&positive, &rest);
    tape.add(alpha, &rest)
}

pub fn elu(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    exponential(tape, node, grad, (1.0, number(node, "alpha", 1.0)), 1.0)
}

pub fn celu(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    exponential(tape, node, grad, (1.0 / number(node, "alpha", 1.0), 1.0), 1.0)
}

pub fn selu(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let alpha = number(node, "alpha", 1.673_263_192_176_818_8);
    let gamma = number(node, "gamma", 1.050_701_022_148_132_3);
    exponential(tape, node, grad, (1.0, gamma * alpha), gamma)
}

/// The slope is `right` from 0 on, and `factor y + offset` below 0, because the slope of an
/// exponential is linear in its value.
fn exponential(
    tape: &mut Tape,
    node: &Node,
    grad: &Tensor,
    (factor, offset): (f64, f64),
    right: f64,
) -> Result<Vec<Option<Tensor>>> {
    let (x, y) = (node.input(0)?, node.output(0)?);
    let (zero, rest, right) = (tape.scalar(x, 0.0), tape.scalar(x, offset - right), tape.scalar(x, right));
    let below = tape.compare("Less", x, &zero);
    let scaled = tape.scale(y, factor);
    let left = tape.add(&scaled, &rest);
    let left = tape.keep(&below, &left);
    let slope = tape.add(&left, &right);
    Ok(vec![Some(tape.mul(grad, &slope))])
}

pub fn thresholded_relu(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let x = node.input(0)?;
    let alpha = tape.scalar(x, number(node, "alpha", 1.0));
    let above = tape.compare("Greater", x, &alpha);
    gate(tape, &above, grad)
}

/// Passes the gradient where the absolute value of the input exceeds `lambd`.
pub fn shrink(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let x = node.input(0)?;
    let size = tape.unary("Abs", x);
    let lambd = tape.scalar(x, number(node, "lambd", 0.5));
    let outside = tape.compare("Greater", &size, &lambd);
    gate(tape, &outside, grad)
}

/// g alpha where the output is strictly between 0 and 1.
pub fn hard_sigmoid(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let y = node.output(0)?;
    let (zero, one) = (tape.scalar(y, 0.0), tape.scalar(y, 1.0));
    let (above, below) = (tape.compare("Greater", y, &zero), tape.compare("Less", y, &one));
    let inside = tape.compare("And", &above, &below);
    let scaled = tape.scale(grad, number(node, "alpha", 0.2));
    gate(tape, &inside, &scaled)
}

/// The slope is x / 3 + 1/2 strictly between -3 and 3, 0 below and 1 from 3 on.
pub fn hard_swish(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let x = node.input(0)?;
    let (three, half, one) = (tape.scalar(x, 3.0), tape.scalar(x, 0.5), tape.scalar(x, 1.0));
    let size = tape.unary("Abs", x);
    let (inside, right) = (tape.compare("Less", &size, &three), tape.compare("GreaterOrEqual", x, &three));
    let middle = tape.scale(x, 1.0 / 3.0);
    let middle = tape.add(&middle, &half);
    let (middle, right) = (tape.keep(&inside, &middle), tape.keep(&right, &one));
    let slope = tape.add(&middle, &right);
    Ok(vec![Some(tape.mul(grad, &slope))])
}

/// g y (1 - y).
pub fn sigmoid(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let y = node.output(0)?;
    let one = tape.scalar(y, 1.0);
    let rest = tape.sub(&one, y);
    let slope = tape.mul(y, &rest);
    Ok(vec![Some(tape.mul(grad, &slope))])
}

/// g (1 - y^2).
pub fn tanh(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let slope = one_less_square(tape, node.output(0)?);
    Ok(vec![Some(tape.mul(grad, &slope))])
}

fn one_less_square(tape: &mut Tape, y: &Tensor) -> Tensor {
    let (one, square) = (tape.scalar(y, 1.0), tape.mul(y, y));
    tape.sub(&one, &square)
}

pub fn softplus(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let slope = tape.unary("Sigmoid", node.input(0)?);
    Ok(vec![Some(tape.mul(grad, &slope))])
}

/// g / (1 + |x|)^2.
pub fn softsign(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let x = node.input(0)?;
    let (one, size) = (tape.scalar(x, 1.0), tape.unary("Abs", x));
    let divisor = tape.add(&one, &size);
    let over = tape.div(grad, &divisor);
    Ok(vec![Some(tape.div(&over, &divisor))])
}

/// g 2 / sqrt(pi) exp(-x^2).
pub fn erf(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let bell = bell(tape, node.input(0)?, 1.0);
    let slope = tape.scale(&bell, FRAC_2_SQRT_PI);
    Ok(vec![Some(tape.mul(grad, &slope))])
}

/// exp(-rate x^2).
fn bell(tape: &mut Tape, x: &Tensor, rate: f64) -> Tensor {
    let square = tape.mul(x, x);
    let exponent = tape.scale(&square, -rate);
    tape.unary("Exp", &exponent)
}

/// The exact form, x P(x) with the normal distribution function P, or the approximation of P by
/// tanh.
pub fn gelu(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let x = node.input(0)?;
    let slope = match node.proto.text("approximate") {
        None | Some("none") => gelu_slope(tape, x),
        Some("tanh") => gelu_tanh_slope(tape, x),
        Some(_) => return Err(node.error("has an unknown approximation")),
    };
    Ok(vec![Some(tape.mul(grad, &slope))])
}

/// P(x) + x p(x), where p is the normal density.
fn gelu_slope(tape: &mut Tape, x: &Tensor) -> Tensor {
    let bell = bell(tape, x, 0.5);
    let density = tape.scale(&bell, FRAC_1_SQRT_2 * FRAC_2_SQRT_PI / 2.0);
    let moment = tape.mul(x, &density);
    let scaled = tape.scale(x, FRAC_1_SQRT_2);
    let odd = tape.unary("Erf", &scaled);
    let probability = half_more(tape, &odd);
    tape.add(&probability, &moment)
}

/// (1 + t) / 2 + x (1 - t^2) u' / 2, where t = tanh(u) and u = sqrt(2 / pi) (x + 0.044715 x^3).
fn gelu_tanh_slope(tape: &mut Tape, x: &Tensor) -> Tensor {
    let rate = FRAC_1_SQRT_2 * FRAC_2_SQRT_PI;
    let square = tape.mul(x, x);
    let mut even = |first: f64, second: f64| {
        let (first, second) = (tape.scalar(x, first), tape.scale(&square, second));
        tape.add(&first, &second)
    };
    let (inner, steepness) = (even(rate, rate * 0.044_715), even(rate / 2.0, rate * 1.5 * 0.044_715));
    let inner = tape.mul(x, &inner);
    let t = tape.unary("Tanh", &inner);
    let rest = one_less_square(tape, &t);
    let moment = tape.mul(x, &rest);
    let moment = tape.mul(&moment, &steepness);
    let probability = half_more(tape, &t);
    tape.add(&probability, &moment)
}

/// (1 + x) / 2.
fn half_more(tape: &mut Tape, x: &Tensor) -> Tensor {
    let (half, halved) = (tape.scalar(x, 0.5), tape.scale(x, 0.5));
    tape.add(&half, &halved)
}

/// The slope of x s(alpha x) is s (1 + alpha x (1 - s)), with the logistic function s.
pub fn swish(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let x = node.input(0)?;
    let one = tape.scalar(x, 1.0);
    let scaled = tape.scale(x, number(node, "alpha", 1.0));
    let s = tape.unary("Sigmoid", &scaled);
    let rest = tape.sub(&one, &s);
    let rest = tape.mul(&scaled, &rest);
    let factor = tape.add(&one, &rest);
    let slope = tape.mul(&s, &factor);
    Ok(vec![Some(tape.mul(grad, &slope))])
}

/// The slope of x t with t = tanh(softplus(x)) is t + x s(x) (1 - t^2), with the logistic function
/// s.
pub fn mish(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let x = node.input(0)?;
    let soft = tape.unary("Softplus", x);
    let t = tape.unary("Tanh", &soft);
    let (s, rest) = (tape.unary("Sigmoid", x), one_less_square(tape, &t));
    let steepness = tape.mul(&s, &rest);
    let moment = tape.mul(x, &steepness);
    let slope = tape.add(&t, &moment);
    Ok(vec![Some(tape.mul(grad, &slope))])
}
