//! Pooling.

use super::{ALL, Case, F64, FROM_8, FROM_11, IMAGE, KINKED, LINEAR, case, matrix};
use crate::common::Graph;
use onnx_grad::onnx::AttributeProto as A;

fn pool(g: &mut Graph, op: &str, kernel: &[i64], mut attributes: Vec<A>) -> String {
    attributes.push(A::ints("kernel_shape", kernel));
    g.node(op, &["image"], attributes)
}

#[rustfmt::skip]
pub const CASES: &[Case] = &[
    case("MaxPool", "3x3, stride 2", F64, FROM_8, IMAGE, |g| pool(g, "MaxPool", &[3, 3], vec![A::ints("strides", &[2, 2]), A::ints("pads", &[1, 1, 1, 1])])),
    case("MaxPool", "2x2, stride 2, rows left over", F64, FROM_8, IMAGE, |g| pool(g, "MaxPool", &[2, 2], vec![A::ints("strides", &[2, 2])])),
    case("MaxPool", "float32", KINKED, ALL, IMAGE, |g| pool(g, "MaxPool", &[3, 2], vec![A::ints("strides", &[2, 1])])),
    case("MaxPool", "overlapping, stride 1", F64, FROM_8, IMAGE, |g| pool(g, "MaxPool", &[3, 2], vec![A::ints("pads", &[1, 0, 1, 1])])),
    case("MaxPool", "ceil_mode", F64, FROM_11, &[1, 3, 10, 8], |g| pool(g, "MaxPool", &[3, 3], vec![A::ints("strides", &[2, 2]), A::int("ceil_mode", 1)])),
    case("MaxPool", "different strides", F64, FROM_11, IMAGE, |g| pool(g, "MaxPool", &[2, 3], vec![A::ints("strides", &[3, 2]), A::ints("pads", &[1, 1, 0, 1])])),
    case("MaxPool", "stride wider than the kernel", F64, FROM_11, IMAGE, |g| pool(g, "MaxPool", &[1, 2], vec![A::ints("strides", &[2, 3])])),
    case("MaxPool", "one window, whose stride reaches far", F64, FROM_11, IMAGE, |g| pool(g, "MaxPool", &[3, 2], vec![A::ints("strides", &[1_000_000, 1_000_000]), A::ints("pads", &[1, 0, 0, 0])])),
    case("MaxPool", "dilation", F64, FROM_11, IMAGE, |g| pool(g, "MaxPool", &[3, 2], vec![A::ints("dilations", &[2, 3]), A::ints("strides", &[2, 1])])),
    case("MaxPool", "SAME_UPPER", F64, FROM_11, IMAGE, |g| pool(g, "MaxPool", &[3, 3], vec![A::ints("strides", &[2, 2]), A::text("auto_pad", "SAME_UPPER")])),
    case("MaxPool", "SAME_LOWER", F64, FROM_11, IMAGE, |g| pool(g, "MaxPool", &[2, 2], vec![A::ints("strides", &[2, 1]), A::text("auto_pad", "SAME_LOWER")])),
    case("MaxPool", "one axis", F64, FROM_11, IMAGE, |g| { let x = matrix(g, &[1, 3, 72]); g.node("MaxPool", &[&x], vec![A::ints("kernel_shape", &[3]), A::ints("strides", &[2])]) }),
    case("MaxPool", "of what was pooled, whose maxima tie", F64, FROM_11, IMAGE, |g| { let y = pool(g, "MaxPool", &[3, 3], vec![A::ints("strides", &[2, 2])]); g.node("MaxPool", &[&y], vec![A::ints("kernel_shape", &[3, 3]), A::ints("pads", &[1, 1, 1, 1])]) }),
    case("GlobalMaxPool", "of what was pooled, whose maxima tie", KINKED, FROM_11, IMAGE, |g| { let y = pool(g, "MaxPool", &[3, 3], vec![A::ints("strides", &[2, 2])]); g.node("GlobalMaxPool", &[&y], vec![]) }),
    case("MaxPool", "three axes", F64, FROM_11, IMAGE, |g| { let x = matrix(g, &[1, 2, 4, 9, 3]); g.node("MaxPool", &[&x], vec![A::ints("kernel_shape", &[2, 3, 2]), A::ints("strides", &[2, 2, 1]), A::ints("pads", &[0, 1, 0, 1, 0, 1])]) }),
    case("MaxPool", "storage_order", F64, FROM_11, IMAGE, |g| pool(g, "MaxPool", &[2, 2], vec![A::int("storage_order", 1)])),
    case("GlobalMaxPool", "", KINKED, ALL, IMAGE, |g| g.node("GlobalMaxPool", &["image"], vec![])),
    case("GlobalMaxPool", "one axis", KINKED, FROM_11, IMAGE, |g| { let x = matrix(g, &[1, 3, 72]); g.node("GlobalMaxPool", &[&x], vec![]) }),
    case("AveragePool", "one axis", LINEAR, FROM_11, IMAGE, |g| { let x = matrix(g, &[1, 3, 72]); g.node("AveragePool", &[&x], vec![A::ints("kernel_shape", &[3]), A::ints("strides", &[2]), A::ints("pads", &[1, 0])]) }),
    case("AveragePool", "three axes", LINEAR, FROM_11, IMAGE, |g| { let x = matrix(g, &[1, 2, 4, 9, 3]); g.node("AveragePool", &[&x], vec![A::ints("kernel_shape", &[2, 3, 2]), A::ints("strides", &[2, 2, 1])]) }),
    case("AveragePool", "SAME_LOWER", LINEAR, FROM_11, IMAGE, |g| pool(g, "AveragePool", &[2, 3], vec![A::ints("strides", &[1, 2]), A::text("auto_pad", "SAME_LOWER")])),
    case("GlobalAveragePool", "three axes", LINEAR, FROM_11, IMAGE, |g| { let x = matrix(g, &[1, 2, 4, 9, 3]); g.node("GlobalAveragePool", &[&x], vec![]) }),
    case("AveragePool", "2x2, stride 2", LINEAR, ALL, IMAGE, |g| pool(g, "AveragePool", &[2, 2], vec![A::ints("strides", &[2, 2])])),
    case("AveragePool", "padding left out of the mean", LINEAR, ALL, IMAGE, |g| pool(g, "AveragePool", &[3, 3], vec![A::ints("pads", &[1, 1, 1, 1])])),
    case("AveragePool", "padding counted", LINEAR, ALL, IMAGE, |g| pool(g, "AveragePool", &[3, 3], vec![A::ints("pads", &[1, 1, 1, 1]), A::int("count_include_pad", 1)])),
    // From opset 19 on, ONNX Runtime 1.24.1 counts asymmetric padding differently from its other versions.
    case("AveragePool", "asymmetric padding counted", LINEAR, &[7, 10, 11, 18], IMAGE, |g| pool(g, "AveragePool", &[3, 3], vec![A::ints("pads", &[1, 0, 1, 2]), A::int("count_include_pad", 1)])),
    case("AveragePool", "ceil_mode", LINEAR, &[19, 22], &[1, 3, 10, 8], |g| pool(g, "AveragePool", &[3, 3], vec![A::ints("strides", &[2, 2]), A::int("ceil_mode", 1)])),
    case("AveragePool", "ceil_mode, padding counted", LINEAR, &[19, 22], &[1, 3, 10, 9], |g| pool(g, "AveragePool", &[3, 3], vec![A::ints("strides", &[2, 2]), A::ints("pads", &[1, 1, 1, 1]), A::int("ceil_mode", 1), A::int("count_include_pad", 1)])),
    case("AveragePool", "dilation", LINEAR, &[19, 22], IMAGE, |g| pool(g, "AveragePool", &[3, 2], vec![A::ints("dilations", &[2, 3])])),
    case("AveragePool", "SAME_UPPER", LINEAR, FROM_11, IMAGE, |g| pool(g, "AveragePool", &[3, 3], vec![A::ints("strides", &[2, 2]), A::text("auto_pad", "SAME_UPPER")])),
    case("GlobalAveragePool", "", LINEAR, ALL, IMAGE, |g| g.node("GlobalAveragePool", &["image"], vec![])),
];
