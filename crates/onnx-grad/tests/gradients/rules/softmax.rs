//! Softmax and its logarithm.

use super::{ALL, Case, F64, FROM_11, IMAGE, case};
use crate::common::Graph;
use onnx_grad::onnx::AttributeProto as A;

/// The squares, whose sum is not constant.
fn squares(g: &mut Graph, op: &str, attributes: Vec<A>) -> String {
    let y = g.node(op, &["image"], attributes);
    g.node("Mul", &[&y, &y], vec![])
}

#[rustfmt::skip]
pub const CASES: &[Case] = &[
    case("Softmax", "default axis", F64, ALL, IMAGE, |g| squares(g, "Softmax", vec![])),
    case("Softmax", "batch", F64, ALL, IMAGE, |g| squares(g, "Softmax", vec![A::int("axis", 0)])),
    case("Softmax", "channels", F64, ALL, IMAGE, |g| squares(g, "Softmax", vec![A::int("axis", 1)])),
    case("Softmax", "rows", F64, ALL, IMAGE, |g| squares(g, "Softmax", vec![A::int("axis", 2)])),
    case("Softmax", "columns", F64, ALL, IMAGE, |g| squares(g, "Softmax", vec![A::int("axis", 3)])),
    case("Softmax", "from the end", F64, FROM_11, IMAGE, |g| g.node("Softmax", &["image"], vec![A::int("axis", -2)])),
    case("LogSoftmax", "default axis", F64, ALL, IMAGE, |g| g.node("LogSoftmax", &["image"], vec![])),
    case("LogSoftmax", "channels", F64, ALL, IMAGE, |g| g.node("LogSoftmax", &["image"], vec![A::int("axis", 1)])),
    case("LogSoftmax", "rows", F64, ALL, IMAGE, |g| g.node("LogSoftmax", &["image"], vec![A::int("axis", 2)])),
    case("LogSoftmax", "from the end", F64, FROM_11, IMAGE, |g| g.node("LogSoftmax", &["image"], vec![A::int("axis", -1)])),
];
