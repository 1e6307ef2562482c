//! Convolution.

use super::{ALL, Case, FROM_11, IMAGE, LINEAR, case, matrix};
use crate::common::Graph;
use salstream::onnx::AttributeProto as A;

pub fn conv(g: &mut Graph, weights: &[usize], attributes: Vec<A>) -> String {
    let (w, b) = (g.weights(weights), g.weights(&weights[..1]));
    g.node("Conv", &["image", &w, &b], attributes)
}

#[rustfmt::skip]
pub const CASES: &[Case] = &[
    case("Conv", "3x3", LINEAR, ALL, IMAGE, |g| conv(g, &[4, 3, 3, 3], vec![A::ints("pads", &[1, 1, 1, 1])])),
    case("Conv", "1x1", LINEAR, ALL, IMAGE, |g| conv(g, &[4, 3, 1, 1], vec![])),
    case("Conv", "asymmetric pads and kernel", LINEAR, ALL, IMAGE, |g| conv(g, &[2, 3, 3, 2], vec![A::ints("pads", &[0, 1, 2, 0])])),
    case("Conv", "pads wider than the kernel", LINEAR, ALL, IMAGE, |g| conv(g, &[2, 3, 2, 1], vec![A::ints("pads", &[2, 1, 3, 1])])),
    case("Conv", "stride 2, kernel 3", LINEAR, ALL, IMAGE, |g| conv(g, &[4, 3, 3, 3], vec![A::ints("strides", &[2, 2]), A::ints("pads", &[1, 1, 1, 1])])),
    case("Conv", "stride 2, kernel 7", LINEAR, FROM_11, &[1, 3, 12, 10], |g| conv(g, &[2, 3, 7, 7], vec![A::ints("strides", &[2, 2]), A::ints("pads", &[3, 3, 3, 3])])),
    case("Conv", "stride 2, kernel 1", LINEAR, ALL, IMAGE, |g| conv(g, &[4, 3, 1, 1], vec![A::ints("strides", &[2, 2])])),
    case("Conv", "stride 2, pads of SAME", LINEAR, FROM_11, &[1, 3, 8, 8], |g| conv(g, &[2, 3, 3, 3], vec![A::ints("strides", &[2, 2]), A::ints("pads", &[0, 0, 1, 1])])),
    case("Conv", "strides 3 and 2, rows left over", LINEAR, ALL, &[1, 3, 12, 9], |g| conv(g, &[2, 3, 2, 2], vec![A::ints("strides", &[3, 2])])),
    case("Conv", "dilation", LINEAR, ALL, IMAGE, |g| conv(g, &[2, 3, 3, 2], vec![A::ints("dilations", &[2, 3]), A::ints("pads", &[2, 1, 2, 2])])),
    case("Conv", "dilation and stride", LINEAR, FROM_11, &[1, 3, 11, 9], |g| conv(g, &[2, 3, 3, 2], vec![A::ints("dilations", &[2, 3]), A::ints("strides", &[2, 2]), A::ints("pads", &[2, 1, 2, 2])])),
    case("Conv", "depthwise", LINEAR, ALL, IMAGE, |g| conv(g, &[3, 1, 3, 3], vec![A::int("group", 3), A::ints("pads", &[1, 1, 1, 1])])),
    case("Conv", "depthwise, multiplied, stride 2", LINEAR, ALL, IMAGE, |g| conv(g, &[6, 1, 3, 3], vec![A::int("group", 3), A::ints("strides", &[2, 2]), A::ints("pads", &[1, 1, 1, 1])])),
    case("Conv", "groups", LINEAR, FROM_11, IMAGE, |g| { let x = conv(g, &[4, 3, 1, 1], vec![]); let w = g.weights(&[6, 2, 3, 3]); g.node("Conv", &[&x, &w], vec![A::int("group", 2)]) }),
    case("Conv", "SAME_UPPER", LINEAR, FROM_11, IMAGE, |g| conv(g, &[2, 3, 3, 4], vec![A::text("auto_pad", "SAME_UPPER"), A::ints("strides", &[2, 2])])),
    case("Conv", "SAME_LOWER", LINEAR, FROM_11, IMAGE, |g| conv(g, &[2, 3, 3, 4], vec![A::text("auto_pad", "SAME_LOWER"), A::ints("strides", &[2, 1])])),
    case("Conv", "VALID", LINEAR, FROM_11, IMAGE, |g| conv(g, &[2, 3, 3, 4], vec![A::text("auto_pad", "VALID"), A::ints("strides", &[1, 2])])),
    case("Conv", "one axis", LINEAR, FROM_11, IMAGE, |g| { let x = matrix(g, &[1, 3, 72]); let w = g.weights(&[2, 3, 5]); g.node("Conv", &[&x, &w], vec![A::ints("strides", &[2])]) }),
    case("Conv", "three axes", LINEAR, FROM_11, &[1, 3, 8, 6], |g| { let x = matrix(g, &[1, 3, 4, 3, 4]); let w = g.weights(&[2, 3, 2, 2, 2]); g.node("Conv", &[&x, &w], vec![A::ints("pads", &[1, 0, 1, 0, 1, 0])]) }),
];
