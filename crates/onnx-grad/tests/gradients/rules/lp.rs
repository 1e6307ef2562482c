//! Norms of order p.

use super::{ALL, Case, F64, FROM_11, IMAGE, KINKED, SMOOTH, case, matrix};
use crate::common::Graph;
use onnx_grad::onnx::AttributeProto as A;

/// ONNX Runtime 1.24.1 lacks the versions of these operators in opset 22.
const UP_TO_20: &[i64] = &[7, 8, 9, 10, 11, 12, 13, 15, 17, 18, 20];

fn pool(g: &mut Graph, p: i64, kernel: &[i64], mut attributes: Vec<A>) -> String {
    attributes.extend([A::int("p", p), A::ints("kernel_shape", kernel)]);
    g.node("LpPool", &["image"], attributes)
}

/// An image in which some rows are zero, so that their norm is zero.
fn with_zeros(g: &mut Graph) -> String {
    let mask: Vec<f64> = (0..9).map(|row| f64::from(u8::from(row % 4 != 1))).collect();
    let mask = g.reals(&[1, 1, 9, 1], &mask);
    g.node("Mul", &["image", &mask], vec![])
}

#[rustfmt::skip]
pub const CASES: &[Case] = &[
    case("LpPool", "order 2", SMOOTH, ALL, IMAGE, |g| pool(g, 2, &[3, 2], vec![A::ints("strides", &[2, 2])])),
    case("LpPool", "order 2, the default", SMOOTH, FROM_11, IMAGE, |g| g.node("LpPool", &["image"], vec![A::ints("kernel_shape", &[3, 3])])),
    case("LpPool", "order 1", KINKED, FROM_11, IMAGE, |g| pool(g, 1, &[3, 3], vec![A::ints("pads", &[1, 0, 1, 2])])),
    case("LpPool", "order 3", SMOOTH, FROM_11, IMAGE, |g| pool(g, 3, &[3, 3], vec![A::ints("pads", &[1, 1, 1, 1])])),
    case("LpPool", "SAME_UPPER", SMOOTH, FROM_11, IMAGE, |g| pool(g, 2, &[3, 3], vec![A::ints("strides", &[2, 2]), A::text("auto_pad", "SAME_UPPER")])),
    case("LpPool", "ceil_mode", SMOOTH, &[18, 22], IMAGE, |g| pool(g, 2, &[2, 3], vec![A::ints("strides", &[2, 2]), A::int("ceil_mode", 1)])),
    case("LpPool", "dilation", SMOOTH, &[18, 22], IMAGE, |g| pool(g, 2, &[3, 2], vec![A::ints("dilations", &[2, 3])])),
    case("LpPool", "one axis", SMOOTH, FROM_11, IMAGE, |g| { let x = matrix(g, &[1, 3, 72]); g.node("LpPool", &[&x], vec![A::ints("kernel_shape", &[5]), A::ints("strides", &[3])]) }),
    case("GlobalLpPool", "order 2, the default", SMOOTH, UP_TO_20, IMAGE, |g| g.node("GlobalLpPool", &["image"], vec![])),
    case("GlobalLpPool", "order 1", KINKED, &[11, 13, 18], IMAGE, |g| g.node("GlobalLpPool", &["image"], vec![A::int("p", 1)])),
    case("GlobalLpPool", "order 3", SMOOTH, &[11, 13, 18], IMAGE, |g| g.node("GlobalLpPool", &["image"], vec![A::int("p", 3)])),
    case("LpNormalization", "order 2", F64, UP_TO_20, IMAGE, |g| g.node("LpNormalization", &["image"], vec![A::int("axis", 1)])),
    case("LpNormalization", "order 1", F64, UP_TO_20, IMAGE, |g| g.node("LpNormalization", &["image"], vec![A::int("p", 1)])),
    case("LpNormalization", "zeros", F64, UP_TO_20, IMAGE, |g| { let x = with_zeros(g); g.node("LpNormalization", &[&x], vec![]) }),
];
