//! Normalisation.

use super::conv::conv;
use super::{ALL, Case, F64, FROM_11, IMAGE, LINEAR, SMOOTH, case, matrix, parameters};
use crate::common::Graph;
use onnx_grad::onnx::AttributeProto as A;

const FROM_17: &[i64] = &[17, 18, 20, 22];

fn norm(g: &mut Graph, input: &str, attributes: Vec<A>) -> String {
    let [scale, bias, mean, variance] = [g.positive(&[3]), g.weights(&[3]), g.weights(&[3]), g.positive(&[3])];
    g.node("BatchNormalization", &[input, &scale, &bias, &mean, &variance], attributes)
}

fn layer(g: &mut Graph, shape: &[usize], attributes: Vec<A>) -> String {
    let (scale, bias) = (g.weights(shape), g.weights(shape));
    g.node("LayerNormalization", &["image", &scale, &bias], attributes)
}

fn rms(g: &mut Graph, shape: &[usize], attributes: Vec<A>) -> String {
    let scale = g.weights(shape);
    g.node("RMSNormalization", &["image", &scale], attributes)
}

fn instance(g: &mut Graph, input: &str, attributes: Vec<A>) -> String {
    let (scale, bias) = (g.weights(&[3]), g.weights(&[3]));
    g.node("InstanceNormalization", &[input, &scale, &bias], attributes)
}

/// Six channels in `groups` groups, with one scale per group before opset 21.
fn group(g: &mut Graph, groups: i64, attributes: Vec<A>) -> String {
    let x = matrix(g, &[1, 6, 4, 9]);
    let shape = [if g.opset < 21 { groups as usize } else { 6 }];
    let (scale, bias) = (g.weights(&shape), g.weights(&shape));
    let attributes = attributes.into_iter().chain([A::int("num_groups", groups)]).collect();
    g.node("GroupNormalization", &[&x, &scale, &bias], attributes)
}

/// Local response normalisation of six channels.
fn local(g: &mut Graph, size: i64, mut attributes: Vec<A>) -> String {
    let x = matrix(g, &[1, 6, 4, 9]);
    attributes.push(A::int("size", size));
    g.node("LRN", &[&x], attributes)
}

/// A normalisation whose parameters are elements of the image.
fn made(g: &mut Graph, op: &str, shapes: &[&[usize]], attributes: Vec<A>) -> String {
    let parameters: Vec<String> = shapes.iter().map(|shape| parameters(g, shape)).collect();
    let inputs: Vec<&str> = ["image"].into_iter().chain(parameters.iter().map(String::as_str)).collect();
    g.node(op, &inputs, attributes)
}

/// Statistics that are added to what they normalise.
fn with_statistics(g: &mut Graph) -> String {
    let y = made(g, "LayerNormalization", &[&[9, 8], &[9, 8]], vec![A::int("axis", 2)]);
    g.nodes.last_mut().unwrap().output.extend(["mean".into(), "inverse".into()]);
    g.node("Sum", &[&y, "mean", "inverse"], vec![])
}

/// With a variance that is positive.
fn given(g: &mut Graph) -> String {
    let [scale, bias, mean, variance] = [0; 4].map(|_| parameters(g, &[3]));
    let variance = g.node("Exp", &[&variance], vec![]);
    g.node("BatchNormalization", &["image", &scale, &bias, &mean, &variance], vec![])
}

#[rustfmt::skip]
pub const CASES: &[Case] = &[
    case("BatchNormalization", "general", F64, &[9, 14, 15, 22], IMAGE, |g| norm(g, "image", vec![A::float("epsilon", 0.01)])),
    case("BatchNormalization", "general, float32", LINEAR, ALL, IMAGE, |g| norm(g, "image", vec![])),
    case("BatchNormalization", "folded", LINEAR, ALL, IMAGE, |g| { let y = conv(g, &[3, 3, 3, 3], vec![]); norm(g, &y, vec![]) }),
    case("BatchNormalization", "not folded: the convolution is read twice", LINEAR, ALL, IMAGE, |g| { let y = conv(g, &[3, 3, 1, 1], vec![]); let n = norm(g, &y, vec![]); g.node("Add", &[&y, &n], vec![]) }),
    case("BatchNormalization", "channels only", LINEAR, ALL, IMAGE, |g| { let x = matrix(g, &[72, 3]); norm(g, &x, vec![]) }),
    case("BatchNormalization", "one axis", LINEAR, ALL, IMAGE, |g| { let x = matrix(g, &[2, 3, 36]); norm(g, &x, vec![]) }),
    case("LayerNormalization", "last axis", F64, FROM_17, IMAGE, |g| layer(g, &[8], vec![])),
    case("LayerNormalization", "float32", SMOOTH, FROM_17, IMAGE, |g| layer(g, &[8], vec![A::int("stash_type", 1)])),
    case("LayerNormalization", "three axes, epsilon", F64, FROM_17, IMAGE, |g| layer(g, &[3, 9, 8], vec![A::int("axis", 1), A::float("epsilon", 0.1)])),
    case("LayerNormalization", "axis from the end, repeated scale", F64, FROM_17, IMAGE, |g| layer(g, &[9, 1], vec![A::int("axis", -2)])),
    case("LayerNormalization", "without a bias", F64, FROM_17, IMAGE, |g| { let s = g.weights(&[8]); g.node("LayerNormalization", &["image", &s], vec![]) }),
    case("RMSNormalization", "last axis", F64, &[23], IMAGE, |g| rms(g, &[8], vec![])),
    case("RMSNormalization", "two axes, epsilon", F64, &[23], IMAGE, |g| rms(g, &[9, 8], vec![A::int("axis", 2), A::float("epsilon", 0.1)])),
    case("InstanceNormalization", "", SMOOTH, ALL, IMAGE, |g| instance(g, "image", vec![])),
    case("InstanceNormalization", "one axis, epsilon", SMOOTH, FROM_11, IMAGE, |g| { let x = matrix(g, &[2, 3, 36]); instance(g, &x, vec![A::float("epsilon", 0.1)]) }),
    case("GroupNormalization", "two groups", SMOOTH, &[18, 20, 21, 22], IMAGE, |g| group(g, 2, vec![])),
    case("GroupNormalization", "three groups, epsilon", SMOOTH, &[18, 20, 21, 22], IMAGE, |g| group(g, 3, vec![A::float("epsilon", 0.1)])),
    case("MeanVarianceNormalization", "", SMOOTH, &[9, 10, 13, 18, 22], IMAGE, |g| g.node("MeanVarianceNormalization", &["image"], vec![])),
    case("MeanVarianceNormalization", "axes", SMOOTH, &[9, 10, 13, 18, 22], IMAGE, |g| g.node("MeanVarianceNormalization", &["image"], vec![A::ints("axes", &[1, 3])])),
    case("LRN", "three channels", SMOOTH, ALL, IMAGE, |g| local(g, 3, vec![A::float("alpha", 0.9), A::float("beta", 0.6), A::float("bias", 0.7)])),
    case("LRN", "five channels, default constants", SMOOTH, ALL, IMAGE, |g| local(g, 5, vec![])),
    case("LayerNormalization", "parameters from the image, and statistics", SMOOTH, FROM_17, IMAGE, with_statistics),
    case("RMSNormalization", "scale from the image", SMOOTH, &[23], IMAGE, |g| made(g, "RMSNormalization", &[&[8]], vec![])),
    case("InstanceNormalization", "parameters from the image", SMOOTH, FROM_11, IMAGE, |g| made(g, "InstanceNormalization", &[&[3], &[3]], vec![])),
    case("GroupNormalization", "parameters from the image", SMOOTH, &[18, 20, 21, 22], IMAGE, |g| made(g, "GroupNormalization", &[&[3], &[3]], vec![A::int("num_groups", 3)])),
    case("BatchNormalization", "parameters from the image", SMOOTH, FROM_11, IMAGE, given),
];
