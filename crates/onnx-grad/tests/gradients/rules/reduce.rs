//! Reductions.

use super::{ALL, Case, F64, FROM_11, IMAGE, case, with_axes};
use crate::common::Graph;
use onnx_grad::onnx::AttributeProto as A;

/// The operator applied to the image mapped to values in (0.9, 3.1).
fn shifted(g: &mut Graph, op: &str, axes: &[i64], attributes: Vec<A>) -> String {
    let two = g.reals(&[], &[2.0]);
    let x = g.node("Add", &["image", &two], vec![]);
    with_axes(g, op, 18, &x, axes, attributes)
}

#[rustfmt::skip]
pub const CASES: &[Case] = &[
    case("ReduceMean", "kept axes", F64, ALL, IMAGE, |g| with_axes(g, "ReduceMean", 18, "image", &[2, 3], vec![])),
    case("ReduceMean", "dropped axis", F64, FROM_11, IMAGE, |g| with_axes(g, "ReduceMean", 18, "image", &[-3], vec![A::int("keepdims", 0)])),
    case("ReduceMean", "all axes", F64, ALL, IMAGE, |g| g.node("ReduceMean", &["image"], vec![])),
    case("ReduceMean", "no axes", F64, &[18, 22], IMAGE, |g| with_axes(g, "ReduceMean", 18, "image", &[], vec![A::int("noop_with_empty_axes", 1)])),
    case("ReduceSum", "kept axes", F64, ALL, IMAGE, |g| with_axes(g, "ReduceSum", 13, "image", &[2, 3], vec![])),
    case("ReduceSum", "dropped axis", F64, FROM_11, IMAGE, |g| with_axes(g, "ReduceSum", 13, "image", &[-3], vec![A::int("keepdims", 0)])),
    case("ReduceSum", "all axes", F64, ALL, IMAGE, |g| g.node("ReduceSum", &["image"], vec![])),
    case("ReduceSum", "no axes", F64, &[13, 18, 22], IMAGE, |g| with_axes(g, "ReduceSum", 13, "image", &[], vec![A::int("noop_with_empty_axes", 1)])),
    case("ReduceMax", "kept axes", F64, ALL, IMAGE, |g| with_axes(g, "ReduceMax", 18, "image", &[2, 3], vec![])),
    case("ReduceMax", "dropped axis", F64, FROM_11, IMAGE, |g| with_axes(g, "ReduceMax", 18, "image", &[-3], vec![A::int("keepdims", 0)])),
    case("ReduceMax", "all axes", F64, ALL, IMAGE, |g| g.node("ReduceMax", &["image"], vec![])),
    case("ReduceMax", "no axes", F64, &[18, 22], IMAGE, |g| with_axes(g, "ReduceMax", 18, "image", &[], vec![A::int("noop_with_empty_axes", 1)])),
    case("ReduceMin", "kept axes", F64, ALL, IMAGE, |g| with_axes(g, "ReduceMin", 18, "image", &[2, 3], vec![])),
    case("ReduceMin", "dropped axis", F64, FROM_11, IMAGE, |g| with_axes(g, "ReduceMin", 18, "image", &[-3], vec![A::int("keepdims", 0)])),
    case("ReduceMin", "all axes", F64, ALL, IMAGE, |g| g.node("ReduceMin", &["image"], vec![])),
    case("ReduceMin", "no axes", F64, &[18, 22], IMAGE, |g| with_axes(g, "ReduceMin", 18, "image", &[], vec![A::int("noop_with_empty_axes", 1)])),
    case("ReduceL1", "kept axes", F64, ALL, IMAGE, |g| with_axes(g, "ReduceL1", 18, "image", &[2, 3], vec![])),
    case("ReduceL1", "dropped axis", F64, FROM_11, IMAGE, |g| with_axes(g, "ReduceL1", 18, "image", &[-3], vec![A::int("keepdims", 0)])),
    case("ReduceL1", "all axes", F64, ALL, IMAGE, |g| g.node("ReduceL1", &["image"], vec![])),
    case("ReduceL1", "no axes", F64, &[18, 22], IMAGE, |g| with_axes(g, "ReduceL1", 18, "image", &[], vec![A::int("noop_with_empty_axes", 1)])),
    case("ReduceL2", "kept axes", F64, ALL, IMAGE, |g| with_axes(g, "ReduceL2", 18, "image", &[2, 3], vec![])),
    case("ReduceL2", "dropped axis", F64, FROM_11, IMAGE, |g| with_axes(g, "ReduceL2", 18, "image", &[-3], vec![A::int("keepdims", 0)])),
    case("ReduceL2", "all axes", F64, ALL, IMAGE, |g| g.node("ReduceL2", &["image"], vec![])),
    case("ReduceL2", "no axes", F64, &[18, 22], IMAGE, |g| with_axes(g, "ReduceL2", 18, "image", &[], vec![A::int("noop_with_empty_axes", 1)])),
    case("ReduceSumSquare", "kept axes", F64, ALL, IMAGE, |g| with_axes(g, "ReduceSumSquare", 18, "image", &[2, 3], vec![])),
    case("ReduceSumSquare", "dropped axis", F64, FROM_11, IMAGE, |g| with_axes(g, "ReduceSumSquare", 18, "image", &[-3], vec![A::int("keepdims", 0)])),
    case("ReduceSumSquare", "all axes", F64, ALL, IMAGE, |g| g.node("ReduceSumSquare", &["image"], vec![])),
    case("ReduceSumSquare", "no axes", F64, &[18, 22], IMAGE, |g| with_axes(g, "ReduceSumSquare", 18, "image", &[], vec![A::int("noop_with_empty_axes", 1)])),
    case("ReduceLogSumExp", "kept axes", F64, ALL, IMAGE, |g| with_axes(g, "ReduceLogSumExp", 18, "image", &[2, 3], vec![])),
    case("ReduceLogSumExp", "dropped axis", F64, FROM_11, IMAGE, |g| with_axes(g, "ReduceLogSumExp", 18, "image", &[-3], vec![A::int("keepdims", 0)])),
    case("ReduceLogSumExp", "all axes", F64, ALL, IMAGE, |g| g.node("ReduceLogSumExp", &["image"], vec![])),
    case("ReduceLogSumExp", "no axes", F64, &[18, 22], IMAGE, |g| with_axes(g, "ReduceLogSumExp", 18, "image", &[], vec![A::int("noop_with_empty_axes", 1)])),
    case("ReduceLogSum", "kept axes", F64, ALL, IMAGE, |g| shifted(g, "ReduceLogSum", &[2, 3], vec![])),
    case("ReduceLogSum", "dropped axis", F64, FROM_11, IMAGE, |g| shifted(g, "ReduceLogSum", &[-3], vec![A::int("keepdims", 0)])),
    case("ReduceLogSum", "all axes", F64, ALL, IMAGE, |g| { let x = g.node("Exp", &["image"], vec![]); g.node("ReduceLogSum", &[&x], vec![]) }),
    case("ReduceLogSum", "no axes", F64, &[18, 22], IMAGE, |g| shifted(g, "ReduceLogSum", &[], vec![A::int("noop_with_empty_axes", 1)])),
    case("ReduceMax", "ties", F64, ALL, IMAGE, |g| { let n = g.node("Neg", &["image"], vec![]); let t = g.node("Concat", &["image", &n, "image"], vec![A::int("axis", 1)]); with_axes(g, "ReduceMax", 18, &t, &[1, 2], vec![]) }),
    case("ReduceL2", "of zeros", F64, ALL, IMAGE, |g| { let zero = g.reals(&[], &[0.0]); let x = g.node("Mul", &["image", &zero], vec![]); let y = with_axes(g, "ReduceL2", 18, &x, &[2, 3], vec![]); g.node("Add", &["image", &y], vec![]) }),
    case("ReduceProd", "kept axis", F64, ALL, IMAGE, |g| shifted(g, "ReduceProd", &[2], vec![])),
    case("ReduceProd", "dropped axis", F64, FROM_11, IMAGE, |g| shifted(g, "ReduceProd", &[-3], vec![A::int("keepdims", 0)])),
    case("ReduceProd", "all axes", F64, ALL, &[1, 3, 2, 2], |g| { let x = g.node("Exp", &["image"], vec![]); g.node("ReduceProd", &[&x], vec![]) }),
    case("ReduceProd", "no axes", F64, &[18, 22], IMAGE, |g| shifted(g, "ReduceProd", &[], vec![A::int("noop_with_empty_axes", 1)])),
    case("ReduceProd", "one zero, two zeros", F64, ALL, &[1, 3, 2, 4], |g| { let w = g.reals(&[2, 4], &[1.0, 0.0, 0.7, 0.0, 2.0, 1.0, 0.9, 0.0]); let x = g.node("Mul", &["image", &w], vec![]); let p = with_axes(g, "ReduceProd", 18, &x, &[2], vec![]); let ten = g.reals(&[], &[10.0]); let p = g.node("Mul", &[&p, &ten], vec![]); g.node("Add", &["image", &p], vec![]) }),
];
