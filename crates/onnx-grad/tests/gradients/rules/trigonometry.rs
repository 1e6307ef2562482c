//! Trigonometric and hyperbolic functions.

use super::{ALL, Case, IMAGE, SMOOTH, case};
use crate::common::Graph;

const FROM_9: &[i64] = &[9, 13, 22, 25];

/// `op` of the image times `factor`, plus `offset`.
fn of(g: &mut Graph, op: &str, factor: f64, offset: f64) -> String {
    let (factor, offset) = (g.reals(&[], &[factor]), g.reals(&[], &[offset]));
    let x = g.node("Mul", &["image", &factor], vec![]);
    let x = g.node("Add", &[&x, &offset], vec![]);
    g.node(op, &[&x], vec![])
}

#[rustfmt::skip]
pub const CASES: &[Case] = &[
    case("Sin", "", SMOOTH, ALL, IMAGE, |g| of(g, "Sin", 2.0, 0.3)),
    case("Cos", "", SMOOTH, ALL, IMAGE, |g| of(g, "Cos", 2.0, 0.3)),
    case("Tan", "", SMOOTH, ALL, IMAGE, |g| of(g, "Tan", 1.0, 0.1)),
    case("Asin", "", SMOOTH, ALL, IMAGE, |g| of(g, "Asin", 0.7, 0.05)),
    case("Acos", "", SMOOTH, ALL, IMAGE, |g| of(g, "Acos", 0.7, 0.05)),
    case("Atan", "", SMOOTH, ALL, IMAGE, |g| of(g, "Atan", 3.0, -0.5)),
    case("Sinh", "", SMOOTH, FROM_9, IMAGE, |g| of(g, "Sinh", 1.5, 0.2)),
    case("Cosh", "", SMOOTH, FROM_9, IMAGE, |g| of(g, "Cosh", 1.5, 0.2)),
    case("Asinh", "", SMOOTH, FROM_9, IMAGE, |g| of(g, "Asinh", 3.0, 0.2)),
    case("Acosh", "", SMOOTH, FROM_9, IMAGE, |g| of(g, "Acosh", 1.0, 2.6)),
    case("Atanh", "", SMOOTH, FROM_9, IMAGE, |g| of(g, "Atanh", 0.7, 0.05)),
];
