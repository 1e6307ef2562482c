//! Elementwise arithmetic.

use super::{ALL, Case, F64, FROM_8, IMAGE, KINKED, SMOOTH, case, with_axes};
use crate::common::Graph;
use onnx_grad::onnx::AttributeProto as A;

/// The image mapped to values in (0.9, 3.1).
fn shifted(g: &mut Graph) -> String {
    let two = g.reals(&[], &[2.0]);
    g.node("Add", &["image", &two], vec![])
}

fn power(g: &mut Graph, base: &str, exponents: &[f64]) -> String {
    let exponents = g.reals(&[exponents.len()], exponents);
    g.node("Pow", &[base, &exponents], vec![])
}

/// Where `values` are positive.
fn condition(g: &mut Graph, values: &[f64], shape: &[usize]) -> String {
    let (values, zero) = (g.reals(shape, values), g.reals(&[], &[0.0]));
    g.node("Greater", &[&values, &zero], vec![])
}

/// Numbers near 0 and 2 that the image decides.
fn ends(g: &mut Graph) -> (String, String) {
    let (few, two, three) = (g.reals(&[], &[0.1]), g.reals(&[], &[2.0]), g.reals(&[], &[3.0]));
    let mean = g.node("ReduceMean", &["image"], vec![A::int("keepdims", 0)]);
    let mean = g.node("Mul", &[&mean, &few], vec![]);
    let first = g.node("Mul", &[&mean, &three], vec![]);
    (first, g.node("Add", &[&mean, &two], vec![]))
}

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
    case("Mod", "as fmod", F64, &[10, 13, 22], IMAGE, |g| { let d = g.reals(&[8], &[0.313, -0.313, 0.7, 2.0, -0.4112, 0.2513, 0.9033, 1.113]); g.node("Mod", &["image", &d], vec![A::int("fmod", 1)]) }),
    case("Mod", "divisor from the image", F64, &[10, 13, 22], IMAGE, |g| { let (d, w) = (shifted(g), g.reals(&[8], &[5.1, -5.1, 1.3, 9.7, 0.2, 7.7, -7.7, 4.4])); g.node("Mod", &[&w, &d], vec![A::int("fmod", 1)]) }),
    case("Range", "start and step from the image", F64, &[11, 13, 22], IMAGE, |g| { let (s, d) = ends(g); let end = g.reals(&[], &[9.0]); g.node("Range", &[&s, &end, &d], vec![]) }),
    case("Range", "the start's end from the image", F64, &[11, 13, 22], IMAGE, |g| { let (s, d) = ends(g); let five = g.reals(&[], &[4.5]); let end = g.node("Mul", &[&d, &five], vec![]); g.node("Range", &[&s, &end, &d], vec![]) }),
    case("Neg", "", F64, ALL, IMAGE, |g| g.node("Neg", &["image"], vec![])),
    case("Abs", "", F64, ALL, IMAGE, |g| g.node("Abs", &["image"], vec![])),
    case("Exp", "", F64, ALL, IMAGE, |g| g.node("Exp", &["image"], vec![])),
    case("Sqrt", "", F64, ALL, IMAGE, |g| { let x = shifted(g); g.node("Sqrt", &[&x], vec![]) }),
    case("Reciprocal", "", F64, ALL, IMAGE, |g| { let x = shifted(g); g.node("Reciprocal", &[&x], vec![]) }),
    case("Log", "", F64, ALL, IMAGE, |g| { let x = shifted(g); g.node("Log", &[&x], vec![]) }),
    case("Pow", "square", F64, ALL, IMAGE, |g| power(g, "image", &[2.0])),
    case("Pow", "cube", F64, ALL, IMAGE, |g| power(g, "image", &[3.0])),
    case("Pow", "integer powers of both signs, one an axis", F64, ALL, IMAGE, |g| { let x = shifted(g); power(g, &x, &[0.0, 1.0, 2.0, 3.0, -1.0, -2.0, 0.5, 2.5]) }),
    case("Pow", "square and zeroth power of 0", F64, ALL, IMAGE, |g| { let zero = g.reals(&[], &[0.0]); let x = g.node("Mul", &["image", &zero], vec![]); let y = power(g, &x, &[2.0, 0.0, 1.0, 3.0, 2.0, 0.0, 1.0, 3.0]); g.node("Add", &[&y, "image"], vec![]) }),
    case("Pow", "exponent", F64, ALL, IMAGE, |g| { let w = g.positive(&[2, 1, 9, 1]); g.node("Pow", &[&w, "image"], vec![]) }),
    case("Pow", "base and exponent", F64, ALL, IMAGE, |g| { let x = shifted(g); g.node("Pow", &[&x, "image"], vec![]) }),
    case("Pow", "integer exponent", F64, &[12, 13, 22], IMAGE, |g| { let e = g.integers(&[3]); g.node("Pow", &["image", &e], vec![]) }),
    case("Max", "two operands, broadcast", F64, FROM_8, IMAGE, |g| { let w = g.reals(&[3, 1, 1], &[-0.5, 0.1, 0.5]); g.node("Max", &["image", &w], vec![]) }),
    case("Max", "three operands", F64, FROM_8, IMAGE, |g| { let w = g.reals(&[], &[0.7]); let n = g.node("Neg", &["image"], vec![]); g.node("Max", &["image", &w, &n], vec![]) }),
    case("Max", "float32", KINKED, ALL, IMAGE, |g| { let w = g.reals(IMAGE, &[0.1; 216]); g.node("Max", &[&w, "image"], vec![]) }),
    case("Max", "the same operand twice", F64, FROM_8, IMAGE, |g| g.node("Max", &["image", "image"], vec![])),
    case("Min", "two operands, broadcast", F64, FROM_8, IMAGE, |g| { let w = g.reals(&[3, 1, 1], &[-0.5, 0.1, 0.5]); g.node("Min", &["image", &w], vec![]) }),
    case("Min", "three operands", F64, FROM_8, IMAGE, |g| { let w = g.reals(&[], &[0.7]); let n = g.node("Neg", &["image"], vec![]); g.node("Min", &["image", &w, &n], vec![]) }),
    case("Min", "float32", KINKED, ALL, IMAGE, |g| { let w = g.reals(IMAGE, &[0.1; 216]); g.node("Min", &[&w, "image"], vec![]) }),
    case("Min", "the same operand twice", F64, FROM_8, IMAGE, |g| g.node("Min", &["image", "image"], vec![])),
    case("Mean", "three operands", SMOOTH, FROM_8, IMAGE, |g| { let w = g.weights(&[3, 1, 1]); let s = g.node("Mul", &["image", "image"], vec![]); g.node("Mean", &["image", &w, &s], vec![]) }),
    case("Where", "fixed condition", F64, &[9, 13, 16, 22], IMAGE, |g| { let m = condition(g, &[1.0, -1.0, 1.0, -1.0, -1.0, 1.0, 1.0, 1.0], &[8]); let s = g.node("Mul", &["image", "image"], vec![]); g.node("Where", &[&m, "image", &s], vec![]) }),
    case("Where", "operands broadcast", F64, &[9, 13, 16, 22], IMAGE, |g| { let m = condition(g, &[1.0, -1.0], &[2, 1, 1, 1]); let s = with_axes(g, "ReduceMean", 18, "image", &[2], vec![]); g.node("Where", &[&m, "image", &s], vec![]) }),
    case("Where", "condition from the image", F64, &[9, 13, 16, 22], IMAGE, |g| { let low = g.reals(&[], &[-0.2]); let m = g.node("Greater", &["image", &low], vec![]); let w = g.weights(&[8]); g.node("Where", &[&m, "image", &w], vec![]) }),
];
