//! Convolution.

use super::{ALL, Case, FROM_11, IMAGE, LINEAR, SMOOTH, case, matrix, parameters};
use crate::common::Graph;
use onnx_grad::onnx::AttributeProto as A;

pub fn conv(g: &mut Graph, weights: &[usize], attributes: Vec<A>) -> String {
    let (w, b) = (g.weights(weights), g.weights(&weights[..1]));
    g.node("Conv", &["image", &w, &b], attributes)
}

/// A transposed convolution, weights `[in, out / groups, ...]`.
fn transposed(g: &mut Graph, weights: &[usize], attributes: Vec<A>) -> String {
    let w = g.weights(weights);
    g.node("ConvTranspose", &["image", &w], attributes)
}

/// A convolution whose weights and bias are elements of the image.
fn made(g: &mut Graph, op: &str, weights: &[usize], channels: usize, attributes: Vec<A>) -> String {
    let (w, b) = (parameters(g, weights), parameters(g, &[channels]));
    g.node(op, &["image", &w, &b], attributes)
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
    case("Conv", "without a bias", LINEAR, FROM_11, IMAGE, |g| { let w = g.weights(&[2, 3, 3, 2]); g.node("Conv", &["image", &w], vec![]) }),
    case("Conv", "one axis, depthwise, SAME_LOWER", LINEAR, FROM_11, IMAGE, |g| { let x = matrix(g, &[1, 3, 72]); let w = g.weights(&[3, 1, 4]); g.node("Conv", &[&x, &w], vec![A::int("group", 3), A::text("auto_pad", "SAME_LOWER")]) }),
    case("Conv", "three axes, strides, groups", LINEAR, FROM_11, IMAGE, |g| { let x = matrix(g, &[1, 2, 4, 9, 3]); let w = g.weights(&[4, 1, 2, 3, 2]); g.node("Conv", &[&x, &w], vec![A::int("group", 2), A::ints("strides", &[2, 3, 1]), A::ints("pads", &[0, 1, 1, 0, 0, 0])]) }),
    case("Conv", "three axes, dilation", LINEAR, FROM_11, IMAGE, |g| { let x = matrix(g, &[1, 2, 4, 9, 3]); let w = g.weights(&[2, 2, 2, 2, 2]); g.node("Conv", &[&x, &w], vec![A::ints("dilations", &[2, 3, 1]), A::ints("strides", &[1, 2, 1])]) }),
    case("Conv", "one window, whose stride reaches far", LINEAR, FROM_11, IMAGE, |g| conv(g, &[2, 3, 3, 4], vec![A::ints("strides", &[1_000_000, 1_000_000]), A::ints("pads", &[1, 0, 0, 0])])),
    case("ConvTranspose", "3x3", LINEAR, ALL, IMAGE, |g| transposed(g, &[3, 2, 3, 3], vec![A::ints("pads", &[1, 1, 1, 1])])),
    case("ConvTranspose", "bias, kernel_shape", LINEAR, FROM_11, IMAGE, |g| { let (w, b) = (g.weights(&[3, 2, 3, 2]), g.weights(&[2])); g.node("ConvTranspose", &["image", &w, &b], vec![A::ints("kernel_shape", &[3, 2])]) }),
    case("ConvTranspose", "stride 2", LINEAR, ALL, IMAGE, |g| transposed(g, &[3, 2, 4, 4], vec![A::ints("strides", &[2, 2]), A::ints("pads", &[1, 1, 1, 1])])),
    case("ConvTranspose", "stride 2, output_padding", LINEAR, ALL, IMAGE, |g| transposed(g, &[3, 2, 3, 3], vec![A::ints("strides", &[2, 2]), A::ints("pads", &[1, 1, 1, 1]), A::ints("output_padding", &[1, 0])])),
    case("ConvTranspose", "strides wider than the kernel", LINEAR, FROM_11, IMAGE, |g| transposed(g, &[3, 2, 1, 2], vec![A::ints("strides", &[2, 3]), A::ints("output_padding", &[1, 2])])),
    case("ConvTranspose", "asymmetric pads and strides", LINEAR, FROM_11, IMAGE, |g| transposed(g, &[3, 2, 4, 3], vec![A::ints("strides", &[3, 1]), A::ints("pads", &[0, 2, 3, 1])])),
    case("ConvTranspose", "dilation", LINEAR, FROM_11, IMAGE, |g| transposed(g, &[3, 2, 3, 2], vec![A::ints("dilations", &[2, 3]), A::ints("strides", &[2, 1])])),
    case("ConvTranspose", "depthwise", LINEAR, FROM_11, IMAGE, |g| transposed(g, &[3, 1, 3, 3], vec![A::int("group", 3), A::ints("strides", &[2, 2])])),
    case("ConvTranspose", "groups", LINEAR, FROM_11, IMAGE, |g| { let x = conv(g, &[4, 3, 1, 1], vec![]); let w = g.weights(&[4, 3, 2, 2]); g.node("ConvTranspose", &[&x, &w], vec![A::int("group", 2)]) }),
    case("ConvTranspose", "output_shape", LINEAR, FROM_11, IMAGE, |g| transposed(g, &[3, 2, 3, 3], vec![A::ints("strides", &[2, 2]), A::ints("output_shape", &[18, 16])])),
    case("ConvTranspose", "output_shape, SAME_UPPER", LINEAR, FROM_11, IMAGE, |g| transposed(g, &[3, 2, 3, 3], vec![A::ints("strides", &[2, 2]), A::ints("output_shape", &[18, 16]), A::text("auto_pad", "SAME_UPPER")])),
    case("ConvTranspose", "SAME_UPPER", LINEAR, FROM_11, IMAGE, |g| transposed(g, &[3, 2, 3, 4], vec![A::ints("strides", &[2, 1]), A::text("auto_pad", "SAME_UPPER")])),
    case("ConvTranspose", "SAME_LOWER", LINEAR, FROM_11, IMAGE, |g| transposed(g, &[3, 2, 3, 4], vec![A::ints("strides", &[2, 1]), A::text("auto_pad", "SAME_LOWER")])),
    case("ConvTranspose", "VALID", LINEAR, FROM_11, IMAGE, |g| transposed(g, &[3, 2, 3, 4], vec![A::ints("strides", &[2, 1]), A::text("auto_pad", "VALID")])),
    case("ConvTranspose", "one axis", LINEAR, FROM_11, IMAGE, |g| { let x = matrix(g, &[1, 3, 72]); let w = g.weights(&[3, 2, 5]); g.node("ConvTranspose", &[&x, &w], vec![A::ints("strides", &[2]), A::ints("pads", &[1, 2])]) }),
    case("ConvTranspose", "three axes", LINEAR, FROM_11, IMAGE, |g| { let x = matrix(g, &[1, 2, 4, 9, 3]); let w = g.weights(&[2, 2, 2, 3, 2]); g.node("ConvTranspose", &[&x, &w], vec![A::ints("strides", &[2, 2, 1]), A::ints("output_padding", &[1, 0, 0])]) }),
    case("Conv", "weights from the image", SMOOTH, &[11, 13, 22], IMAGE, |g| made(g, "Conv", &[4, 3, 3, 2], 4, vec![A::ints("pads", &[1, 0, 0, 1])])),
    case("Conv", "weights from the image, strides and dilations, rows left over", SMOOTH, FROM_11, IMAGE, |g| made(g, "Conv", &[4, 3, 3, 2], 4, vec![A::ints("strides", &[3, 2]), A::ints("dilations", &[2, 3])])),
    case("Conv", "weights from the image, groups", SMOOTH, FROM_11, IMAGE, |g| made(g, "Conv", &[6, 1, 2, 3], 6, vec![A::int("group", 3), A::ints("strides", &[2, 1]), A::ints("pads", &[1, 1, 0, 2])])),
    case("ConvTranspose", "weights from the image", SMOOTH, FROM_11, IMAGE, |g| made(g, "ConvTranspose", &[3, 2, 3, 2], 2, vec![A::ints("strides", &[2, 1]), A::ints("pads", &[1, 0, 0, 1]), A::ints("output_padding", &[1, 0])])),
    case("ConvTranspose", "weights from the image, groups and dilations", SMOOTH, FROM_11, IMAGE, |g| made(g, "ConvTranspose", &[3, 2, 3, 2], 6, vec![A::int("group", 3), A::ints("dilations", &[2, 3])])),
];
