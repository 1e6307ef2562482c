//! Operators that move values without changing them.

use super::{ALL, Case, F64, FROM_8, FROM_11, IMAGE, KINKED, case, matrix, parameters, with_axes};
use crate::common::Graph;
use onnx_grad::onnx::{AttributeProto as A, NodeProto};

fn pad(g: &mut Graph, pads: &[i64]) -> String {
    if g.opset < 11 {
        return g.node("Pad", &["image"], vec![A::ints("pads", pads)]);
    }
    let pads = g.integers(pads);
    g.node("Pad", &["image", &pads], vec![])
}

/// Padded with values other than zero.
fn padded(g: &mut Graph, mode: &str, pads: &[i64]) -> String {
    let mode = A::text("mode", mode);
    if g.opset < 11 {
        return g.node("Pad", &["image"], vec![A::ints("pads", pads), mode]);
    }
    let pads = g.integers(pads);
    g.node("Pad", &["image", &pads], vec![mode])
}

/// The first and the last of the parts of the image along its third axis; the others are not read.
fn split(g: &mut Graph, sizes: Option<&[i64]>, parts: usize, mut attributes: Vec<A>) -> String {
    attributes.push(A::int("axis", 2));
    let mut inputs = vec!["image".to_owned()];
    match sizes {
        Some(sizes) if g.opset < 13 => attributes.push(A::ints("split", sizes)),
        Some(sizes) => inputs.push(g.integers(sizes)),
        None => {}
    }
    let outputs: Vec<String> = (0..parts).map(|part| format!("part{part}")).collect();
    g.nodes.push(NodeProto { attribute: attributes, ..NodeProto::new("Split", "split", inputs, outputs) });
    let [first, last] = [0, parts - 1].map(|part| format!("part{part}"));
    g.node("Concat", &[&last, &first, &first], vec![A::int("axis", 2)])
}

fn flat(g: &mut Graph, axis: i64) -> String {
    g.node("Flatten", &["image"], vec![A::int("axis", axis)])
}

fn with_sizes(g: &mut Graph, op: &str, sizes: &[i64]) -> String {
    let sizes = g.integers(sizes);
    g.node(op, &["image", &sizes], vec![])
}

/// An operator that moves blocks between places and channels.
fn blocks(g: &mut Graph, op: &str, mode: Option<&str>) -> String {
    let shape: &[i64] = if op == "DepthToSpace" { &[1, 12, 3, 6] } else { &[1, 3, 6, 12] };
    let x = matrix(g, shape);
    let mode = mode.map(|mode| A::text("mode", mode));
    g.node(op, &[&x], mode.into_iter().chain([A::int("blocksize", if op == "DepthToSpace" { 2 } else { 3 })]).collect())
}

#[rustfmt::skip]
pub const CASES: &[Case] = &[
    case("Cast", "to double and back", KINKED, ALL, IMAGE, |g| { let x = g.node("Cast", &["image"], vec![A::int("to", 11)]); let x = g.node("Cast", &[&x], vec![A::int("to", 1)]); g.node("Mul", &[&x, &x], vec![]) }),
    case("CastLike", "to double and back, like a value of the image", KINKED, &[15, 19, 21, 22, 25], IMAGE, |g| { let d = g.node("Cast", &["image"], vec![A::int("to", 11)]); let x = g.node("CastLike", &["image", &d], vec![]); let x = g.node("CastLike", &[&x, "image"], vec![]); g.node("Mul", &[&x, "image"], vec![]) }),
    case("CastLike", "the image as the type only", KINKED, &[15, 22], IMAGE, |g| { let w = g.integers(&[3]); let x = g.node("CastLike", &[&w, "image"], vec![]); g.node("Mul", &[&x, "image"], vec![]) }),
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
    case("Pad", "by a constant", F64, FROM_11, IMAGE, |g| { let (p, v) = (g.integers(&[0, 1, 2, 0, 0, 0, -1, 3]), g.reals(&[], &[0.5])); g.node("Pad", &["image", &p, &v], vec![]) }),
    case("Pad", "by a value from the image", F64, FROM_11, IMAGE, |g| { let (p, v) = (g.integers(&[0, 1, 2, 0, 0, 0, -1, 3]), parameters(g, &[])); g.node("Pad", &["image", &p, &v], vec![]) }),
    case("Pad", "reflect", F64, ALL, IMAGE, |g| padded(g, "reflect", &[0, 1, 8, 0, 0, 2, 3, 7])),
    case("Pad", "reflect, cut off", F64, FROM_11, IMAGE, |g| padded(g, "reflect", &[0, 0, -2, 3, 0, 0, 3, -1])),
    case("Pad", "edge", F64, ALL, IMAGE, |g| padded(g, "edge", &[0, 1, 2, 0, 0, 0, 10, 3])),
    case("Pad", "edge, cut off", F64, FROM_11, IMAGE, |g| padded(g, "edge", &[0, 0, -2, 3, 0, 0, 3, -1])),
    case("Pad", "wrap", F64, &[19, 21, 22], IMAGE, |g| padded(g, "wrap", &[0, 1, 2, 0, 0, 0, 5, 3])),
    case("Expand", "", F64, FROM_8, &[1, 3, 1, 6], |g| with_sizes(g, "Expand", &[2, 3, 5, 1])),
    case("Expand", "more axes", F64, FROM_8, &[1, 3, 1, 6], |g| with_sizes(g, "Expand", &[2, 1, 1, 4, 6])),
    case("Tile", "", F64, ALL, &[1, 3, 4, 5], |g| with_sizes(g, "Tile", &[2, 1, 3, 2])),
    case("DepthToSpace", "", F64, ALL, IMAGE, |g| blocks(g, "DepthToSpace", None)),
    case("DepthToSpace", "DCR", F64, FROM_11, IMAGE, |g| blocks(g, "DepthToSpace", Some("DCR"))),
    case("DepthToSpace", "CRD", F64, FROM_11, IMAGE, |g| blocks(g, "DepthToSpace", Some("CRD"))),
    case("SpaceToDepth", "", F64, ALL, IMAGE, |g| blocks(g, "SpaceToDepth", None)),
    case("Split", "equal parts", F64, &[7, 8, 11, 13, 15, 17], IMAGE, |g| split(g, None, 3, vec![])),
    case("Split", "sizes, one part not read", F64, ALL, IMAGE, |g| split(g, Some(&[2, 4, 3]), 3, vec![])),
    case("Split", "num_outputs, the last part smaller", F64, &[18, 22], IMAGE, |g| split(g, None, 2, vec![A::int("num_outputs", 2)])),
    case("Flatten", "axes", F64, FROM_11, IMAGE, |g| { let (a, b) = (flat(g, -1), flat(g, 2)); let shape = g.integers(&[27, 8]); let b = g.node("Reshape", &[&b, &shape], vec![]); g.node("Mul", &[&a, &b], vec![]) }),
    case("Reshape", "allowzero", F64, &[14, 18, 22], IMAGE, |g| { let sizes = g.integers(&[9, -1]); g.node("Reshape", &["image", &sizes], vec![A::int("allowzero", 1)]) }),
    case("Squeeze", "without axes", F64, ALL, &[1, 3, 1, 6], |g| g.node("Squeeze", &["image"], vec![])),
    case("Trilu", "upper", F64, &[14, 18, 22], IMAGE, |g| g.node("Trilu", &["image"], vec![])),
    case("Trilu", "lower, moved", F64, &[14, 18, 22], IMAGE, |g| { let k = super::index::indices(g, &[], &[-2]); g.node("Trilu", &["image", &k], vec![A::int("upper", 0)]) }),
];
