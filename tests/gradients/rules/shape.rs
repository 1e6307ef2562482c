//! Operators that move values.

use super::{ALL, Case, F64, FROM_11, IMAGE, KINKED, case, matrix, with_axes};
use crate::common::Graph;
use salstream::onnx::AttributeProto as A;

fn pad(g: &mut Graph, pads: &[i64]) -> String {
    if g.opset < 11 {
        return g.node("Pad", &["image"], vec![A::ints("pads", pads)]);
    }
    let pads = g.integers(pads);
    g.node("Pad", &["image", &pads], vec![])
}

#[rustfmt::skip]
pub const CASES: &[Case] = &[
    case("Cast", "to double and back", KINKED, ALL, IMAGE, |g| { let x = g.node("Cast", &["image"], vec![A::int("to", 11)]); let x = g.node("Cast", &[&x], vec![A::int("to", 1)]); g.node("Mul", &[&x, &x], vec![]) }),
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
