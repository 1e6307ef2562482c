//! Einstein sums.

use super::{Case, F64, IMAGE, case, matrix};
use crate::common::Graph;
use onnx_grad::onnx::AttributeProto as A;

const OPSETS: &[i64] = &[12, 13, 18, 22];

fn einsum(g: &mut Graph, equation: &str, inputs: &[&str]) -> String {
    g.node("Einsum", inputs, vec![A::text("equation", equation)])
}

#[rustfmt::skip]
pub const CASES: &[Case] = &[
    case("Einsum", "scores of attention, both operands", F64, OPSETS, IMAGE, |g| { let k = g.node("Mul", &["image", "image"], vec![]); einsum(g, "bhid,bhjd->bhij", &["image", &k]) }),
    case("Einsum", "spaces and capitals", F64, OPSETS, IMAGE, |g| { let w = g.weights(&[1, 3, 5, 8]); einsum(g, "B H I D, B H J D -> B H I J", &["image", &w]) }),
    case("Einsum", "values of attention", F64, OPSETS, IMAGE, |g| { let w = g.weights(&[1, 3, 4, 9]); einsum(g, "bhij,bhjd->bhid", &[&w, "image"]) }),
    case("Einsum", "result in another order", F64, OPSETS, IMAGE, |g| { let w = g.weights(&[8, 4]); einsum(g, "nchw,wk->knhc", &["image", &w]) }),
    case("Einsum", "index of one operand alone", F64, OPSETS, IMAGE, |g| { let w = g.weights(&[3, 2]); einsum(g, "nchw,ck->nwk", &["image", &w]) }),
    case("Einsum", "implicit result", F64, OPSETS, &[1, 3, 4, 6], |g| { let x = matrix(g, &[12, 6]); let w = g.weights(&[6, 5]); einsum(g, "zb,ba", &[&x, &w]) }),
    case("Einsum", "ellipsis", F64, OPSETS, IMAGE, |g| { let w = g.weights(&[8, 5]); einsum(g, "...w,wk->...k", &["image", &w]) }),
    case("Einsum", "ellipsis of repeated axes, implicit", F64, OPSETS, &[1, 3, 1, 6], |g| { let w = g.weights(&[2, 4, 5, 6]); let x = g.node("Transpose", &["image"], vec![A::ints("perm", &[0, 2, 1, 3])]); einsum(g, "...ij,...kj", &[&x, &w]) }),
    case("Einsum", "outer product", F64, OPSETS, &[1, 3, 2, 2], |g| { let x = matrix(g, &[12]); einsum(g, "i,j->ij", &[&x, &x]) }),
    case("Einsum", "one operand, transposed", F64, OPSETS, IMAGE, |g| einsum(g, "nchw->wnch", &["image"])),
    case("Einsum", "one operand, summed", F64, OPSETS, IMAGE, |g| einsum(g, "nchw->nhw", &["image"])),
    case("Einsum", "one operand, all summed", F64, OPSETS, IMAGE, |g| einsum(g, "nchw->", &["image"])),
    case("Einsum", "three operands", F64, OPSETS, IMAGE, |g| { let (v, w) = (g.weights(&[9, 4]), g.weights(&[8, 5])); einsum(g, "nchw,hi,wj->ncij", &["image", &v, &w]) }),
    case("Einsum", "diagonal of the other operand", F64, OPSETS, IMAGE, |g| { let w = g.weights(&[8, 8]); einsum(g, "nchw,ww->nhw", &["image", &w]) }),
    case("Einsum", "diagonal", F64, OPSETS, IMAGE, |g| { let x = matrix(g, &[6, 6, 6]); einsum(g, "bii->bi", &[&x]) }),
    case("Einsum", "diagonals of diagonals, times another operand", F64, OPSETS, IMAGE, |g| { let x = matrix(g, &[6, 6, 6]); let w = g.weights(&[6, 2]); einsum(g, "iii,ik->k", &[&x, &w]) }),
];
