//! Arithmetic on values of 8 bits. Finite differences over long steps average over the rounding, so they are coarse;
//! the exact gradients are those of the operators on floats.

use super::{Accuracy, Case, FROM_11, IMAGE, LINEAR, ROUNDED, case, with_scores};
use crate::common::{Graph, Random, gradient_model, relative_error, try_session};
use onnx_grad::Variant;
use onnx_grad::onnx::{AttributeProto as A, DataType, TensorProto};

/// With kinks, or with few levels.
const COARSE: Accuracy = Accuracy { tolerance: 0.2, ..ROUNDED };
const FROM_10: &[i64] = &[10, 12, 13, 21, 22];
/// Of the image, quantised to levels of this size around 128.
const SCALE: f64 = 0.012;

fn bytes(g: &mut Graph, dtype: DataType, shape: &[usize], values: Vec<u8>) -> String {
    let name = format!("bytes{}", g.initializers.len());
    g.initializers.push(TensorProto::from_raw(&name, dtype, shape, values));
    name
}

fn zero(g: &mut Graph, value: u8) -> String {
    bytes(g, DataType::Uint8, &[], vec![value])
}

/// The image in levels, its scale and its zero point.
fn levels(g: &mut Graph) -> [String; 3] {
    let (scale, zero) = (g.reals(&[], &[SCALE]), zero(g, 128));
    [g.node("QuantizeLinear", &["image", &scale, &zero], vec![]), scale, zero]
}

/// Weights in levels, whose zero points are `zeros`, and scales.
fn weights(g: &mut Graph, shape: &[usize], channels: usize) -> [String; 3] {
    let values = g.random.take(shape.iter().product()).into_iter().map(|value| (value * 120.0) as i8 as u8).collect();
    let shape_of = if channels == 1 { vec![] } else { vec![channels] };
    let scales: Vec<f64> = (0..channels).map(|channel| 0.004 + channel as f64 * 0.001).collect();
    let w = bytes(g, DataType::Int8, shape, values);
    // ONNX Runtime takes no zero points but 0 for weights of convolutions with one for each channel.
    [w, g.reals(&shape_of, &scales), bytes(g, DataType::Int8, &shape_of, vec![0; channels])]
}

fn back(g: &mut Graph, y: &str, scale: &str, zero: &str) -> String {
    g.node("DequantizeLinear", &[y, scale, zero], vec![])
}

fn biases(g: &mut Graph, values: &[i32]) -> String {
    let raw = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    bytes(g, DataType::Int32, &[values.len()], raw)
}

fn conv(g: &mut Graph, channels: usize, bias: bool) -> String {
    let ([x, xs, xz], [w, ws, wz]) = (levels(g), weights(g, &[4, 3, 3, 3], channels));
    let (ys, yz) = (g.reals(&[], &[0.03]), zero(g, 120));
    let mut inputs = vec![x, xs, xz, w, ws, wz, ys.clone(), yz.clone()];
    if bias {
        inputs.push(biases(g, &[2000, -3000, 500, 0]));
    }
    let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
    let y = g.node("QLinearConv", &inputs, vec![A::ints("pads", &[1, 1, 1, 1]), A::ints("strides", &[2, 1])]);
    back(g, &y, &ys, &yz)
}

fn rows(g: &mut Graph, x: &str, sizes: &[i64]) -> String {
    let sizes = g.integers(sizes);
    g.node("Reshape", &[x, &sizes], vec![])
}

fn matmul(g: &mut Graph, channels: usize) -> String {
    let ([x, xs, xz], [w, ws, wz]) = (levels(g), weights(g, &[24, 5], channels));
    let x = rows(g, &x, &[9, 24]);
    let (ys, yz) = (g.reals(&[], &[0.03]), zero(g, 120));
    let y = g.node("QLinearMatMul", &[&x, &xs, &xz, &w, &ws, &wz, &ys, &yz], vec![]);
    back(g, &y, &ys, &yz)
}

/// A product of integers, scaled to floats, as dynamic quantisation writes it.
fn integers(g: &mut Graph, op: &str, shape: &[usize], sizes: &[i64], zeros: bool) -> String {
    let outputs = ["levels", "scale", "zero"].map(str::to_owned);
    g.node("DynamicQuantizeLinear", &["image"], vec![]);
    g.nodes[0].output = outputs.into();
    let [w, ws, _] = weights(g, shape, 1);
    let wz = bytes(g, DataType::Int8, &[], vec![3]);
    let x = if sizes.is_empty() { "levels".to_owned() } else { rows(g, "levels", sizes) };
    let inputs: &[&str] = if zeros { &[&x, &w, "zero", &wz] } else { &[&x, &w, "zero"] };
    let y = g.node(op, inputs, vec![]);
    let y = g.node("Cast", &[&y], vec![A::int("to", DataType::Float as i64)]);
    let scale = g.node("Mul", &["scale", &ws], vec![]);
    g.node("Mul", &[&y, &scale], vec![])
}

/// A product of two matrices of the image.
fn both(g: &mut Graph) -> String {
    g.node("DynamicQuantizeLinear", &["image"], vec![]);
    g.nodes[0].output = ["levels", "scale", "zero"].map(str::to_owned).into();
    let (a, b) = (rows(g, "levels", &[6, 36]), rows(g, "levels", &[36, 6]));
    let y = g.node("MatMulInteger", &[&a, &b, "zero", "zero"], vec![]);
    let y = g.node("Cast", &[&y], vec![A::int("to", DataType::Float as i64)]);
    let scale = g.node("Mul", &["scale", "scale"], vec![]);
    g.node("Mul", &[&y, &scale], vec![])
}

/// An operator of one quantised value.
fn unary(g: &mut Graph, op: &str, scale: f64, zero_point: u8, attributes: Vec<A>) -> String {
    let [x, xs, xz] = levels(g);
    let (ys, yz) = (g.reals(&[], &[scale]), zero(g, zero_point));
    let y = g.own(op, &[&x, &xs, &xz, &ys, &yz], attributes);
    back(g, &y, &ys, &yz)
}

/// An operator of the image and weights.
fn binary(g: &mut Graph, op: &str) -> String {
    let [x, xs, xz] = levels(g);
    let values = g.random.take(8).into_iter().map(|value| (value * 100.0 + 128.0) as u8).collect();
    let (w, ws, wz) = (bytes(g, DataType::Uint8, &[8], values), g.reals(&[], &[0.01]), zero(g, 110));
    let (ys, yz) = (g.reals(&[], &[0.025]), zero(g, 128));
    let y = g.own(op, &[&x, &xs, &xz, &w, &ws, &wz, &ys, &yz], vec![]);
    back(g, &y, &ys, &yz)
}

fn concat(g: &mut Graph) -> String {
    let [x, xs, xz] = levels(g);
    let (ys, yz) = (g.reals(&[], &[0.015]), zero(g, 120));
    let y = g.own("QLinearConcat", &[&ys, &yz, &x, &xs, &xz, &x, &xs, &xz], vec![A::int("axis", 2)]);
    back(g, &y, &ys, &yz)
}

fn gemm(g: &mut Graph, rounded: bool) -> String {
    let ([x, xs, xz], [w, ws, wz]) = (levels(g), weights(g, &[5, 24], 1));
    let x = rows(g, &x, &[9, 24]);
    let bias = biases(g, &[300, -400, 0, 5000, 2]);
    let (ys, yz) = (g.reals(&[], &[0.03]), zero(g, 120));
    let mut inputs = vec![x, xs, xz, w, ws, wz, bias];
    if rounded {
        inputs.extend([ys.clone(), yz.clone()]);
    }
    let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
    let y = g.own("QGemm", &inputs, vec![A::int("transB", 1), A::float("alpha", 0.8)]);
    if rounded { back(g, &y, &ys, &yz) } else { y }
}

fn own_there_and_back(g: &mut Graph) -> String {
    let (scale, zero) = (g.reals(&[], &[SCALE]), zero(g, 128));
    let q = g.own("QuantizeLinear", &["image", &scale, &zero], vec![]);
    g.own("DequantizeLinear", &[&q, &scale, &zero], vec![])
}

fn to_float(g: &mut Graph) -> String {
    let ([x, xs, xz], [w, ws, wz]) = (levels(g), weights(g, &[24, 5], 1));
    let x = rows(g, &x, &[9, 24]);
    let bias = g.weights(&[5]);
    g.own("MatMulIntegerToFloat", &[&x, &w, &xs, &ws, &xz, &wz, &bias], vec![])
}

fn dynamic_product(g: &mut Graph) -> String {
    let x = rows(g, "image", &[9, 24]);
    let [w, ws, wz] = weights(g, &[24, 5], 1);
    let bias = g.weights(&[5]);
    g.own("DynamicQuantizeMatMul", &[&x, &w, &ws, &wz, &bias], vec![])
}

#[rustfmt::skip]
pub const CASES: &[Case] = &[
    case("QLinearConv", "one scale", ROUNDED, FROM_10, IMAGE, |g| conv(g, 1, false)),
    case("QLinearConv", "one scale a channel, bias", COARSE, FROM_10, IMAGE, |g| conv(g, 4, true)),
    case("QLinearMatMul", "one scale", ROUNDED, FROM_10, IMAGE, |g| matmul(g, 1)),
    case("QLinearMatMul", "one scale a column", COARSE, FROM_10, IMAGE, |g| matmul(g, 5)),
    case("DynamicQuantizeLinear", "product", ROUNDED, FROM_11, IMAGE, |g| integers(g, "MatMulInteger", &[24, 5], &[9, 24], true)),
    case("MatMulInteger", "both operands", ROUNDED, FROM_11, IMAGE, both),
    case("ConvInteger", "", ROUNDED, FROM_11, IMAGE, |g| integers(g, "ConvInteger", &[4, 3, 3, 3], &[], true)),
    case("ConvInteger", "no zero point", ROUNDED, FROM_11, IMAGE, |g| integers(g, "ConvInteger", &[4, 3, 3, 3], &[], false)),
    case("QLinearAdd", "", COARSE, FROM_10, IMAGE, |g| binary(g, "QLinearAdd")),
    case("QLinearMul", "", COARSE, FROM_10, IMAGE, |g| binary(g, "QLinearMul")),
    case("QLinearSigmoid", "", ROUNDED, FROM_11, IMAGE, |g| unary(g, "QLinearSigmoid", 1.0 / 256.0, 0, vec![])),
    case("QLinearLeakyRelu", "", COARSE, FROM_11, IMAGE, |g| unary(g, "QLinearLeakyRelu", 0.01, 60, vec![A::float("alpha", 0.3)])),
    case("QLinearAveragePool", "", ROUNDED, FROM_11, IMAGE, |g| unary(g, "QLinearAveragePool", 0.00831, 128, vec![A::ints("kernel_shape", &[2, 3]), A::ints("strides", &[2, 1])])),
    case("QLinearGlobalAveragePool", "", Accuracy { step: 0.5, ..COARSE }, FROM_11, IMAGE, |g| unary(g, "QLinearGlobalAveragePool", 0.002, 128, vec![])),
    case("QLinearConcat", "", ROUNDED, FROM_11, IMAGE, concat),
    case("QGemm", "rounded", COARSE, FROM_11, IMAGE, |g| gemm(g, true)),
    case("QGemm", "float", ROUNDED, FROM_11, IMAGE, |g| gemm(g, false)),
    case("MatMulIntegerToFloat", "", ROUNDED, FROM_11, IMAGE, to_float),
    case("DynamicQuantizeMatMul", "", ROUNDED, FROM_11, IMAGE, dynamic_product),
    case("QuantizeLinear", "of ONNX Runtime", ROUNDED, FROM_10, IMAGE, own_there_and_back),
];

/// A quantised operator, and the one on floats that has the same gradient.
type Twins = (fn(&mut Graph) -> String, fn(&mut Graph) -> String);

/// The image rounded to levels, and weights in levels, as floats.
fn as_floats(g: &mut Graph, shape: &[usize], channels: usize) -> [String; 2] {
    let ([x, xs, xz], [w, ws, wz]) = (levels(g), weights(g, shape, channels));
    let x = back(g, &x, &xs, &xz);
    let axis = vec![A::int("axis", 0)];
    [x, g.node("DequantizeLinear", &[&w, &ws, &wz], if channels == 1 { vec![] } else { axis })]
}

const TWINS: &[Twins] = &[
    (
        |g| {
            let ([x, xs, xz], [w, ws, wz]) = (levels(g), weights(g, &[4, 3, 3, 3], 4));
            let (ys, yz) = (g.reals(&[], &[0.002]), zero(g, 120));
            let y = g.node("QLinearConv", &[&x, &xs, &xz, &w, &ws, &wz, &ys, &yz], vec![]);
            back(g, &y, &ys, &yz)
        },
        |g| {
            let [x, w] = as_floats(g, &[4, 3, 3, 3], 4);
            let y = g.node("Conv", &[&x, &w], vec![]);
            let (low, high) = (g.reals(&[], &[-120.5 * 0.002]), g.reals(&[], &[135.5 * 0.002]));
            let y = g.node("Max", &[&y, &low], vec![]);
            g.node("Min", &[&y, &high], vec![])
        },
    ),
    (
        |g| {
            let ([x, xs, xz], [w, ws, _]) = (levels(g), weights(g, &[4, 3, 3, 3], 1));
            let y = g.node("ConvInteger", &[&x, &w, &xz], vec![A::ints("strides", &[2, 2])]);
            let y = g.node("Cast", &[&y], vec![A::int("to", DataType::Float as i64)]);
            let scale = g.node("Mul", &[&xs, &ws], vec![]);
            g.node("Mul", &[&y, &scale], vec![])
        },
        |g| {
            let [x, w] = as_floats(g, &[4, 3, 3, 3], 1);
            g.node("Conv", &[&x, &w], vec![A::ints("strides", &[2, 2])])
        },
    ),
    (
        |g| {
            let ([x, xs, xz], [w, ws, _]) = (levels(g), weights(g, &[24, 5], 1));
            let (x, wz) = (rows(g, &x, &[9, 24]), bytes(g, DataType::Int8, &[5], vec![1, 2, 3, 4, 5]));
            let y = g.node("MatMulInteger", &[&x, &w, &xz, &wz], vec![]);
            let y = g.node("Cast", &[&y], vec![A::int("to", DataType::Float as i64)]);
            let scale = g.node("Mul", &[&xs, &ws], vec![]);
            g.node("Mul", &[&y, &scale], vec![])
        },
        |g| {
            let [x, w] = as_floats(g, &[24, 5], 1);
            let x = rows(g, &x, &[9, 24]);
            let shift = g.reals(&[5], &[-0.004, -0.008, -0.012, -0.016, -0.02]);
            let w = g.node("Add", &[&w, &shift], vec![]);
            g.node("MatMul", &[&x, &w], vec![])
        },
    ),
];

#[test]
fn gradients_of_integers_are_those_of_the_floats_that_they_stand_for() {
    let picture = super::distinct(216, &mut Random(42));
    for (index, (integers, floats)) in TWINS.iter().enumerate() {
        let gradient = |build: fn(&mut Graph) -> String| {
            let case = case("", "", LINEAR, &[], IMAGE, build);
            let mut model = with_scores(&case, 13).unwrap();
            // The same weights for the scores, whatever random numbers the operators took.
            let graph = model.graph.as_mut().unwrap();
            let last = graph.initializer.last_mut().unwrap();
            let count = last.dims.iter().product::<i64>() as usize;
            let shape: Vec<usize> = last.dims.iter().map(|size| *size as usize).collect();
            *last = TensorProto::from_reals(last.name(), DataType::Float, &shape, &Random(1).take(count));
            let mut session = try_session(&gradient_model(&model, 1, Variant::OnnxRuntime).0).unwrap();
            super::run(&mut session, &case, &picture).unwrap().1
        };
        let (found, expected) = (gradient(*integers), gradient(*floats));
        let apart = relative_error(&found, &expected);
        assert!(apart <= 1e-5, "pair {index}: {apart}");
        assert!(index > 0 || expected.contains(&0.0), "nothing saturates");
    }
}
