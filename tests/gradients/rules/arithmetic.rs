//! Elementwise arithmetic.

use super::{ALL, Case, F64, IMAGE, case, with_axes};

#[rustfmt::skip]
pub const CASES: &[Case] = &[
    case("Add", "broadcast", F64, ALL, IMAGE, |g| { let w = g.weights(&[2, 3, 1, 8]); g.node("Add", &["image", &w], vec![]) }),
    case("Add", "same operand twice", F64, ALL, IMAGE, |g| g.node("Add", &["image", "image"], vec![])),
    case("Sub", "from a constant", F64, ALL, IMAGE, |g| { let w = g.weights(&[9, 1]); g.node("Sub", &[&w, "image"], vec![]) }),
    case("Sub", "broadcast by itself", F64, ALL, IMAGE, |g| { let m = with_axes(g, "ReduceMean", 18, "image", &[2, 3], vec![]); g.node("Sub", &["image", &m], vec![]) }),
    case("Mul", "square", F64, ALL, IMAGE, |g| g.node("Mul", &["image", "image"], vec![])),
    case("Mul", "image repeated", F64, ALL, &[1, 3, 1, 4], |g| { let w = g.weights(&[3, 5, 1]); g.node("Mul", &["image", &w], vec![]) }),
    case("Div", "numerator", F64, ALL, IMAGE, |g| { let w = g.positive(&[8]); g.node("Div", &["image", &w], vec![]) }),
    case("Div", "denominator", F64, ALL, IMAGE, |g| { let w = g.weights(&[3, 9, 8]); let two = g.reals(&[], &[2.0]); let x = g.node("Add", &["image", &two], vec![]); g.node("Div", &[&w, &x], vec![]) }),
    case("Sum", "three operands", F64, &[8, 12, 13, 22], IMAGE, |g| { let w = g.weights(&[3, 1, 1]); let s = g.node("Mul", &["image", "image"], vec![]); g.node("Sum", &["image", &w, &s], vec![]) }),
];
