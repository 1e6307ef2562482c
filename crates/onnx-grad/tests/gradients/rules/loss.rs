//! Losses.

use super::index::indices;
use super::{Case, F64, IMAGE, case, matrix, parameters};
use crate::common::Graph;
use onnx_grad::onnx::{AttributeProto as A, NodeProto};

const FROM_12: &[i64] = &[12, 13, 18, 22];

fn loss(g: &mut Graph, op: &str, weighted: bool, attributes: Vec<A>) -> String {
    let x = matrix(g, &[2, 4, 27]);
    let targets: Vec<i64> = (0..54).map(|place| place * 7 % 4).collect();
    let targets = indices(g, &[2, 27], &targets);
    let weights = weighted.then(|| parameters(g, &[4]));
    let inputs: Vec<&str> = [&x, &targets].into_iter().chain(&weights).map(String::as_str).collect();
    g.node(op, &inputs, attributes)
}

/// The loss and the logarithms.
fn with_logarithms(g: &mut Graph) -> String {
    let loss = loss(g, "SoftmaxCrossEntropyLoss", true, vec![A::text("reduction", "none")]);
    let node: &mut NodeProto = g.nodes.last_mut().unwrap();
    node.output.push("logarithms".into());
    let shape = g.integers(&[2, 1, 27]);
    let loss = g.node("Reshape", &[&loss, &shape], vec![]);
    g.node("Add", &[&loss, "logarithms"], vec![])
}

#[rustfmt::skip]
pub const CASES: &[Case] = &[
    case("NegativeLogLikelihoodLoss", "mean", F64, FROM_12, IMAGE, |g| loss(g, "NegativeLogLikelihoodLoss", false, vec![])),
    case("NegativeLogLikelihoodLoss", "weighted mean, one class ignored", F64, FROM_12, IMAGE, |g| loss(g, "NegativeLogLikelihoodLoss", true, vec![A::int("ignore_index", 2)])),
    case("NegativeLogLikelihoodLoss", "weighted sum", F64, FROM_12, IMAGE, |g| loss(g, "NegativeLogLikelihoodLoss", true, vec![A::text("reduction", "sum")])),
    case("NegativeLogLikelihoodLoss", "each", F64, FROM_12, IMAGE, |g| loss(g, "NegativeLogLikelihoodLoss", false, vec![A::text("reduction", "none")])),
    case("SoftmaxCrossEntropyLoss", "mean", F64, FROM_12, IMAGE, |g| loss(g, "SoftmaxCrossEntropyLoss", false, vec![])),
    case("SoftmaxCrossEntropyLoss", "weighted sum, one class ignored", F64, FROM_12, IMAGE, |g| loss(g, "SoftmaxCrossEntropyLoss", true, vec![A::text("reduction", "sum"), A::int("ignore_index", 0)])),
    case("SoftmaxCrossEntropyLoss", "each, and the logarithms", F64, FROM_12, IMAGE, with_logarithms),
];
