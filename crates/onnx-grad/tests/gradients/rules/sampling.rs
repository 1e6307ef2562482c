//! Sampling at positions.

use super::{Case, F64, IMAGE, KINKED, LINEAR, case, matrix};
use crate::common::Graph;
use onnx_grad::onnx::AttributeProto as A;

const FROM_16: &[i64] = &[16, 18, 20, 22];

/// Positions that depend a little on the whole image, some of them outside. Differences cross few borders of pixels.
fn positions(g: &mut Graph, shape: &[i64]) -> String {
    let x = matrix(g, &[1, 216]);
    let weights: Vec<f64> = g.random.take(216 * shape.iter().product::<i64>() as usize);
    let weights: Vec<f64> = weights.iter().map(|weight| weight / 100.0).collect();
    let weights = g.reals(&[216, weights.len() / 216], &weights);
    let x = g.node("MatMul", &[&x, &weights], vec![]);
    let places = g.random.take(shape.iter().product::<i64>() as usize);
    let places: Vec<f64> = places.into_iter().map(|place| 1.5 * place).collect();
    let places = g.reals(&[places.len()], &places);
    let x = g.node("Add", &[&x, &places], vec![]);
    let sizes = g.integers(shape);
    g.node("Reshape", &[&x, &sizes], vec![])
}

/// The image sampled at positions that depend on it.
fn sampled(g: &mut Graph, kind: &str, padding: &str, aligned: i64) -> String {
    let grid = positions(g, &[1, 3, 5, 2]);
    let kind = if g.opset < 20 && kind != "nearest" { format!("bi{kind}") } else { kind.into() };
    g.node(
        "GridSample",
        &["image", &grid],
        vec![A::text("mode", &kind), A::text("padding_mode", padding), A::int("align_corners", aligned)],
    )
}

/// A volume sampled at fixed positions.
fn volume(g: &mut Graph, kind: &str) -> String {
    let x = matrix(g, &[1, 3, 3, 3, 8]);
    let grid = g.weights(&[1, 2, 3, 2, 3]);
    g.node("GridSample", &[&x, &grid], vec![A::text("mode", kind)])
}

#[rustfmt::skip]
pub const CASES: &[Case] = &[
    case("GridSample", "linear, zeros", KINKED, FROM_16, IMAGE, |g| sampled(g, "linear", "zeros", 0)),
    case("GridSample", "linear, zeros, aligned", KINKED, FROM_16, IMAGE, |g| sampled(g, "linear", "zeros", 1)),
    case("GridSample", "linear, border", KINKED, FROM_16, IMAGE, |g| sampled(g, "linear", "border", 0)),
    case("GridSample", "linear, border, aligned", KINKED, FROM_16, IMAGE, |g| sampled(g, "linear", "border", 1)),
    case("GridSample", "linear, reflection", KINKED, FROM_16, IMAGE, |g| sampled(g, "linear", "reflection", 0)),
    case("GridSample", "linear, reflection, aligned", KINKED, FROM_16, IMAGE, |g| sampled(g, "linear", "reflection", 1)),
    case("GridSample", "cubic, zeros", KINKED, FROM_16, IMAGE, |g| sampled(g, "cubic", "zeros", 0)),
    case("GridSample", "cubic, border, aligned", KINKED, FROM_16, IMAGE, |g| sampled(g, "cubic", "border", 1)),
    case("GridSample", "cubic, reflection", KINKED, FROM_16, IMAGE, |g| sampled(g, "cubic", "reflection", 0)),
    case("GridSample", "cubic, reflection, aligned", KINKED, FROM_16, IMAGE, |g| sampled(g, "cubic", "reflection", 1)),
    case("GridSample", "nearest, zeros", KINKED, FROM_16, IMAGE, |g| sampled(g, "nearest", "zeros", 0)),
    case("GridSample", "nearest, border, aligned", KINKED, FROM_16, IMAGE, |g| sampled(g, "nearest", "border", 1)),
    case("GridSample", "nearest, reflection", KINKED, FROM_16, IMAGE, |g| sampled(g, "nearest", "reflection", 0)),
    case("GridSample", "linear, in double precision", F64, &[20, 22], IMAGE, |g| sampled(g, "linear", "reflection", 0)),
    case("GridSample", "a volume, linear", LINEAR, &[20, 22], IMAGE, |g| volume(g, "linear")),
    case("GridSample", "a volume, nearest", LINEAR, &[20, 22], IMAGE, |g| volume(g, "nearest")),
];
