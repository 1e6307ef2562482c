//! The rules: how a gradient passes each operator.
//!
//! A rule receives the gradient of the node's first output (the others' are in [`Node::grads`]) and returns one gradient
//! an input: none for inputs through which no gradient passes, such as weights, sizes and bounds. Gradients may have the
//! output's shape where an input was broadcast; the walk sums them. To add an operator, add a row and a test case.

mod activation;
mod arithmetic;
mod conv;
mod linear;
mod normalization;
mod pool;
mod shape;
mod window;

use super::tape::{Node, Tape, Tensor};
use crate::Result;
use crate::onnx::NodeProto;

/// How a gradient passes one operator.
pub type Rule = fn(&mut Tape, &Node, &Tensor) -> Result<Vec<Option<Tensor>>>;

/// Every operator with a rule.
pub const RULES: &[(&str, Rule)] = &[
    // Arithmetic
    ("Add", arithmetic::add),
    ("Div", arithmetic::div),
    ("Mul", arithmetic::mul),
    ("Sub", arithmetic::sub),
    ("Sum", arithmetic::sum),
    // Linear layers
    ("Conv", conv::conv),
    ("Gemm", linear::gemm),
    ("MatMul", linear::matmul),
    // Activations
    ("Clip", activation::clip),
    ("LogSoftmax", activation::log_softmax),
    ("Relu", activation::relu),
    ("Sigmoid", activation::sigmoid),
    ("Softmax", activation::softmax),
    // Normalisation
    ("BatchNormalization", normalization::batch),
    // Pooling
    ("AveragePool", pool::average),
    ("GlobalAveragePool", pool::global_average),
    ("MaxPool", pool::max),
    ("ReduceMean", pool::reduce_mean),
    // Shape
    ("Cast", shape::cast),
    ("Concat", shape::concat),
    ("Dropout", shape::reshape),
    ("Flatten", shape::reshape),
    ("Identity", shape::reshape),
    ("Pad", shape::pad),
    ("Reshape", shape::reshape),
    ("Squeeze", shape::reshape),
    ("Transpose", shape::transpose),
    ("Unsqueeze", shape::reshape),
];

/// Operators where the gradient stops: their results are piecewise constant or do not depend on the values.
pub const BLOCKED: &[&str] = &[
    "And",
    "ArgMax",
    "ArgMin",
    "Ceil",
    "Equal",
    "Floor",
    "Greater",
    "GreaterOrEqual",
    "IsInf",
    "IsNaN",
    "Less",
    "LessOrEqual",
    "NonZero",
    "Not",
    "Or",
    "Round",
    "Shape",
    "Sign",
    "Size",
    "Xor",
];

/// The rule for `node`, if there is one.
pub fn rule(node: &NodeProto) -> Option<Rule> {
    let row = RULES.iter().find(|(op, _)| node.is(op));
    row.map(|(_, rule)| *rule)
}

/// The axis that `axis` means, which counts from the end where it is negative.
fn axis(node: &Node, axis: i64, rank: usize) -> Result<usize> {
    let from_start = if axis < 0 { axis + rank as i64 } else { axis };
    usize::try_from(from_start).ok().filter(|axis| *axis < rank).ok_or_else(|| node.error(&format!("has axis {axis}")))
}
