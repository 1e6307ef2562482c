//! Activations.

use super::{ALL, Accuracy, Case, F64, FROM_11, IMAGE, KINKED, SMOOTH, case};
use crate::common::Graph;
use onnx_grad::onnx::{AttributeProto as A, DataType};

fn clip(g: &mut Graph, low: Option<f64>, high: Option<f64>) -> String {
    if g.opset < 11 {
        let bound = |name: &str, value: Option<f64>| value.map(|value| A::float(name, value as f32));
        return g.node("Clip", &["image"], bound("min", low).into_iter().chain(bound("max", high)).collect());
    }
    let mut bound = |value: Option<f64>| value.map_or(String::new(), |value| g.reals(&[], &[value]));
    let (low, high) = (bound(low), bound(high));
    g.node("Clip", &["image", &low, &high], vec![])
}

/// Bounds that are the mean size of the image's values times `factors`.
fn clip_by_image(g: &mut Graph, factors: [f64; 2]) -> String {
    let bounds = factors.map(|factor| {
        let mean = g.node("ReduceL1", &["image"], vec![A::int("keepdims", 0)]);
        let factor = g.reals(&[], &[factor / 216.0]);
        g.node("Mul", &[&mean, &factor], vec![])
    });
    g.node("Clip", &["image", &bounds[0], &bounds[1]], vec![])
}

fn unary(g: &mut Graph, op: &str, attributes: Vec<A>) -> String {
    g.node(op, &["image"], attributes)
}

fn scaled(g: &mut Graph, factor: f64) -> String {
    let factor = g.reals(&[], &[factor]);
    g.node("Mul", &["image", &factor], vec![])
}

/// The image shifted far up in every second row, where an exponential overflows, and far down in
/// the others.
fn large(g: &mut Graph) -> String {
    let far = if g.dtype == DataType::Double { 800.0 } else { 95.0 };
    let rows: Vec<f64> = (0..9).map(|row| if row % 2 == 0 { far } else { -far }).collect();
    let rows = g.reals(&[9, 1], &rows);
    g.node("Add", &["image", &rows], vec![])
}

/// Far from every kink, where longer steps outweigh the rounding of larger values.
const FAR: Accuracy = Accuracy { dtype: DataType::Float, step: 5.0, tolerance: 1e-4 };

#[rustfmt::skip]
pub const CASES: &[Case] = &[
    case("Relu", "", F64, ALL, IMAGE, |g| g.node("Relu", &["image"], vec![])),
    case("Relu", "float32", KINKED, ALL, IMAGE, |g| g.node("Relu", &["image"], vec![])),
    case("Clip", "both bounds", F64, &[12, 13, 22], IMAGE, |g| clip(g, Some(-0.5), Some(0.25))),
    case("Clip", "both bounds, float32", KINKED, ALL, IMAGE, |g| clip(g, Some(-0.5), Some(0.25))),
    case("Clip", "lower bound", KINKED, ALL, IMAGE, |g| clip(g, Some(0.12), None)),
    case("Clip", "upper bound", KINKED, ALL, IMAGE, |g| clip(g, None, Some(0.12))),
    case("Clip", "bounds from the image", F64, &[12, 13, 18], IMAGE, |g| clip_by_image(g, [-0.7, 0.4])),
    case("Clip", "bounds from the image, crossed", F64, &[12, 13, 18], IMAGE, |g| clip_by_image(g, [0.4, -0.7])),
    case("Clip", "no bound", KINKED, ALL, IMAGE, |g| clip(g, None, None)),
    case("Sigmoid", "", F64, FROM_11, IMAGE, |g| g.node("Sigmoid", &["image"], vec![])),
    case("Sigmoid", "float32", SMOOTH, &[7, 13, 22], IMAGE, |g| g.node("Sigmoid", &["image"], vec![])),
    case("LeakyRelu", "default", KINKED, ALL, IMAGE, |g| unary(g, "LeakyRelu", vec![])),
    case("LeakyRelu", "attribute", KINKED, ALL, IMAGE, |g| unary(g, "LeakyRelu", vec![A::float("alpha", 0.3)])),
    case("LeakyRelu", "attribute", KINKED, ALL, IMAGE, |g| unary(g, "LeakyRelu", vec![A::float("alpha", -0.5)])),
    case("Elu", "default", KINKED, ALL, IMAGE, |g| unary(g, "Elu", vec![])),
    case("Elu", "attribute", KINKED, ALL, IMAGE, |g| unary(g, "Elu", vec![A::float("alpha", 0.3)])),
    case("Elu", "large inputs", FAR, ALL, IMAGE, |g| { let x = large(g); g.node("Elu", &[&x], vec![]) }),
    case("Selu", "default", KINKED, ALL, IMAGE, |g| unary(g, "Selu", vec![])),
    case("Selu", "attributes", KINKED, ALL, IMAGE, |g| unary(g, "Selu", vec![A::float("alpha", 0.7), A::float("gamma", 1.5)])),
    case("Selu", "large inputs", FAR, ALL, IMAGE, |g| { let x = large(g); g.node("Selu", &[&x], vec![]) }),
    case("Celu", "default", KINKED, &[12, 13, 22], IMAGE, |g| unary(g, "Celu", vec![])),
    case("Celu", "attribute", KINKED, &[12, 13, 22], IMAGE, |g| unary(g, "Celu", vec![A::float("alpha", 0.4)])),
    case("Celu", "large inputs", FAR, &[12, 13, 22], IMAGE, |g| { let x = large(g); g.node("Celu", &[&x], vec![]) }),
    case("ThresholdedRelu", "default", KINKED, &[10, 11, 13, 22], IMAGE, |g| unary(g, "ThresholdedRelu", vec![])),
    case("ThresholdedRelu", "attribute", KINKED, &[10, 11, 13, 22], IMAGE, |g| unary(g, "ThresholdedRelu", vec![A::float("alpha", 0.2)])),
    case("Shrink", "default", KINKED, &[9, 13, 22], IMAGE, |g| unary(g, "Shrink", vec![])),
    case("Shrink", "attributes", KINKED, &[9, 13, 22], IMAGE, |g| unary(g, "Shrink", vec![A::float("lambd", 0.2), A::float("bias", 0.1)])),
    case("PRelu", "one factor a channel", KINKED, ALL, IMAGE, |g| { let w = g.weights(&[3, 1, 1]); g.node("PRelu", &["image", &w], vec![]) }),
    case("PRelu", "one factor", KINKED, ALL, IMAGE, |g| { let w = g.reals(&[1], &[0.3]); g.node("PRelu", &["image", &w], vec![]) }),
    case("PRelu", "factor from the image", KINKED, ALL, IMAGE, |g| { let w = g.node("Mul", &["image", "image"], vec![]); g.node("PRelu", &["image", &w], vec![]) }),
    case("HardSigmoid", "default", KINKED, ALL, IMAGE, |g| { let x = scaled(g, 3.9); g.node("HardSigmoid", &[&x], vec![]) }),
    case("HardSigmoid", "attributes", KINKED, ALL, IMAGE, |g| unary(g, "HardSigmoid", vec![A::float("alpha", 0.8), A::float("beta", 0.4)])),
    case("HardSwish", "wide", KINKED, &[14, 18, 22], IMAGE, |g| { let x = scaled(g, 3.9); g.node("HardSwish", &[&x], vec![]) }),
    case("Softplus", "", SMOOTH, ALL, IMAGE, |g| unary(g, "Softplus", vec![])),
    case("Softplus", "large inputs", FAR, ALL, IMAGE, |g| { let x = large(g); g.node("Softplus", &[&x], vec![]) }),
    case("Softsign", "", SMOOTH, ALL, IMAGE, |g| unary(g, "Softsign", vec![])),
    case("Tanh", "", F64, ALL, IMAGE, |g| unary(g, "Tanh", vec![])),
    case("Tanh", "large inputs", F64, ALL, IMAGE, |g| { let x = large(g); g.node("Tanh", &[&x], vec![]) }),
    case("Erf", "", SMOOTH, &[9, 11, 13, 22], IMAGE, |g| unary(g, "Erf", vec![])),
    case("Erf", "large inputs", FAR, &[9, 11, 13, 22], IMAGE, |g| { let x = large(g); g.node("Erf", &[&x], vec![]) }),
    case("Mish", "", F64, &[18], IMAGE, |g| unary(g, "Mish", vec![])),
    case("Mish", "large inputs", F64, &[18], IMAGE, |g| { let x = large(g); g.node("Mish", &[&x], vec![]) }),
    case("Mish", "float32", SMOOTH, &[18, 22], IMAGE, |g| unary(g, "Mish", vec![])),
    case("Swish", "", F64, &[24], IMAGE, |g| unary(g, "Swish", vec![])),
    case("Swish", "large inputs", F64, &[24], IMAGE, |g| { let x = large(g); g.node("Swish", &[&x], vec![]) }),
    case("Swish", "alpha", F64, &[24], IMAGE, |g| unary(g, "Swish", vec![A::float("alpha", 1.7)])),
    case("Gelu", "exact", SMOOTH, &[20, 22], IMAGE, |g| { let x = scaled(g, 3.0); g.node("Gelu", &[&x], vec![]) }),
    case("Gelu", "exact, large inputs", FAR, &[20, 22], IMAGE, |g| { let x = large(g); g.node("Gelu", &[&x], vec![]) }),
    case("Gelu", "tanh", SMOOTH, &[20, 22], IMAGE, |g| { let x = scaled(g, 3.0); g.node("Gelu", &[&x], vec![A::text("approximate", "tanh")]) }),
    case("Gelu", "tanh, large inputs", FAR, &[20, 22], IMAGE, |g| { let x = large(g); g.node("Gelu", &[&x], vec![A::text("approximate", "tanh")]) }),
];
