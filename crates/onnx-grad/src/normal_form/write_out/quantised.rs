//! Operators on quantised values, written out as the operator on floats between DequantizeLinear and QuantizeLinear.

use super::attributes;
use crate::error::Result;
use crate::onnx::{AttributeProto as Attribute, DataType};
use crate::tape::{Node, Tape, Tensor};

/// The float that input `index` stands for. The scale and the zero point follow it.
fn read(tape: &mut Tape, node: &Node, index: usize) -> Result<Tensor> {
    read_as(tape, node, [index, index + 1, index + 2], 0)
}

/// The float that the input at the first of three places stands for, with its scale and zero point at the others. If
/// there are several scales, each is for one place on `axis`.
fn read_as(tape: &mut Tape, node: &Node, [value, scale, zero]: [usize; 3], axis: usize) -> Result<Tensor> {
    let (x, scale) = (node.input(value)?, node.input(scale)?);
    let zero = node.inputs.get(zero).and_then(Option::as_ref);
    if scale.shape.iter().product::<usize>() == 1 {
        let parameters = [Some(scale), zero].map(|x| x.map(|x| tape.reshape(x, &[])));
        let inputs: Vec<&Tensor> = [x].into_iter().chain(parameters.iter().flatten()).collect();
        return Ok(tape.emit("DequantizeLinear", &inputs, vec![], scale.dtype, x.shape.clone()));
    }
    // Before opset 13, DequantizeLinear takes one scale only.
    let mut shape = vec![1; x.rank()];
    if scale.rank() != 1 || x.shape.get(axis) != scale.shape.first() {
        return Err(node.error("has scales that do not fit its input"));
    }
    shape[axis] = scale.shape[0];
    let mut values = tape.cast(x, scale.dtype);
    if let Some(zero) = zero {
        let zero = tape.cast(zero, scale.dtype);
        let zero = if zero.rank() == 1 && zero.shape != [1] { tape.reshape(&zero, &shape) } else { zero };
        values = tape.sub(&values, &zero);
    }
    let scale = tape.reshape(scale, &shape);
    Ok(tape.mul(&values, &scale))
}

/// `y` quantised with the scale at input `index` and the zero point after it.
fn written(tape: &mut Tape, node: &Node, y: &Tensor, index: usize) -> Result<Vec<Tensor>> {
    let scale = node.input(index)?;
    if scale.shape.iter().product::<usize>() != 1 {
        return Err(node.error("has more than one scale for its output; export the model with one"));
    }
    let scale = tape.reshape(scale, &[]);
    let zero = node.inputs.get(index + 1).cloned().flatten().map(|zero| tape.reshape(&zero, &[]));
    let inputs: Vec<&Tensor> = [y, &scale].into_iter().chain(&zero).collect();
    Ok(vec![tape.emit("QuantizeLinear", &inputs, vec![], node.output(0)?.dtype, y.shape.clone())])
}

/// # Errors
/// [`crate::Error::Graph`] if the channels are the last axis.
fn check_channels(node: &Node) -> Result<()> {
    match node.proto.int("channels_last").unwrap_or(0) {
        0 => Ok(()),
        _ => Err(node.error("has channels in the last axis; export the model with channels after the batch")),
    }
}

pub fn conv(tape: &mut Tape, node: &Node) -> Result<Vec<Tensor>> {
    check_channels(node)?;
    let x = read(tape, node, 0)?;
    let weights = read_as(tape, node, [3, 4, 5], 0)?;
    let bias = match node.inputs.get(8).and_then(Option::as_ref) {
        Some(bias) => {
            let (of_x, of_weights) = (tape.reshape(node.input(1)?, &[1]), node.input(4)?);
            let scale = tape.mul(&of_x, of_weights);
            let bias = tape.cast(bias, x.dtype);
            Some(tape.mul(&bias, &scale))
        }
        None => None,
    };
    let inputs: Vec<&Tensor> = [&x, &weights].into_iter().chain(&bias).collect();
    let own = attributes(node, &["auto_pad", "dilations", "group", "kernel_shape", "pads", "strides"]);
    let y = tape.emit("Conv", &inputs, own, x.dtype, node.output(0)?.shape.clone());
    written(tape, node, &y, 6)
}

pub fn matmul(tape: &mut Tape, node: &Node) -> Result<Vec<Tensor>> {
    let last = node.input(3)?.rank().saturating_sub(1);
    let (a, b) = (read(tape, node, 0)?, read_as(tape, node, [3, 4, 5], last)?);
    let y = tape.emit("MatMul", &[&a, &b], vec![], a.dtype, node.output(0)?.shape.clone());
    written(tape, node, &y, 6)
}

/// A product of quantised matrices that gives floats.
pub fn matmul_to_float(tape: &mut Tape, node: &Node) -> Result<Vec<Tensor>> {
    let last = node.input(1)?.rank().saturating_sub(1);
    let (a, b) = (read_as(tape, node, [0, 2, 4], 0)?, read_as(tape, node, [1, 3, 5], last)?);
    with_bias(tape, node, &a, &b, 6)
}

/// A product of floats, which are quantised first, with quantised weights.
pub fn dynamic_matmul(tape: &mut Tape, node: &Node) -> Result<Vec<Tensor>> {
    let (a, last) = (node.input(0)?, node.input(1)?.rank().saturating_sub(1));
    let outputs = vec![(DataType::Uint8, a.shape.clone()), (a.dtype, vec![]), (DataType::Uint8, vec![])];
    let rounded = tape.emit_many("DynamicQuantizeLinear", &[a], vec![], outputs);
    let inputs: Vec<&Tensor> = rounded.iter().collect();
    let a = tape.emit("DequantizeLinear", &inputs, vec![], a.dtype, a.shape.clone());
    let b = read_as(tape, node, [1, 2, 3], last)?;
    with_bias(tape, node, &a, &b, 4)
}

fn with_bias(tape: &mut Tape, node: &Node, a: &Tensor, b: &Tensor, bias: usize) -> Result<Vec<Tensor>> {
    let y = tape.emit("MatMul", &[a, b], vec![], a.dtype, node.output(0)?.shape.clone());
    Ok(vec![match node.inputs.get(bias).and_then(Option::as_ref) {
        Some(bias) => tape.add(&y, bias),
        None => y,
    }])
}

/// alpha (A' B' + C a b), with the scales a and b. The result is a float if it has no scale of its own.
pub fn gemm(tape: &mut Tape, node: &Node) -> Result<Vec<Tensor>> {
    let columns = usize::from(node.proto.int("transB").unwrap_or(0) == 0);
    let (a, b) = (read(tape, node, 0)?, read_as(tape, node, [3, 4, 5], columns)?);
    let bias = match node.inputs.get(6).and_then(Option::as_ref) {
        Some(bias) => {
            let of_a = tape.reshape(node.input(1)?, &[1]);
            let scale = tape.mul(&of_a, node.input(4)?);
            let bias = tape.cast(bias, a.dtype);
            tape.mul(&bias, &scale)
        }
        None => tape.scalar(&a, 0.0),
    };
    let own = attributes(node, &["alpha", "transA", "transB"]);
    let alpha = node.proto.float("alpha").unwrap_or(1.0);
    let own = own.into_iter().chain([Attribute::float("beta", alpha)]).collect();
    let y = tape.emit("Gemm", &[&a, &b, &bias], own, a.dtype, node.output(0)?.shape.clone());
    let quantises = node.inputs.get(7).is_some_and(Option::is_some);
    if quantises { written(tape, node, &y, 7) } else { Ok(vec![y]) }
}

pub fn add(tape: &mut Tape, node: &Node) -> Result<Vec<Tensor>> {
    binary(tape, node, "Add")
}

pub fn mul(tape: &mut Tape, node: &Node) -> Result<Vec<Tensor>> {
    binary(tape, node, "Mul")
}

fn binary(tape: &mut Tape, node: &Node, op: &str) -> Result<Vec<Tensor>> {
    let (a, b) = (read(tape, node, 0)?, read(tape, node, 3)?);
    let y = tape.binary(op, &a, &b);
    written(tape, node, &y, 6)
}

pub fn sigmoid(tape: &mut Tape, node: &Node) -> Result<Vec<Tensor>> {
    unary(tape, node, "Sigmoid", &[])
}

pub fn leaky_relu(tape: &mut Tape, node: &Node) -> Result<Vec<Tensor>> {
    unary(tape, node, "LeakyRelu", &["alpha"])
}

pub fn global_average_pool(tape: &mut Tape, node: &Node) -> Result<Vec<Tensor>> {
    unary(tape, node, "GlobalAveragePool", &[])
}

pub fn average_pool(tape: &mut Tape, node: &Node) -> Result<Vec<Tensor>> {
    unary(tape, node, "AveragePool", &["auto_pad", "ceil_mode", "count_include_pad", "kernel_shape", "pads", "strides"])
}

/// The operator `op` of one value, with the attributes `names`.
fn unary(tape: &mut Tape, node: &Node, op: &str, names: &[&str]) -> Result<Vec<Tensor>> {
    check_channels(node)?;
    let x = read(tape, node, 0)?;
    let y = tape.emit(op, &[&x], attributes(node, names), x.dtype, node.output(0)?.shape.clone());
    written(tape, node, &y, 3)
}

/// The scale and the zero point of the result come first.
pub fn concat(tape: &mut Tape, node: &Node) -> Result<Vec<Tensor>> {
    let starts = (2..node.inputs.len()).step_by(3);
    let parts = starts.map(|index| read(tape, node, index)).collect::<Result<Vec<_>>>()?;
    let inputs: Vec<&Tensor> = parts.iter().collect();
    let scale = node.input(0)?;
    let y = tape.emit("Concat", &inputs, attributes(node, &["axis"]), scale.dtype, node.output(0)?.shape.clone());
    written(tape, node, &y, 0)
}

/// ONNX Runtime's own QuantizeLinear or DequantizeLinear, as the standard one.
pub fn as_standard(tape: &mut Tape, node: &Node) -> Result<Vec<Tensor>> {
    let inputs: Vec<&Tensor> = node.inputs.iter().flatten().collect();
    let y = node.output(0)?;
    let own = if tape.opset() < 13 { vec![] } else { attributes(node, &["axis"]) };
    if tape.opset() < 13 && node.input(1)?.shape.iter().product::<usize>() != 1 {
        return Err(node.error("has a scale for each channel; export the model with opset 13 or later"));
    }
    Ok(vec![tape.emit(node.proto.op_type(), &inputs, own, y.dtype, y.shape.clone())])
}
