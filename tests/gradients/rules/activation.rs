//! Activations.

use super::{ALL, Case, F64, FROM_11, IMAGE, KINKED, SMOOTH, case};
use crate::common::Graph;
use salstream::onnx::AttributeProto as A;

fn clip(g: &mut Graph, low: Option<f64>, high: Option<f64>) -> String {
    if g.opset < 11 {
        let bound = |name: &str, value: Option<f64>| value.map(|value| A::float(name, value as f32));
        return g.node("Clip", &["image"], bound("min", low).into_iter().chain(bound("max", high)).collect());
    }
    let mut bound = |value: Option<f64>| value.map_or(String::new(), |value| g.reals(&[], &[value]));
    let (low, high) = (bound(low), bound(high));
    g.node("Clip", &["image", &low, &high], vec![])
}

#[rustfmt::skip]
pub const CASES: &[Case] = &[
    case("Relu", "", F64, ALL, IMAGE, |g| g.node("Relu", &["image"], vec![])),
    case("Relu", "float32", KINKED, ALL, IMAGE, |g| g.node("Relu", &["image"], vec![])),
    case("Clip", "both bounds", F64, &[12, 13, 22], IMAGE, |g| clip(g, Some(-0.5), Some(0.25))),
    case("Clip", "both bounds, float32", KINKED, ALL, IMAGE, |g| clip(g, Some(-0.5), Some(0.25))),
    case("Clip", "lower bound", KINKED, ALL, IMAGE, |g| clip(g, Some(0.12), None)),
    case("Clip", "upper bound", KINKED, ALL, IMAGE, |g| clip(g, None, Some(0.12))),
    case("Clip", "no bound", KINKED, ALL, IMAGE, |g| clip(g, None, None)),
    case("Sigmoid", "", F64, FROM_11, IMAGE, |g| g.node("Sigmoid", &["image"], vec![])),
    case("Sigmoid", "float32", SMOOTH, &[7, 13, 22], IMAGE, |g| g.node("Sigmoid", &["image"], vec![])),
    case("Softmax", "default axis", F64, ALL, IMAGE, |g| { let y = g.node("Softmax", &["image"], vec![]); g.node("Mul", &[&y, &y], vec![]) }),
    case("Softmax", "channels", F64, ALL, IMAGE, |g| { let y = g.node("Softmax", &["image"], vec![A::int("axis", 1)]); g.node("Mul", &[&y, &y], vec![]) }),
    case("Softmax", "from the end", F64, FROM_11, IMAGE, |g| g.node("Softmax", &["image"], vec![A::int("axis", -2)])),
    case("LogSoftmax", "default axis", F64, ALL, IMAGE, |g| g.node("LogSoftmax", &["image"], vec![])),
    case("LogSoftmax", "rows", F64, ALL, IMAGE, |g| g.node("LogSoftmax", &["image"], vec![A::int("axis", 2)])),
];
