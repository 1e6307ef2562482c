//! Matrix products.

use super::{ALL, Case, F64, FROM_11, IMAGE, LINEAR, case, matrix};
use salstream::onnx::AttributeProto as A;

#[rustfmt::skip]
pub const CASES: &[Case] = &[
    case("Gemm", "plain", F64, ALL, IMAGE, |g| { let x = matrix(g, &[24, 9]); let (w, c) = (g.weights(&[9, 4]), g.weights(&[4])); g.node("Gemm", &[&x, &w, &c], vec![A::float("alpha", 0.5), A::float("beta", 2.0)]) }),
    case("Gemm", "transposed weights", F64, ALL, IMAGE, |g| { let x = matrix(g, &[24, 9]); let (w, c) = (g.weights(&[4, 9]), g.weights(&[4])); g.node("Gemm", &[&x, &w, &c], vec![A::int("transB", 1)]) }),
    case("Gemm", "transposed image", F64, ALL, IMAGE, |g| { let x = matrix(g, &[24, 9]); let (w, c) = (g.weights(&[24, 4]), g.weights(&[4])); g.node("Gemm", &[&x, &w, &c], vec![A::int("transA", 1)]) }),
    case("Gemm", "both transposed", F64, ALL, IMAGE, |g| { let x = matrix(g, &[24, 9]); let (w, c) = (g.weights(&[4, 24]), g.weights(&[4])); g.node("Gemm", &[&x, &w, &c], vec![A::int("transA", 1), A::int("transB", 1)]) }),
    case("Gemm", "image on the right and as the bias", F64, ALL, &[1, 3, 2, 6], |g| { let x = matrix(g, &[6, 6]); let w = g.weights(&[6, 6]); g.node("Gemm", &[&w, &x, &x], vec![A::int("transB", 1), A::float("beta", 0.5)]) }),
    case("MatMul", "stacks, broadcast", F64, FROM_11, IMAGE, |g| { let w = g.weights(&[2, 1, 8, 5]); g.node("MatMul", &["image", &w], vec![]) }),
    case("MatMul", "image on the right, repeated", F64, FROM_11, &[1, 3, 4, 5], |g| { let x = matrix(g, &[1, 1, 12, 5]); let w = g.weights(&[3, 2, 12]); g.node("MatMul", &[&w, &x], vec![]) }),
    case("MatMul", "by a vector", F64, FROM_11, IMAGE, |g| { let w = g.weights(&[8]); g.node("MatMul", &["image", &w], vec![]) }),
    case("MatMul", "a vector by itself as a matrix", LINEAR, FROM_11, &[1, 3, 2, 2], |g| { let (x, m) = (matrix(g, &[12]), matrix(g, &[12, 1])); g.node("MatMul", &[&x, &m], vec![]) }),
];
