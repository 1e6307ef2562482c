//! Fourier transforms.

use super::index::indices;
use super::{Case, IMAGE, SMOOTH, case, matrix, parameters};
use crate::common::Graph;
use onnx_grad::onnx::AttributeProto as A;

const FROM_17: &[i64] = &[17, 19, 20, 22];

fn transformed(g: &mut Graph, shape: &[i64], axis: i64, length: Option<i64>, mut attributes: Vec<A>) -> String {
    let x = matrix(g, shape);
    let length = length.map_or(String::new(), |length| indices(g, &[], &[length]));
    if g.opset < 20 {
        attributes.push(A::int("axis", axis));
        return g.node("DFT", &[&x, &length], attributes);
    }
    let axis = indices(g, &[], &[axis]);
    g.node("DFT", &[&x, &length, &axis], attributes)
}

fn frames(g: &mut Graph, windowed: bool, attributes: Vec<A>) -> String {
    let x = matrix(g, &[2, 108, 1]);
    let (step, length) = (indices(g, &[], &[7]), indices(g, &[], &[16]));
    let window = if windowed { parameters(g, &[16]) } else { String::new() };
    let inputs = [x.as_str(), &step, &window, if windowed { "" } else { &length }];
    g.node("STFT", &inputs, attributes)
}

#[rustfmt::skip]
pub const CASES: &[Case] = &[
    case("DFT", "of real numbers", SMOOTH, FROM_17, IMAGE, |g| transformed(g, &[3, 9, 8, 1], 1, None, vec![])),
    case("DFT", "of complex numbers", SMOOTH, FROM_17, IMAGE, |g| transformed(g, &[3, 9, 4, 2], 2, None, vec![])),
    case("DFT", "half of the spectrum", SMOOTH, FROM_17, IMAGE, |g| transformed(g, &[3, 9, 8, 1], 1, None, vec![A::int("onesided", 1)])),
    case("DFT", "inverse", SMOOTH, FROM_17, IMAGE, |g| transformed(g, &[3, 9, 4, 2], 1, None, vec![A::int("inverse", 1)])),
    case("DFT", "padded and cut", SMOOTH, FROM_17, IMAGE, |g| { let a = transformed(g, &[3, 9, 8, 1], 1, Some(12), vec![]); let b = transformed(g, &[3, 12, 6, 1], 2, Some(4), vec![]); let row = g.integers(&[1, -1]); let a = g.node("Reshape", &[&a, &row], vec![]); let b = g.node("Reshape", &[&b, &row], vec![]); g.node("Concat", &[&a, &b], vec![A::int("axis", 1)]) }),
    case("STFT", "frames", SMOOTH, &[17, 22], IMAGE, |g| frames(g, false, vec![])),
    case("STFT", "a window from the image, whole spectrum", SMOOTH, &[17, 22], IMAGE, |g| frames(g, true, vec![A::int("onesided", 0)])),
];
