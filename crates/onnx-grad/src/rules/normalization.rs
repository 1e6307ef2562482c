//! Normalisation with fixed statistics, or with those of the value itself.

use super::{along_axis, axis, statistics};
use crate::error::Result;
use crate::normal_form::folding::is_foldable;
use crate::tape::{Node, Tape, Tensor};

/// g scale / sqrt(variance + epsilon), one factor per channel. Most nodes are folded into
/// convolutions before any rule runs.
pub fn batch(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    if node.proto.int("spatial").unwrap_or(1) != 1 {
        return Err(node.error("normalises every position separately (spatial = 0), for which there is no gradient"));
    }
    if !is_foldable(node.proto) {
        return Err(node.error("normalises in training mode; export the model in evaluation mode"));
    }
    if statistics::are_wanted(node) {
        return statistics::given(tape, node);
    }
    let (scale, variance) = (node.input(1)?, node.input(4)?);
    let epsilon = tape.scalar(variance, statistics::epsilon(node));
    let shifted = tape.add(variance, &epsilon);
    let deviation = tape.unary("Sqrt", &shifted);
    let factor = tape.div(scale, &deviation);
    Ok(vec![Some(scaled(tape, node, grad, &factor)?)])
}

pub fn layer(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let (x, axes) = (fitting(node, grad)?, trailing(node)?);
    if statistics::are_wanted(node) {
        return statistics::over_axes(tape, node, &axes, true);
    }
    let grad = times(tape, node, grad, node.input(1)?)?;
    Ok(vec![Some(standardised(tape, x, &grad, &axes, statistics::epsilon(node)))])
}

pub fn root_mean_square(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let (x, axes) = (fitting(node, grad)?, trailing(node)?);
    if statistics::are_wanted(node) {
        return statistics::over_axes(tape, node, &axes, false);
    }
    let grad = times(tape, node, grad, node.input(1)?)?;
    Ok(vec![Some(by_root_mean_square(tape, x, &grad, &axes, statistics::epsilon(node)))])
}

pub fn instance(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let x = fitting(node, grad)?;
    if x.rank() < 3 {
        return Err(node.error("normalises a value without spatial axes"));
    }
    if statistics::are_wanted(node) {
        return statistics::over_images(tape, node);
    }
    let grad = scaled(tape, node, grad, node.input(1)?)?;
    let axes: Vec<usize> = (2..x.rank()).collect();
    Ok(vec![Some(standardised(tape, x, &grad, &axes, statistics::epsilon(node)))])
}

/// There is one scale per group before opset 21, and one per channel from opset 21 on.
pub fn group(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let (x, scale) = (fitting(node, grad)?, node.input(1)?);
    let groups = node.proto.int("num_groups").and_then(|groups| usize::try_from(groups).ok()).unwrap_or(0);
    if groups == 0 || x.rank() < 2 || !x.shape[1].is_multiple_of(groups) {
        return Err(node.error("has groups that do not fit its input"));
    }
    let grouped = [x.shape[0], groups, x.shape[1..].iter().product::<usize>() / groups];
    if statistics::are_wanted(node) {
        return statistics::over_groups(tape, node, &grouped);
    }
    let mut grad = grad.clone();
    if tape.opset() >= 21 {
        grad = scaled(tape, node, &grad, scale)?;
    }
    let (x, mut grad) = (tape.reshape(x, &grouped), tape.reshape(&grad, &grouped));
    if tape.opset() < 21 {
        grad = scaled(tape, node, &grad, scale)?;
    }
    let result = standardised(tape, &x, &grad, &[2], statistics::epsilon(node));
    Ok(vec![Some(tape.reshape(&result, &node.input(0)?.shape))])
}

/// The operator adds a constant to the deviation that is too small to matter.
pub fn mean_variance(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let x = fitting(node, grad)?;
    let axes = node.proto.ints("axes").unwrap_or(&[0, 2, 3]);
    let axes = axes.iter().map(|along| axis(node, *along, x.rank())).collect::<Result<Vec<_>>>()?;
    Ok(vec![Some(standardised(tape, x, grad, &axes, 1e-9))])
}

/// y = x / d^beta, where d = bias + alpha / size times the sum of squares over a window of `size`
/// channels.
pub fn local_response(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let x = fitting(node, grad)?;
    let real = |name: &str, default: f64| node.proto.float(name).map_or(default, f64::from);
    let (alpha, beta, bias) = (real("alpha", 1e-4), real("beta", 0.75), real("bias", 1.0));
    let size = node.proto.int("size").and_then(|size| usize::try_from(size).ok()).unwrap_or(0);
    if size == 0 || x.rank() < 2 {
        return Err(node.error("has a size that does not fit its input"));
    }
    along_axis::check_size(node, x.shape[1], x.shape[1])?;
    let (before, after) = ((size - 1) / 2, size / 2);
    let square = tape.mul(x, x);
    let sum = neighbours(tape, &square, before, after);
    let share = tape.scale(&sum, alpha / size as f64);
    let bias = tape.scalar(x, bias);
    let d = tape.add(&share, &bias);
    let exponent = tape.scalar(x, -beta);
    let power = tape.binary("Pow", &d, &exponent);
    let direct = tape.mul(grad, &power);
    let weighted = tape.mul(&direct, x);
    let weighted = tape.div(&weighted, &d);
    let received = neighbours(tape, &weighted, after, before);
    let received = tape.mul(&received, x);
    let received = tape.scale(&received, 2.0 * alpha * beta / size as f64);
    Ok(vec![Some(tape.sub(&direct, &received))])
}

/// For each channel, the sum from `before` channels before it to `after` channels after it.
fn neighbours(tape: &mut Tape, x: &Tensor, before: usize, after: usize) -> Tensor {
    let count = x.shape[1];
    let counts = |from: usize, to: usize| from.saturating_add(before) >= to && from <= to.saturating_add(after);
    let weight = |place: usize| f64::from(u8::from(counts(place / count, place % count)));
    let matrix: Vec<f64> = (0..count * count).map(weight).collect();
    along_axis::product(tape, x, 1, &matrix, count)
}

/// The input, or an error if the gradient has another shape.
fn fitting<'a>(node: &'a Node, grad: &Tensor) -> Result<&'a Tensor> {
    let x = node.input(0)?;
    if x.shape == grad.shape { Ok(x) } else { Err(node.error("has an output that does not fit its input")) }
}

/// All axes from the attribute `axis` on.
fn trailing(node: &Node) -> Result<Vec<usize>> {
    let rank = node.input(0)?.rank();
    Ok((axis(node, node.proto.int("axis").unwrap_or(-1), rank)?..rank).collect())
}

/// `grad` times a factor that broadcasts to it.
fn times(tape: &mut Tape, node: &Node, grad: &Tensor, factor: &Tensor) -> Result<Tensor> {
    let result = tape.mul(grad, factor);
    if result.shape == grad.shape { Ok(result) } else { Err(node.error("has a scale that does not fit its input")) }
}

/// `grad` times one factor per channel.
fn scaled(tape: &mut Tape, node: &Node, grad: &Tensor, factor: &Tensor) -> Result<Tensor> {
    if grad.rank() < 2 {
        return Err(node.error("normalises a value without channels"));
    }
    let mut shape = vec![1; grad.rank()];
    shape[1] = factor.shape.iter().product();
    let factor = tape.reshape(factor, &shape);
    times(tape, node, grad, &factor)
}

/// The gradient of (x - mean) / deviation, both taken over `axes`.
fn standardised(tape: &mut Tape, x: &Tensor, grad: &Tensor, axes: &[usize], epsilon: f64) -> Tensor {
    let x = centred(tape, x, axes);
    let grad = by_root_mean_square(tape, &x, grad, axes, epsilon);
    centred(tape, &grad, axes)
}

/// With r = sqrt(mean(x^2) + epsilon) and y = x / r: (g - y mean(g y)) / r.
fn by_root_mean_square(tape: &mut Tape, x: &Tensor, grad: &Tensor, axes: &[usize], epsilon: f64) -> Tensor {
    let square = tape.mul(x, x);
    let square = mean(tape, &square, axes);
    let epsilon = tape.scalar(x, epsilon);
    let square = tape.add(&square, &epsilon);
    let root = tape.unary("Sqrt", &square);
    let y = tape.div(x, &root);
    let weighted = tape.mul(grad, &y);
    let weighted = mean(tape, &weighted, axes);
    let change = tape.mul(&y, &weighted);
    let rest = tape.sub(grad, &change);
    tape.div(&rest, &root)
}

fn centred(tape: &mut Tape, x: &Tensor, axes: &[usize]) -> Tensor {
    let mean = mean(tape, x, axes);
    tape.sub(x, &mean)
}

/// The mean over `axes`, which are kept with size 1.
fn mean(tape: &mut Tape, x: &Tensor, axes: &[usize]) -> Tensor {
    let count: usize = axes.iter().map(|axis| x.shape[*axis]).product();
    let sum = tape.reduce_sum(x, axes);
    tape.scale(&sum, 1.0 / count as f64)
}
