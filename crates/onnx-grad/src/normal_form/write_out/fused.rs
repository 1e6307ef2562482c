//! Operators that ONNX Runtime's optimiser makes of several standard ones.

use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI};

use super::attributes;
use crate::error::Result;
use crate::onnx::AttributeProto as Attribute;
use crate::tape::{Node, Tape, Tensor};

/// A convolution, plus another value, and an activation.
pub fn conv(tape: &mut Tape, node: &Node) -> Result<Vec<Tensor>> {
    let bias = node.inputs.get(2).and_then(Option::as_ref);
    let inputs: Vec<&Tensor> = [node.input(0)?, node.input(1)?].into_iter().chain(bias).collect();
    let own = attributes(node, &["auto_pad", "dilations", "group", "kernel_shape", "pads", "strides"]);
    let mut y = tape.emit("Conv", &inputs, own, inputs[0].dtype, node.output(0)?.shape.clone());
    if let Some(other) = node.inputs.get(3).and_then(Option::as_ref) {
        y = tape.add(&y, other);
    }
    activated(tape, node, &y, node.proto.floats("activation_params").unwrap_or_default())
}

pub fn gemm(tape: &mut Tape, node: &Node) -> Result<Vec<Tensor>> {
    let inputs: Vec<&Tensor> = node.inputs.iter().flatten().collect();
    let own = attributes(node, &["alpha", "beta", "transA", "transB"]);
    let y = tape.emit("Gemm", &inputs, own, node.input(0)?.dtype, node.output(0)?.shape.clone());
    let parameters = ["activation_alpha", "activation_beta", "activation_gamma"];
    let parameters: Vec<f32> = parameters.iter().map_while(|name| node.proto.float(name)).collect();
    activated(tape, node, &y, &parameters)
}

/// `y` with the activation that `node` names.
fn activated(tape: &mut Tape, node: &Node, y: &Tensor, parameters: &[f32]) -> Result<Vec<Tensor>> {
    let number = |index: usize, default: f32| parameters.get(index).copied().unwrap_or(default);
    let mut with = |op: &str, attributes| tape.emit(op, &[y], attributes, y.dtype, y.shape.clone());
    Ok(vec![match node.proto.text("activation").unwrap_or_default() {
        "" => y.clone(),
        op @ ("Relu" | "Tanh" | "Sigmoid" | "Softplus" | "Softsign") => with(op, vec![]),
        "LeakyRelu" => with("LeakyRelu", vec![Attribute::float("alpha", number(0, 0.01))]),
        "HardSigmoid" => {
            let beta = Attribute::float("beta", number(1, 0.5));
            with("HardSigmoid", vec![Attribute::float("alpha", number(0, 0.2)), beta])
        }
        "Clip" => {
            let (low, high) = (number(0, f32::MIN), number(1, f32::MAX));
            tape.clip(y, f64::from(low), f64::from(high))
        }
        other => return Err(node.error(&format!("has the unknown activation {other}"))),
    }])
}

/// alpha A' B', where ' is an optional transposition of the last two axes.
pub fn matmul(tape: &mut Tape, node: &Node) -> Result<Vec<Tensor>> {
    let flag = |name: &str| node.proto.int(name).unwrap_or(0) != 0;
    if flag("transBatchA") || flag("transBatchB") {
        return Err(node.error("moves its batch axes; export the model without that"));
    }
    let turned = |tape: &mut Tape, index: usize, name: &str| -> Result<Tensor> {
        let x = node.input(index)?;
        if !flag(name) || x.rank() < 2 {
            return Ok(x.clone());
        }
        let mut order: Vec<usize> = (0..x.rank()).collect();
        order.swap(x.rank() - 2, x.rank() - 1);
        Ok(tape.transpose(x, &order))
    };
    let (a, b) = (turned(tape, 0, "transA")?, turned(tape, 1, "transB")?);
    let y = tape.emit("MatMul", &[&a, &b], vec![], a.dtype, node.output(0)?.shape.clone());
    let alpha = f64::from(node.proto.float("alpha").unwrap_or(1.0));
    Ok(vec![if alpha == 1.0 { y } else { tape.scale(&y, alpha) }])
}

/// The exact form of Gelu, of the sum of all inputs.
pub fn gelu(tape: &mut Tape, node: &Node) -> Result<Vec<Tensor>> {
    let x = summed(tape, node)?;
    if tape.opset() < 9 {
        return Err(node.error("needs opset 9 or later; export the model with that"));
    }
    let scaled = tape.scale(&x, FRAC_1_SQRT_2);
    let odd = tape.unary("Erf", &scaled);
    Ok(vec![half_of(tape, &x, &odd)])
}

/// The approximation of Gelu by tanh, of the sum of all inputs.
pub fn fast_gelu(tape: &mut Tape, node: &Node) -> Result<Vec<Tensor>> {
    let x = summed(tape, node)?;
    let rate = FRAC_1_SQRT_2 * FRAC_2_SQRT_PI;
    let square = tape.mul(&x, &x);
    let (first, second) = (tape.scalar(&x, rate), tape.scale(&square, rate * 0.044_715));
    let steepness = tape.add(&first, &second);
    let inner = tape.mul(&x, &steepness);
    let odd = tape.unary("Tanh", &inner);
    Ok(vec![half_of(tape, &x, &odd)])
}

fn summed(tape: &mut Tape, node: &Node) -> Result<Tensor> {
    Ok(match node.inputs.get(1).and_then(Option::as_ref) {
        Some(bias) => tape.add(node.input(0)?, bias),
        None => node.input(0)?.clone(),
    })
}

/// x (1 + odd) / 2.
fn half_of(tape: &mut Tape, x: &Tensor, odd: &Tensor) -> Tensor {
    let one = tape.scalar(x, 1.0);
    let (halved, more) = (tape.scale(x, 0.5), tape.add(odd, &one));
    tape.mul(&halved, &more)
}

/// x s(alpha x), with the logistic function s.
pub fn quick_gelu(tape: &mut Tape, node: &Node) -> Result<Vec<Tensor>> {
    let x = node.input(0)?;
    let scaled = tape.scale(x, f64::from(node.proto.float("alpha").unwrap_or(1.702)));
    let gate = tape.unary("Sigmoid", &scaled);
    Ok(vec![tape.mul(x, &gate)])
}

/// LayerNormalization of a sum, which is the fourth output.
pub fn skip_layer_normalization(tape: &mut Tape, node: &Node) -> Result<Vec<Tensor>> {
    let sum = skip_sum(tape, node, 4)?;
    let shift = node.inputs.get(3).and_then(Option::as_ref);
    let inputs: Vec<&Tensor> = [&sum, node.input(2)?].into_iter().chain(shift).collect();
    let epsilon = Attribute::float("epsilon", node.proto.float("epsilon").unwrap_or(1e-12));
    let y = tape.emit("LayerNormalization", &inputs, vec![epsilon], sum.dtype, sum.shape.clone());
    with_sum(node, y, sum)
}

/// Division of a sum, which is the fourth output, by its root mean square.
pub fn skip_rms_normalization(tape: &mut Tape, node: &Node) -> Result<Vec<Tensor>> {
    let sum = skip_sum(tape, node, 3)?;
    let y = by_root_mean_square(tape, node, &sum, node.input(2)?, 1)?;
    with_sum(node, y, sum)
}

/// Division by the root mean square.
pub fn rms_normalization(tape: &mut Tape, node: &Node) -> Result<Vec<Tensor>> {
    let x = node.input(0)?;
    let from = crate::rules::axis(node, node.proto.int("axis").unwrap_or(-1), x.rank())?;
    if node.output(0).is_err() || node.outputs.len() > 1 {
        return Err(node.error("has outputs besides the first; export the model without them"));
    }
    Ok(vec![by_root_mean_square(tape, node, x, node.input(1)?, x.rank() - from)?])
}

/// `x` over the root of its mean square over the last `axes` axes, times `scale`.
fn by_root_mean_square(tape: &mut Tape, node: &Node, x: &Tensor, scale: &Tensor, axes: usize) -> Result<Tensor> {
    let square = tape.mul(x, x);
    let axes: Vec<usize> = (x.rank().saturating_sub(axes)..x.rank()).collect();
    let mean = tape.reduce(&square, "ReduceMean", &axes);
    let epsilon = tape.scalar(x, f64::from(node.proto.float("epsilon").unwrap_or(1e-5)));
    let shifted = tape.add(&mean, &epsilon);
    let root = tape.unary("Sqrt", &shifted);
    let over = tape.div(x, &root);
    Ok(tape.mul(&over, scale))
}

/// The sum of the first two inputs and of the bias at input `bias`.
fn skip_sum(tape: &mut Tape, node: &Node, bias: usize) -> Result<Tensor> {
    let sum = tape.add(node.input(0)?, node.input(1)?);
    Ok(match node.inputs.get(bias).and_then(Option::as_ref) {
        Some(bias) => tape.add(&sum, bias),
        None => sum,
    })
}

/// The outputs `y` and the sum. The statistics between them are made in training only.
fn with_sum(node: &Node, y: Tensor, sum: Tensor) -> Result<Vec<Tensor>> {
    if node.proto.output.iter().skip(1).take(2).any(|name| !name.is_empty()) {
        return Err(node.error("gives its mean or deviation; export the model without them"));
    }
    Ok(vec![y.clone(), y.clone(), y, sum])
}
