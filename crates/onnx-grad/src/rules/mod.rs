//! The rules: how each operator propagates gradients.
//!
//! A rule receives the gradient of the node's first output (the others are in [`Node::grads`]) and
//! returns one gradient per input, or `None` for inputs through which no gradient passes, such as
//! weights, sizes and bounds. Gradients may have the output's shape if an input was broadcast; the
//! backward pass sums them. To add an operator, add a row and a test case.

mod activation;
pub(super) mod along_axis;
mod arithmetic;
mod attention;
mod composite;
mod conv;
mod einsum;
mod geometry;
mod index;
pub(super) mod interpolation;
mod linear;
mod loss;
mod lp;
mod normalization;
mod polyphase;
mod pool;
mod quantize;
mod reduce;
mod resize;
mod roi;
mod rotary;
mod sampling;
mod scatter;
mod select;
mod shape;
mod softmax;
mod spectrum;
mod statistics;
mod trigonometry;
mod window;

use crate::error::Result;
use crate::onnx::NodeProto;
use crate::tape::{Node, Tape, Tensor};

/// How an operator propagates gradients.
pub type Rule = fn(&mut Tape, &Node, &Tensor) -> Result<Vec<Option<Tensor>>>;

/// Every operator with a rule.
pub const RULES: &[(&str, Rule)] = &[
    // Arithmetic
    ("Abs", arithmetic::abs),
    ("Add", arithmetic::add),
    ("Div", arithmetic::div),
    ("Exp", arithmetic::exp),
    ("Log", arithmetic::log),
    ("Max", arithmetic::extremum),
    ("Mean", arithmetic::mean),
    ("Min", arithmetic::extremum),
    ("Mul", arithmetic::mul),
    ("Mod", arithmetic::modulo),
    ("Neg", arithmetic::neg),
    ("Pow", arithmetic::pow),
    ("Range", arithmetic::range),
    ("Reciprocal", arithmetic::reciprocal),
    ("Sqrt", arithmetic::sqrt),
    ("Sub", arithmetic::sub),
    ("Sum", arithmetic::sum),
    ("Where", arithmetic::choice),
    // Trigonometry
    ("Acos", trigonometry::acos),
    ("Acosh", trigonometry::acosh),
    ("Asin", trigonometry::asin),
    ("Asinh", trigonometry::asinh),
    ("Atan", trigonometry::atan),
    ("Atanh", trigonometry::atanh),
    ("Cos", trigonometry::cos),
    ("Cosh", trigonometry::cosh),
    ("Sin", trigonometry::sin),
    ("Sinh", trigonometry::sinh),
    ("Tan", trigonometry::tan),
    // Linear layers
    ("Attention", attention::attention),
    ("Conv", conv::conv),
    ("ConvTranspose", conv::conv_transpose),
    ("DFT", spectrum::fourier),
    ("Einsum", einsum::einsum),
    ("Gemm", linear::gemm),
    ("MatMul", linear::matmul),
    ("STFT", spectrum::short_time_fourier),
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
    ("GroupNormalization", normalization::group),
    ("InstanceNormalization", normalization::instance),
    ("LRN", normalization::local_response),
    ("LayerNormalization", normalization::layer),
    ("LpNormalization", lp::normalization),
    ("MeanVarianceNormalization", normalization::mean_variance),
    ("RMSNormalization", normalization::root_mean_square),
    // Pooling
    ("AveragePool", pool::average),
    ("GlobalAveragePool", pool::global_average),
    ("GlobalLpPool", lp::global_pool),
    ("GlobalMaxPool", pool::global_max),
    ("LpPool", lp::pool),
    ("MaxPool", pool::max),
    // Quantisation
    ("ConvInteger", quantize::conv_integer),
    ("DequantizeLinear", quantize::dequantize),
    ("DynamicQuantizeLinear", quantize::dynamic),
    ("MatMulInteger", quantize::matmul_integer),
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
    ("CastLike", shape::cast),
    ("Concat", shape::concat),
    ("DepthToSpace", shape::depth_to_space),
    ("Dropout", shape::dropout),
    ("Expand", shape::expand),
    ("Flatten", shape::reshape),
    ("Identity", shape::reshape),
    ("Pad", shape::pad),
    ("Reshape", shape::reshape),
    ("SpaceToDepth", shape::space_to_depth),
    ("Split", shape::split),
    ("Squeeze", shape::reshape),
    ("Tile", shape::tile),
    ("Transpose", shape::transpose),
    ("Trilu", shape::triangle),
    ("Unsqueeze", shape::reshape),
    // Losses
    ("NegativeLogLikelihoodLoss", loss::negative_log_likelihood),
    ("SoftmaxCrossEntropyLoss", loss::softmax_cross_entropy),
    // Places
    ("AffineGrid", geometry::affine_grid),
    ("CenterCropPad", select::center_crop_pad),
    ("Col2Im", select::col2im),
    ("Compress", select::compress),
    ("CumSum", index::cumulative_sum),
    ("Det", geometry::determinant),
    ("Gather", index::gather),
    ("GatherElements", index::gather_elements),
    ("GatherND", index::gather_nd),
    ("GridSample", sampling::grid_sample),
    ("MaxUnpool", select::max_unpool),
    ("OneHot", index::one_hot),
    ("Resize", resize::resize),
    ("ReverseSequence", select::reverse_sequence),
    ("RoiAlign", roi::roi_align),
    ("RotaryEmbedding", rotary::embedding),
    ("Scatter", scatter::scatter),
    ("ScatterElements", scatter::scatter_elements),
    ("ScatterND", scatter::scatter_nd),
    ("Slice", index::slice),
    ("TopK", select::top_k),
    ("Upsample", resize::resize),
];

/// Operators whose rules use the gradients of all outputs. The other rules use only that of the
/// first.
pub const SEVERAL_OUTPUTS: &[&str] =
    &["Attention", "DynamicQuantizeLinear", "LayerNormalization", "SoftmaxCrossEntropyLoss", "Split"];

/// Inputs through which no gradient passes, by their positions: only their type counts, or the result is piecewise
/// constant in them.
const BLOCKED_INPUTS: &[(&str, &[usize])] =
    &[("CastLike", &[1]), ("ConvInteger", &[2, 3]), ("MatMulInteger", &[2, 3]), ("OneHot", &[0, 1]), ("Range", &[1])];

/// Outputs that carry no gradient, by their positions.
const BLOCKED_OUTPUTS: &[(&str, &[usize])] = &[("DynamicQuantizeLinear", &[2])];

/// The outputs of `node` that may carry a gradient.
pub fn carrying_outputs(node: &NodeProto) -> impl Iterator<Item = &str> {
    let blocked = |index: usize| BLOCKED_OUTPUTS.iter().any(|(op, outputs)| node.is(op) && outputs.contains(&index));
    node.output.iter().enumerate().filter(move |(index, _)| !blocked(*index)).map(|(_, name)| name.as_str())
}

/// Whether no gradient passes through input `index` of `node`.
pub fn blocks(node: &NodeProto, index: usize) -> bool {
    BLOCKED_INPUTS.iter().any(|(op, inputs)| node.is(op) && inputs.contains(&index))
}

/// Operators at which the gradient stops: their results are piecewise constant or do not depend on
/// the values.
pub const BLOCKED: &[&str] = &[
    "And",
    "ArgMax",
    "ArgMin",
    "Bernoulli",
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
    "OptionalHasElement",
    "Or",
    "RandomNormalLike",
    "RandomUniformLike",
    "Round",
    "SequenceLength",
    "Shape",
    "Sign",
    "Size",
    "Xor",
];

/// Whether the gradient stops at `node`.
pub fn blocked(node: &NodeProto) -> bool {
    node.is_standard() && BLOCKED.contains(&node.op_type())
}

/// The rule for `node`, if there is one.
pub fn rule(node: &NodeProto) -> Option<Rule> {
    let row = RULES.iter().find(|(op, _)| node.is(op));
    row.map(|(_, rule)| *rule)
}

/// The integers of input `index`, or of the attribute `name` if there is no such input. `None` if
/// neither is set.
fn argument(tape: &Tape, node: &Node, index: usize, name: &str) -> Result<Option<Vec<i64>>> {
    let Some(value) = node.inputs.get(index).and_then(Option::as_ref) else {
        return Ok(node.proto.ints(name).map(<[i64]>::to_vec));
    };
    let known = tape.integers_of(value);
    known.map(Some).ok_or_else(|| node.error(&format!("has {name} that depend on the picture")))
}

/// The index of `axis`, which counts from the end if it is negative.
pub fn axis(node: &Node, axis: i64, rank: usize) -> Result<usize> {
    let from_start = if axis < 0 { axis + rank as i64 } else { axis };
    usize::try_from(from_start).ok().filter(|axis| *axis < rank).ok_or_else(|| node.error(&format!("has axis {axis}")))
}
