//! Each rule against finite differences, for every attribute that matters, at many opsets, in both variants.

use std::error::Error;

use crate::common::{Graph, Random, reals, relative_error, try_session, value};
use ort::session::Session;
use salstream::grad::{Options, RULES, Variant, differentiate};
use salstream::model::probe;
use salstream::onnx::{AttributeProto as A, DataType, ModelProto};

/// One use of an operator.
struct Case {
    op: &'static str,
    what: &'static str,
    /// ONNX Runtime computes convolutions and averages in float32 only. They are linear, so that long steps make finite
    /// differences exact there.
    dtype: DataType,
    opsets: &'static [i64],
    image: &'static [usize],
    build: fn(&mut Graph) -> String,
}

const ALL: &[i64] = &[7, 8, 9, 10, 11, 12, 13, 15, 17, 18, 20, 22];
const FROM_8: &[i64] = &[8, 9, 10, 11, 12, 13, 18, 22];
const FROM_11: &[i64] = &[11, 13, 18, 22];
const F32: DataType = DataType::Float;
const F64: DataType = DataType::Double;
const IMAGE: &[usize] = &[1, 3, 9, 8];

const fn case(
    op: &'static str,
    what: &'static str,
    dtype: DataType,
    opsets: &'static [i64],
    image: &'static [usize],
    build: fn(&mut Graph) -> String,
) -> Case {
    Case { op, what, dtype, opsets, image, build }
}

fn conv(g: &mut Graph, weights: &[usize], attributes: Vec<A>) -> String {
    let (w, b) = (g.weights(weights), g.weights(&weights[..1]));
    g.node("Conv", &["image", &w, &b], attributes)
}

fn pool(g: &mut Graph, op: &str, kernel: &[i64], mut attributes: Vec<A>) -> String {
    attributes.push(A::ints("kernel_shape", kernel));
    g.node(op, &["image"], attributes)
}

/// The image flattened to `[rows, columns]`.
fn matrix(g: &mut Graph, sizes: &[i64]) -> String {
    let sizes = g.integers(sizes);
    g.node("Reshape", &["image", &sizes], vec![])
}

/// A node whose axes are an attribute before opset `since`, and an input from then on.
fn with_axes(g: &mut Graph, op: &str, since: i64, input: &str, axes: &[i64], mut attributes: Vec<A>) -> String {
    if g.opset < since {
        attributes.push(A::ints("axes", axes));
        return g.node(op, &[input], attributes);
    }
    let axes = g.integers(axes);
    g.node(op, &[input, &axes], attributes)
}

fn clip(g: &mut Graph, low: Option<f64>, high: Option<f64>) -> String {
    if g.opset < 11 {
        let bound = |name: &str, value: Option<f64>| value.map(|value| A::float(name, value as f32));
        return g.node("Clip", &["image"], bound("min", low).into_iter().chain(bound("max", high)).collect());
    }
    let mut bound = |value: Option<f64>| value.map_or(String::new(), |value| g.reals(&[], &[value]));
    let (low, high) = (bound(low), bound(high));
    g.node("Clip", &["image", &low, &high], vec![])
}

fn norm(g: &mut Graph, input: &str, attributes: Vec<A>) -> String {
    let [scale, bias, mean, variance] = [g.positive(&[3]), g.weights(&[3]), g.weights(&[3]), g.positive(&[3])];
    g.node("BatchNormalization", &[input, &scale, &bias, &mean, &variance], attributes)
}

fn pad(g: &mut Graph, pads: &[i64]) -> String {
    if g.opset < 11 {
        return g.node("Pad", &["image"], vec![A::ints("pads", pads)]);
    }
    let pads = g.integers(pads);
    g.node("Pad", &["image", &pads], vec![])
}

#[rustfmt::skip]
const CASES: &[Case] = &[
    case("Add", "broadcast", F64, ALL, IMAGE, |g| { let w = g.weights(&[2, 3, 1, 8]); g.node("Add", &["image", &w], vec![]) }),
    case("Add", "same operand twice", F64, ALL, IMAGE, |g| g.node("Add", &["image", "image"], vec![])),
    case("Sub", "from a constant", F64, ALL, IMAGE, |g| { let w = g.weights(&[9, 1]); g.node("Sub", &[&w, "image"], vec![]) }),
    case("Sub", "broadcast by itself", F64, ALL, IMAGE, |g| { let m = with_axes(g, "ReduceMean", 18, "image", &[2, 3], vec![]); g.node("Sub", &["image", &m], vec![]) }),
    case("Mul", "square", F64, ALL, IMAGE, |g| g.node("Mul", &["image", "image"], vec![])),
    case("Mul", "image repeated", F64, ALL, &[1, 3, 1, 4], |g| { let w = g.weights(&[3, 5, 1]); g.node("Mul", &["image", &w], vec![]) }),
    case("Div", "numerator", F64, ALL, IMAGE, |g| { let w = g.positive(&[8]); g.node("Div", &["image", &w], vec![]) }),
    case("Div", "denominator", F64, ALL, IMAGE, |g| { let w = g.weights(&[3, 9, 8]); let two = g.reals(&[], &[2.0]); let x = g.node("Add", &["image", &two], vec![]); g.node("Div", &[&w, &x], vec![]) }),
    case("Sum", "three operands", F64, &[8, 12, 13, 22], IMAGE, |g| { let w = g.weights(&[3, 1, 1]); let s = g.node("Mul", &["image", "image"], vec![]); g.node("Sum", &["image", &w, &s], vec![]) }),
    case("Conv", "3x3", F32, ALL, IMAGE, |g| conv(g, &[4, 3, 3, 3], vec![A::ints("pads", &[1, 1, 1, 1])])),
    case("Conv", "1x1", F32, ALL, IMAGE, |g| conv(g, &[4, 3, 1, 1], vec![])),
    case("Conv", "asymmetric pads and kernel", F32, ALL, IMAGE, |g| conv(g, &[2, 3, 3, 2], vec![A::ints("pads", &[0, 1, 2, 0])])),
    case("Conv", "pads wider than the kernel", F32, ALL, IMAGE, |g| conv(g, &[2, 3, 2, 1], vec![A::ints("pads", &[2, 1, 3, 1])])),
    case("Conv", "stride 2, kernel 3", F32, ALL, IMAGE, |g| conv(g, &[4, 3, 3, 3], vec![A::ints("strides", &[2, 2]), A::ints("pads", &[1, 1, 1, 1])])),
    case("Conv", "stride 2, kernel 7", F32, FROM_11, &[1, 3, 12, 10], |g| conv(g, &[2, 3, 7, 7], vec![A::ints("strides", &[2, 2]), A::ints("pads", &[3, 3, 3, 3])])),
    case("Conv", "stride 2, kernel 1", F32, ALL, IMAGE, |g| conv(g, &[4, 3, 1, 1], vec![A::ints("strides", &[2, 2])])),
    case("Conv", "stride 2, pads of SAME", F32, FROM_11, &[1, 3, 8, 8], |g| conv(g, &[2, 3, 3, 3], vec![A::ints("strides", &[2, 2]), A::ints("pads", &[0, 0, 1, 1])])),
    case("Conv", "strides 3 and 2, rows left over", F32, ALL, &[1, 3, 12, 9], |g| conv(g, &[2, 3, 2, 2], vec![A::ints("strides", &[3, 2])])),
    case("Conv", "dilation", F32, ALL, IMAGE, |g| conv(g, &[2, 3, 3, 2], vec![A::ints("dilations", &[2, 3]), A::ints("pads", &[2, 1, 2, 2])])),
    case("Conv", "dilation and stride", F32, FROM_11, &[1, 3, 11, 9], |g| conv(g, &[2, 3, 3, 2], vec![A::ints("dilations", &[2, 3]), A::ints("strides", &[2, 2]), A::ints("pads", &[2, 1, 2, 2])])),
    case("Conv", "depthwise", F32, ALL, IMAGE, |g| conv(g, &[3, 1, 3, 3], vec![A::int("group", 3), A::ints("pads", &[1, 1, 1, 1])])),
    case("Conv", "depthwise, multiplied, stride 2", F32, ALL, IMAGE, |g| conv(g, &[6, 1, 3, 3], vec![A::int("group", 3), A::ints("strides", &[2, 2]), A::ints("pads", &[1, 1, 1, 1])])),
    case("Conv", "groups", F32, FROM_11, IMAGE, |g| { let x = conv(g, &[4, 3, 1, 1], vec![]); let w = g.weights(&[6, 2, 3, 3]); g.node("Conv", &[&x, &w], vec![A::int("group", 2)]) }),
    case("Conv", "SAME_UPPER", F32, FROM_11, IMAGE, |g| conv(g, &[2, 3, 3, 4], vec![A::text("auto_pad", "SAME_UPPER"), A::ints("strides", &[2, 2])])),
    case("Conv", "SAME_LOWER", F32, FROM_11, IMAGE, |g| conv(g, &[2, 3, 3, 4], vec![A::text("auto_pad", "SAME_LOWER"), A::ints("strides", &[2, 1])])),
    case("Conv", "VALID", F32, FROM_11, IMAGE, |g| conv(g, &[2, 3, 3, 4], vec![A::text("auto_pad", "VALID"), A::ints("strides", &[1, 2])])),
    case("Conv", "one axis", F32, FROM_11, IMAGE, |g| { let x = matrix(g, &[1, 3, 72]); let w = g.weights(&[2, 3, 5]); g.node("Conv", &[&x, &w], vec![A::ints("strides", &[2])]) }),
    case("Conv", "three axes", F32, FROM_11, &[1, 3, 8, 6], |g| { let x = matrix(g, &[1, 3, 4, 3, 4]); let w = g.weights(&[2, 3, 2, 2, 2]); g.node("Conv", &[&x, &w], vec![A::ints("pads", &[1, 0, 1, 0, 1, 0])]) }),
    case("Gemm", "plain", F64, ALL, IMAGE, |g| { let x = matrix(g, &[24, 9]); let (w, c) = (g.weights(&[9, 4]), g.weights(&[4])); g.node("Gemm", &[&x, &w, &c], vec![A::float("alpha", 0.5), A::float("beta", 2.0)]) }),
    case("Gemm", "transposed weights", F64, ALL, IMAGE, |g| { let x = matrix(g, &[24, 9]); let (w, c) = (g.weights(&[4, 9]), g.weights(&[4])); g.node("Gemm", &[&x, &w, &c], vec![A::int("transB", 1)]) }),
    case("Gemm", "transposed image", F64, ALL, IMAGE, |g| { let x = matrix(g, &[24, 9]); let (w, c) = (g.weights(&[24, 4]), g.weights(&[4])); g.node("Gemm", &[&x, &w, &c], vec![A::int("transA", 1)]) }),
    case("Gemm", "both transposed", F64, ALL, IMAGE, |g| { let x = matrix(g, &[24, 9]); let (w, c) = (g.weights(&[4, 24]), g.weights(&[4])); g.node("Gemm", &[&x, &w, &c], vec![A::int("transA", 1), A::int("transB", 1)]) }),
    case("Gemm", "image on the right and as the bias", F64, ALL, &[1, 3, 2, 6], |g| { let x = matrix(g, &[6, 6]); let w = g.weights(&[6, 6]); g.node("Gemm", &[&w, &x, &x], vec![A::int("transB", 1), A::float("beta", 0.5)]) }),
    case("MatMul", "stacks, broadcast", F64, FROM_11, IMAGE, |g| { let w = g.weights(&[2, 1, 8, 5]); g.node("MatMul", &["image", &w], vec![]) }),
    case("MatMul", "image on the right, repeated", F64, FROM_11, &[1, 3, 4, 5], |g| { let x = matrix(g, &[1, 1, 12, 5]); let w = g.weights(&[3, 2, 12]); g.node("MatMul", &[&w, &x], vec![]) }),
    case("MatMul", "by a vector", F64, FROM_11, IMAGE, |g| { let w = g.weights(&[8]); g.node("MatMul", &["image", &w], vec![]) }),
    case("MatMul", "a vector by itself as a matrix", F32, FROM_11, &[1, 3, 2, 2], |g| { let (x, m) = (matrix(g, &[12]), matrix(g, &[12, 1])); g.node("MatMul", &[&x, &m], vec![]) }),
    case("Relu", "", F64, ALL, IMAGE, |g| g.node("Relu", &["image"], vec![])),
    case("Relu", "float32", F32, ALL, IMAGE, |g| g.node("Relu", &["image"], vec![])),
    case("Clip", "both bounds", F64, &[12, 13, 22], IMAGE, |g| clip(g, Some(-0.5), Some(0.25))),
    case("Clip", "both bounds, float32", F32, ALL, IMAGE, |g| clip(g, Some(-0.5), Some(0.25))),
    case("Clip", "lower bound", F32, ALL, IMAGE, |g| clip(g, Some(0.12), None)),
    case("Clip", "upper bound", F32, ALL, IMAGE, |g| clip(g, None, Some(0.12))),
    case("Clip", "no bound", F32, ALL, IMAGE, |g| clip(g, None, None)),
    case("Sigmoid", "", F64, FROM_11, IMAGE, |g| g.node("Sigmoid", &["image"], vec![])),
    case("Softmax", "default axis", F64, ALL, IMAGE, |g| { let y = g.node("Softmax", &["image"], vec![]); g.node("Mul", &[&y, &y], vec![]) }),
    case("Softmax", "channels", F64, ALL, IMAGE, |g| { let y = g.node("Softmax", &["image"], vec![A::int("axis", 1)]); g.node("Mul", &[&y, &y], vec![]) }),
    case("Softmax", "from the end", F64, FROM_11, IMAGE, |g| g.node("Softmax", &["image"], vec![A::int("axis", -2)])),
    case("LogSoftmax", "default axis", F64, ALL, IMAGE, |g| g.node("LogSoftmax", &["image"], vec![])),
    case("LogSoftmax", "rows", F64, ALL, IMAGE, |g| g.node("LogSoftmax", &["image"], vec![A::int("axis", 2)])),
    case("BatchNormalization", "general", F64, &[9, 14, 15, 22], IMAGE, |g| norm(g, "image", vec![A::float("epsilon", 0.01)])),
    case("BatchNormalization", "general, float32", F32, ALL, IMAGE, |g| norm(g, "image", vec![])),
    case("BatchNormalization", "folded", F32, ALL, IMAGE, |g| { let y = conv(g, &[3, 3, 3, 3], vec![]); norm(g, &y, vec![]) }),
    case("BatchNormalization", "not folded: the convolution is read twice", F32, ALL, IMAGE, |g| { let y = conv(g, &[3, 3, 1, 1], vec![]); let n = norm(g, &y, vec![]); g.node("Add", &[&y, &n], vec![]) }),
    case("MaxPool", "3x3, stride 2", F64, FROM_8, IMAGE, |g| pool(g, "MaxPool", &[3, 3], vec![A::ints("strides", &[2, 2]), A::ints("pads", &[1, 1, 1, 1])])),
    case("MaxPool", "2x2, stride 2, rows left over", F64, FROM_8, IMAGE, |g| pool(g, "MaxPool", &[2, 2], vec![A::ints("strides", &[2, 2])])),
    case("MaxPool", "float32", F32, ALL, IMAGE, |g| pool(g, "MaxPool", &[3, 2], vec![A::ints("strides", &[2, 1])])),
    case("MaxPool", "overlapping, stride 1", F64, FROM_8, IMAGE, |g| pool(g, "MaxPool", &[3, 2], vec![A::ints("pads", &[1, 0, 1, 1])])),
    case("MaxPool", "ceil_mode", F64, FROM_11, &[1, 3, 10, 8], |g| pool(g, "MaxPool", &[3, 3], vec![A::ints("strides", &[2, 2]), A::int("ceil_mode", 1)])),
    case("MaxPool", "different strides", F64, FROM_11, IMAGE, |g| pool(g, "MaxPool", &[2, 3], vec![A::ints("strides", &[3, 2]), A::ints("pads", &[1, 1, 0, 1])])),
    case("MaxPool", "stride wider than the kernel", F64, FROM_11, IMAGE, |g| pool(g, "MaxPool", &[1, 2], vec![A::ints("strides", &[2, 3])])),
    case("MaxPool", "dilation", F64, FROM_11, IMAGE, |g| pool(g, "MaxPool", &[3, 2], vec![A::ints("dilations", &[2, 3]), A::ints("strides", &[2, 1])])),
    case("MaxPool", "SAME_UPPER", F64, FROM_11, IMAGE, |g| pool(g, "MaxPool", &[3, 3], vec![A::ints("strides", &[2, 2]), A::text("auto_pad", "SAME_UPPER")])),
    case("MaxPool", "SAME_LOWER", F64, FROM_11, IMAGE, |g| pool(g, "MaxPool", &[2, 2], vec![A::ints("strides", &[2, 1]), A::text("auto_pad", "SAME_LOWER")])),
    case("MaxPool", "one axis", F64, FROM_11, IMAGE, |g| { let x = matrix(g, &[1, 3, 72]); g.node("MaxPool", &[&x], vec![A::ints("kernel_shape", &[3]), A::ints("strides", &[2])]) }),
    case("AveragePool", "2x2, stride 2", F32, ALL, IMAGE, |g| pool(g, "AveragePool", &[2, 2], vec![A::ints("strides", &[2, 2])])),
    case("AveragePool", "padding left out of the mean", F32, ALL, IMAGE, |g| pool(g, "AveragePool", &[3, 3], vec![A::ints("pads", &[1, 1, 1, 1])])),
    case("AveragePool", "padding counted", F32, ALL, IMAGE, |g| pool(g, "AveragePool", &[3, 3], vec![A::ints("pads", &[1, 1, 1, 1]), A::int("count_include_pad", 1)])),
    // From opset 19 on, ONNX Runtime 1.24.1 counts asymmetric padding differently from its other versions.
    case("AveragePool", "asymmetric padding counted", F32, &[7, 10, 11, 18], IMAGE, |g| pool(g, "AveragePool", &[3, 3], vec![A::ints("pads", &[1, 0, 1, 2]), A::int("count_include_pad", 1)])),
    case("AveragePool", "ceil_mode", F32, &[19, 22], &[1, 3, 10, 8], |g| pool(g, "AveragePool", &[3, 3], vec![A::ints("strides", &[2, 2]), A::int("ceil_mode", 1)])),
    case("AveragePool", "ceil_mode, padding counted", F32, &[19, 22], &[1, 3, 10, 9], |g| pool(g, "AveragePool", &[3, 3], vec![A::ints("strides", &[2, 2]), A::ints("pads", &[1, 1, 1, 1]), A::int("ceil_mode", 1), A::int("count_include_pad", 1)])),
    case("AveragePool", "dilation", F32, &[19, 22], IMAGE, |g| pool(g, "AveragePool", &[3, 2], vec![A::ints("dilations", &[2, 3])])),
    case("AveragePool", "SAME_UPPER", F32, FROM_11, IMAGE, |g| pool(g, "AveragePool", &[3, 3], vec![A::ints("strides", &[2, 2]), A::text("auto_pad", "SAME_UPPER")])),
    case("GlobalAveragePool", "", F32, ALL, IMAGE, |g| g.node("GlobalAveragePool", &["image"], vec![])),
    case("ReduceMean", "kept axes", F64, ALL, IMAGE, |g| with_axes(g, "ReduceMean", 18, "image", &[2, 3], vec![])),
    case("ReduceMean", "dropped axis", F64, FROM_11, IMAGE, |g| with_axes(g, "ReduceMean", 18, "image", &[-3], vec![A::int("keepdims", 0)])),
    case("ReduceMean", "all axes", F64, ALL, IMAGE, |g| g.node("ReduceMean", &["image"], vec![])),
    case("Cast", "to double and back", F32, ALL, IMAGE, |g| { let x = g.node("Cast", &["image"], vec![A::int("to", 11)]); let x = g.node("Cast", &[&x], vec![A::int("to", 1)]); g.node("Mul", &[&x, &x], vec![]) }),
    case("Concat", "channels", F64, ALL, IMAGE, |g| { let s = g.node("Mul", &["image", "image"], vec![]); let w = g.weights(&[1, 2, 9, 8]); g.node("Concat", &["image", &w, &s], vec![A::int("axis", 1)]) }),
    case("Concat", "last axis", F64, FROM_11, IMAGE, |g| { let w = g.weights(&[1, 3, 9, 2]); g.node("Concat", &["image", &w], vec![A::int("axis", -1)]) }),
    case("Dropout", "", F64, ALL, IMAGE, |g| g.node("Dropout", &["image"], vec![])),
    case("Flatten", "", F64, ALL, IMAGE, |g| g.node("Flatten", &["image"], vec![])),
    case("Identity", "", F64, ALL, IMAGE, |g| g.node("Identity", &["image"], vec![])),
    case("Pad", "added", F64, ALL, IMAGE, |g| pad(g, &[0, 1, 2, 0, 0, 0, 1, 3])),
    case("Pad", "cut off", F64, ALL, IMAGE, |g| pad(g, &[0, 0, -1, 2, 0, 1, 0, -3])),
    case("Pad", "axes", F64, &[18, 22], IMAGE, |g| { let (p, a) = (g.integers(&[1, 2, 0, 1]), g.integers(&[-1, 2])); g.node("Pad", &["image", &p, "", &a], vec![]) }),
    case("Reshape", "0 and -1", F64, ALL, IMAGE, |g| matrix(g, &[0, -1, 4])),
    case("Squeeze", "", F64, ALL, &[1, 3, 1, 6], |g| with_axes(g, "Squeeze", 13, "image", &[2], vec![])),
    case("Transpose", "given", F64, ALL, IMAGE, |g| g.node("Transpose", &["image"], vec![A::ints("perm", &[0, 2, 3, 1])])),
    case("Transpose", "default", F64, ALL, IMAGE, |g| g.node("Transpose", &["image"], vec![])),
    case("Unsqueeze", "", F64, ALL, IMAGE, |g| with_axes(g, "Unsqueeze", 13, "image", &[1, 3], vec![])),
];

/// A score that depends on every element of the operator's result: a random weighting of it, one for each class.
fn with_scores(case: &Case, opset: i64) -> Result<ModelProto, Box<dyn Error>> {
    let mut graph = Graph::new(opset, case.dtype);
    let result = (case.build)(&mut graph);
    let mut forward = try_session(&graph.model(case.image, &result))?;
    let picture = value(case.dtype, case.image, &vec![0.5; case.image.iter().product()]);
    let count = reals(&forward.run(ort::inputs!["image" => picture])?[0]).len();
    let sizes = graph.integers(&[1, count as i64]);
    let row = graph.node("Reshape", &[&result, &sizes], vec![]);
    let weights = graph.weights(&[count, 2]);
    let scores = graph.node("MatMul", &[&row, &weights], vec![]);
    Ok(graph.model(case.image, &scores))
}

fn run(session: &mut Session, case: &Case, picture: &[f64]) -> Result<(f64, Vec<f64>), Box<dyn Error>> {
    let picture = value(case.dtype, case.image, picture);
    let target = ort::value::Tensor::from_array(([1], vec![1i64]))?;
    let values = session.run(ort::inputs!["image" => picture, "target" => target])?;
    Ok((reals(&values["scores"])[1], reals(&values["gradient"])))
}

/// Distinct values, at least 0.005 apart and from every bound in the cases, in a random order.
fn distinct(count: usize, random: &mut Random) -> Vec<f64> {
    let mut values: Vec<f64> = (0..count).map(|index| (index as f64 + 0.5 - count as f64 / 2.0) / 100.0).collect();
    for index in (1..count).rev() {
        values.swap(index, ((random.next() + 1.0) / 2.0 * index as f64) as usize);
    }
    values
}

fn check(case: &Case, opset: i64) -> Result<(), Box<dyn Error>> {
    let model = with_scores(case, opset)?;
    let shapes = probe(&model, 1)?;
    let mut random = Random(42);
    let count = case.image.iter().product();
    let picture = distinct(count, &mut random);
    let kinked = ["Relu", "Clip", "MaxPool", "Cast"].contains(&case.op);
    let (step, tolerance) = match case.dtype {
        F64 => (1e-4, 1e-6),
        _ if kinked => (1e-3, 2e-3),
        _ => (0.5, 1e-4),
    };
    let mut found = Vec::new();
    for variant in [Variant::OnnxRuntime, Variant::OpenVino] {
        let options = Options { variant, source: String::new() };
        let mut session = try_session(&differentiate(&model, &shapes, &options)?)?;
        let (_, gradient) = run(&mut session, case, &picture)?;
        for _ in 0..3 {
            let direction = random.take(count);
            let moved = |by: f64| picture.iter().zip(&direction).map(|(x, d)| x + by * d).collect::<Vec<_>>();
            let ahead = run(&mut session, case, &moved(step))?.0;
            let behind = run(&mut session, case, &moved(-step))?.0;
            let measured = (ahead - behind) / (2.0 * step);
            let stated: f64 = gradient.iter().zip(&direction).map(|(g, d)| g * d).sum();
            let size = gradient.iter().map(|g| g * g).sum::<f64>().sqrt();
            if (measured - stated).abs() > tolerance * size.max(1e-3) || gradient.len() != count {
                return Err(format!("{variant:?}: {stated}, measured {measured}").into());
            }
        }
        found.push(gradient);
    }
    let apart = relative_error(&found[1], &found[0]);
    if apart > 1e-5 { Err(format!("the variants differ by {apart}").into()) } else { Ok(()) }
}

#[test]
fn every_rule_has_a_case() {
    for (op, _) in RULES {
        assert!(CASES.iter().any(|case| case.op == *op), "add a case for {op}");
    }
}

#[test]
fn rules_agree_with_finite_differences() {
    let uses = CASES.iter().flat_map(|case| case.opsets.iter().map(move |opset| (case, *opset)));
    let wrong: Vec<String> = uses
        .filter_map(|(case, opset)| {
            let problem = check(case, opset).err()?;
            Some(format!("{} ({}) at opset {opset}: {problem}", case.op, case.what))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
