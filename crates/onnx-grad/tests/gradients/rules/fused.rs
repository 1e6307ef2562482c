//! Operators that ONNX Runtime's optimiser makes of several standard ones.

use super::{ALL, Case, FROM_11, IMAGE, KINKED, SMOOTH, case, matrix};
use crate::common::Graph;
use onnx_grad::onnx::AttributeProto as A;

const FROM_9: &[i64] = &[9, 13, 20, 22];

fn floats(name: &str, values: &[f32]) -> A {
    A { name: Some(name.into()), r#type: Some(6), floats: values.to_vec(), ..Default::default() }
}

fn conv(g: &mut Graph, activation: &str, parameters: &[f32]) -> String {
    let (w, b) = (g.weights(&[4, 3, 3, 3]), g.weights(&[4]));
    let attributes = vec![
        A::text("activation", activation),
        floats("activation_params", parameters),
        A::ints("pads", &[1, 0, 1, 1]),
        A::ints("strides", &[2, 1]),
    ];
    g.own("FusedConv", &["image", &w, &b], attributes)
}

fn gemm(g: &mut Graph, activation: &str, attributes: Vec<A>) -> String {
    let x = matrix(g, &[8, 27]);
    let (w, b) = (g.weights(&[5, 27]), g.weights(&[5]));
    let own = vec![A::text("activation", activation), A::int("transB", 1), A::float("alpha", 0.5)];
    g.own("FusedGemm", &[&x, &w, &b], [own, attributes].concat())
}

fn matmul(g: &mut Graph, attributes: Vec<A>) -> String {
    let (x, y) = (matrix(g, &[2, 9, 12]), matrix(g, &[2, 12, 9]));
    g.own("FusedMatMul", &[&x, &y], attributes)
}

/// The image and its square, normalised together; the sum is read, too.
fn skip(g: &mut Graph, op: &str, simple: bool) -> String {
    let (x, square) = (matrix(g, &[3, 9, 8]), g.node("Mul", &["image", "image"], vec![]));
    let sizes = g.integers(&[3, 9, 8]);
    let square = g.node("Reshape", &[&square, &sizes], vec![]);
    let mut inputs = vec![x, square, g.positive(&[8])];
    if !simple {
        inputs.push(g.weights(&[8]));
    }
    inputs.push(g.weights(&[8]));
    let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
    let y = g.own(op, &inputs, vec![A::float("epsilon", 1e-3)]);
    let last = g.nodes.last_mut().unwrap();
    last.output.extend(["", "", "sum"].map(str::to_owned));
    g.node("Mul", &[&y, "sum"], vec![])
}

#[rustfmt::skip]
pub const CASES: &[Case] = &[
    case("FusedConv", "Relu", KINKED, ALL, IMAGE, |g| conv(g, "Relu", &[])),
    case("FusedConv", "LeakyRelu", KINKED, FROM_11, IMAGE, |g| conv(g, "LeakyRelu", &[0.3])),
    case("FusedConv", "Clip", KINKED, &[7, 13, 22], IMAGE, |g| conv(g, "Clip", &[-0.7, 1.4])),
    case("FusedConv", "HardSigmoid", KINKED, FROM_11, IMAGE, |g| conv(g, "HardSigmoid", &[0.3, 0.4])),
    case("FusedConv", "Tanh, with a sum", SMOOTH, FROM_11, IMAGE, |g| { let (w, v) = (g.weights(&[4, 3, 3, 3]), g.weights(&[4, 3, 3, 3])); let z = g.node("Conv", &["image", &v], vec![]); g.own("FusedConv", &["image", &w, "", &z], vec![A::text("activation", "Tanh")]) }),
    case("FusedGemm", "Sigmoid", SMOOTH, FROM_11, IMAGE, |g| gemm(g, "Sigmoid", vec![])),
    case("FusedGemm", "LeakyRelu", KINKED, FROM_11, IMAGE, |g| gemm(g, "LeakyRelu", vec![A::float("activation_alpha", 0.2)])),
    case("FusedMatMul", "", SMOOTH, FROM_11, IMAGE, |g| matmul(g, vec![A::float("alpha", 0.7)])),
    case("FusedMatMul", "both transposed", SMOOTH, FROM_11, IMAGE, |g| matmul(g, vec![A::int("transA", 1), A::int("transB", 1)])),
    case("Gelu", "of ONNX Runtime", SMOOTH, FROM_9, IMAGE, |g| g.own("Gelu", &["image"], vec![])),
    case("BiasGelu", "", SMOOTH, FROM_9, IMAGE, |g| { let b = g.weights(&[8]); g.own("BiasGelu", &["image", &b], vec![]) }),
    case("FastGelu", "", SMOOTH, ALL, IMAGE, |g| g.own("FastGelu", &["image"], vec![])),
    case("FastGelu", "bias", SMOOTH, FROM_11, IMAGE, |g| { let b = g.weights(&[8]); g.own("FastGelu", &["image", &b], vec![]) }),
    case("QuickGelu", "default", SMOOTH, FROM_11, IMAGE, |g| g.own("QuickGelu", &["image"], vec![])),
    case("QuickGelu", "attribute", SMOOTH, FROM_11, IMAGE, |g| g.own("QuickGelu", &["image"], vec![A::float("alpha", 0.6)])),
    case("SkipLayerNormalization", "", SMOOTH, ALL, IMAGE, |g| skip(g, "SkipLayerNormalization", false)),
    case("SkipSimplifiedLayerNormalization", "", SMOOTH, ALL, IMAGE, |g| skip(g, "SkipSimplifiedLayerNormalization", true)),
    case("SimplifiedLayerNormalization", "last axis", SMOOTH, ALL, IMAGE, |g| { let w = g.positive(&[8]); g.node("SimplifiedLayerNormalization", &["image", &w], vec![A::float("epsilon", 1e-3)]) }),
    case("SimplifiedLayerNormalization", "two axes", SMOOTH, FROM_11, IMAGE, |g| { let w = g.positive(&[9, 8]); g.node("SimplifiedLayerNormalization", &["image", &w], vec![A::int("axis", -2)]) }),
];
