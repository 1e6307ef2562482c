//! The rules: how a gradient passes each operator.
//!
//! A rule receives the gradient of the node's first output (the others' are in [`Node::grads`]) and returns one gradient
//! an input: none for inputs through which no gradient passes, such as weights, sizes and bounds. Gradients may have the
//! output's shape where an input was broadcast; the walk sums them. To add an operator, add a row and a test case.

mod activation;
mod arithmetic;
mod attention;
mod conv;
mod einsum;
mod linear;
mod normalization;
mod pool;
mod quantize;
mod reduce;
mod shape;
mod softmax;
mod window;

use super::tape::{Node, Tape, Tensor};
use crate::Result;
use crate::onnx::NodeProto;

/// How a gradient passes one operator.
pub type Rule = fn(&mut Tape, &Node, &Tensor) -> Result<Vec<Option<Tensor>>>;

/// Every operator with a rule.
pub const RULES: &[(&str, Rule)] = &[
    // Arithmetic
    ("Abs", arithmetic::abs),
    ("Add", arithmetic::add),
    ("Cos", arithmetic::cos),
    ("Div", arithmetic::div),
    ("Exp", arithmetic::exp),
    ("Log", arithmetic::log),
    ("Max", arithmetic::extremum),
    ("Mean", arithmetic::mean),
    ("Min", arithmetic::extremum),
    ("Mul", arithmetic::mul),
    ("Neg", arithmetic::neg),
    ("Pow", arithmetic::pow),
    ("Reciprocal", arithmetic::reciprocal),
    ("Sin", arithmetic::sin),
    ("Sqrt", arithmetic::sqrt),
    ("Sub", arithmetic::sub),
    ("Sum", arithmetic::sum),
    ("Where", arithmetic::choice),
    // Linear layers
    ("Attention", attention::attention),
    ("Conv", conv::conv),
    ("Einsum", einsum::einsum),
    ("Gemm", linear::gemm),
    ("MatMul", linear::matmul),
    // Activations
    ("Celu", activation::celu),
    ("Clip", activation::clip),
    ("Elu", activation::elu),
    ("Erf", activation::erf),
    ("Gelu", activation::gelu),
    ("HardSigmoid", activation::hard_sigmoid),
    ("HardSwish", activation::hard_swish),
    ("LeakyRelu", activation::leaky_relu),
    ("LogSoftmax", softmax::log_softmax),
    ("Mish", activation::mish),
    ("PRelu", activation::prelu),
    ("Relu", activation::relu),
    ("Selu", activation::selu),
    ("Shrink", activation::shrink),
    ("Sigmoid", activation::sigmoid),
    ("Softmax", softmax::softmax),
    ("Softplus", activation::softplus),
    ("Softsign", activation::softsign),
    ("Swish", activation::swish),
    ("Tanh", activation::tanh),
    ("ThresholdedRelu", activation::thresholded_relu),
    // Normalisation
    ("BatchNormalization", normalization::batch),
    // Pooling
    ("AveragePool", pool::average),
    ("GlobalAveragePool", pool::global_average),
    ("MaxPool", pool::max),
    // Quantisation
    ("DequantizeLinear", quantize::dequantize),
    ("QuantizeLinear", quantize::quantize),
    // Reduction
    ("ReduceL1", reduce::l1),
    ("ReduceL2", reduce::l2),
    ("ReduceLogSum", reduce::log_sum),
    ("ReduceLogSumExp", reduce::log_sum_exp),
    ("ReduceMax", reduce::extremum),
    ("ReduceMean", reduce::mean),
    ("ReduceMin", reduce::extremum),
    ("ReduceProd", reduce::product),
    ("ReduceSum", reduce::sum),
    ("ReduceSumSquare", reduce::sum_square),
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
    "EyeLike",
    "Floor",
    "Greater",
    "GreaterOrEqual",
    "Hardmax",
    "IsInf",
    "IsNaN",
    "Less",
    "LessOrEqual",
    "NonZero",
    "Not",
    "Or",
    "RandomNormalLike",
    "RandomUniformLike",
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
