//! Normalisation.

use super::conv::conv;
use super::{ALL, Case, F64, IMAGE, LINEAR, case};
use crate::common::Graph;
use salstream::onnx::AttributeProto as A;

fn norm(g: &mut Graph, input: &str, attributes: Vec<A>) -> String {
    let [scale, bias, mean, variance] = [g.positive(&[3]), g.weights(&[3]), g.weights(&[3]), g.positive(&[3])];
    g.node("BatchNormalization", &[input, &scale, &bias, &mean, &variance], attributes)
}

#[rustfmt::skip]
pub const CASES: &[Case] = &[
    case("BatchNormalization", "general", F64, &[9, 14, 15, 22], IMAGE, |g| norm(g, "image", vec![A::float("epsilon", 0.01)])),
    case("BatchNormalization", "general, float32", LINEAR, ALL, IMAGE, |g| norm(g, "image", vec![])),
    case("BatchNormalization", "folded", LINEAR, ALL, IMAGE, |g| { let y = conv(g, &[3, 3, 3, 3], vec![]); norm(g, &y, vec![]) }),
    case("BatchNormalization", "not folded: the convolution is read twice", LINEAR, ALL, IMAGE, |g| { let y = conv(g, &[3, 3, 1, 1], vec![]); let n = norm(g, &y, vec![]); g.node("Add", &[&y, &n], vec![]) }),
];
