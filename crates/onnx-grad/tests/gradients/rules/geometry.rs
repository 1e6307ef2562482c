//! Coordinates and determinants.

use super::index::indices;
use super::{Case, F64, FROM_11, IMAGE, SMOOTH, case, matrix, parameters};
use crate::common::Graph;
use onnx_grad::onnx::AttributeProto as A;

fn affine(g: &mut Graph, theta: &[i64], size: &[i64], aligned: i64) -> String {
    let theta = matrix(g, theta);
    let size = g.integers(size);
    g.node("AffineGrid", &[&theta, &size], vec![A::int("align_corners", aligned)])
}

fn determinant(g: &mut Graph, shape: &[i64]) -> String {
    let x = matrix(g, shape);
    g.node("Det", &[&x], vec![])
}

/// Angles that depend on the image: of 50 positions if `ids` are given.
fn rotated(g: &mut Graph, x: &[i64], angles: &[usize], ids: Option<(&[usize], &[i64])>, attributes: Vec<A>) -> String {
    let x = matrix(g, x);
    let table = parameters(g, angles);
    let squares = g.node("Mul", &[&table, &table], vec![]);
    let ids = ids.map(|(shape, values)| indices(g, shape, values));
    let inputs: Vec<&str> = [&x, &table, &squares].into_iter().chain(&ids).map(String::as_str).collect();
    g.node("RotaryEmbedding", &inputs, attributes)
}

#[rustfmt::skip]
pub const CASES: &[Case] = &[
    case("AffineGrid", "image", F64, &[20, 22], &[1, 3, 2, 4], |g| affine(g, &[4, 2, 3], &[4, 3, 5, 6], 0)),
    case("AffineGrid", "image, aligned", F64, &[20, 22], &[1, 3, 2, 4], |g| affine(g, &[4, 2, 3], &[4, 3, 5, 6], 1)),
    case("AffineGrid", "volume", F64, &[20, 22], &[1, 3, 2, 4], |g| affine(g, &[2, 3, 4], &[2, 1, 4, 5, 6], 0)),
    case("AffineGrid", "volume, aligned", F64, &[20, 22], &[1, 3, 2, 4], |g| affine(g, &[2, 3, 4], &[2, 1, 4, 5, 6], 1)),
    case("Det", "2 x 2", SMOOTH, FROM_11, IMAGE, |g| determinant(g, &[54, 2, 2])),
    case("Det", "3 x 3", SMOOTH, FROM_11, IMAGE, |g| determinant(g, &[4, 6, 3, 3])),
    case("Det", "4 x 4", SMOOTH, FROM_11, &[1, 3, 4, 4], |g| determinant(g, &[3, 4, 4])),
    case("RotaryEmbedding", "four axes", SMOOTH, &[23, 24], IMAGE, |g| rotated(g, &[1, 3, 9, 8], &[1, 9, 4], None, vec![])),
    case("RotaryEmbedding", "positions", SMOOTH, &[23, 24], IMAGE, |g| rotated(g, &[2, 3, 9, 4], &[10, 2], Some((&[2, 9], &[3, 1, 4, 1, 5, 9, 2, 6, 5, 0, 1, 2, 3, 4, 5, 6, 7, 8])), vec![])),
    case("RotaryEmbedding", "three axes, pairs", SMOOTH, &[23, 24], IMAGE, |g| rotated(g, &[1, 9, 24], &[1, 9, 4], None, vec![A::int("num_heads", 3), A::int("interleaved", 1)])),
    case("RotaryEmbedding", "some of the channels", SMOOTH, &[23, 24], IMAGE, |g| rotated(g, &[1, 3, 9, 8], &[1, 9, 2], None, vec![A::int("rotary_embedding_dim", 4)])),
];
