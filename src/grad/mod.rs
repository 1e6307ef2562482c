//! Reverse-mode differentiation of ONNX graphs: from a classifier to the classifier and its input gradient.
//!
//! [`differentiate`] appends the reverse pass as ordinary nodes of the standard domain, which stock ONNX Runtime runs.
//! One rule an operator ([`RULES`]) says how a gradient passes it; the walk sums and unbroadcasts.
//!
//! ```
//! use ort::value::Tensor;
//! use salstream::grad::{Options, differentiate};
//! use salstream::model::{Request, prepare};
//! use salstream::onnx;
//! use salstream::runtime::{Device, Precision, Runtime, SessionOptions};
//!
//! # let folder = tempfile::tempdir().unwrap();
//! # let out = folder.path().join("gradient.onnx");
//! # let out = out.as_path();
//! # let pixels = vec![0.5f32; 3 * 16 * 12];
//! let classifier = onnx::load("tests/fixtures/gradients/small.onnx".as_ref())?;
//! let (classifier, shapes) = prepare(classifier, &Request::default())?;
//! onnx::save(&differentiate(&classifier, &shapes, &Options::default())?, out)?;
//!
//! // From here on any ONNX Runtime will do.
//! let options = SessionOptions { device: Device::Cpu, precision: Precision::F32, threads: 2 };
//! let mut session = Runtime::get()?.session_from_file(out, &options)?;
//! let image = Tensor::from_array(([1, 3, 16, 12], pixels))?;
//! let target = Tensor::from_array(([1], vec![-1i64]))?; // the top class
//! let found = session.run(ort::inputs!["image" => image, "target" => target])?;
//! let (shape, gradient) = found["gradient"].try_extract_tensor::<f32>()?;
//! assert_eq!(**shape, [1, 3, 16, 12]);
//! assert!(gradient.iter().any(|slope| *slope != 0.0));
//! # Ok::<(), salstream::Error>(())
//! ```
//!
//! # Ties and kinks
//! - `Relu`: the gradient at exactly 0 is 0. `Clip`, `HardSigmoid` and `HardSwish` pass it as inside their bounds only
//!   strictly inside them. `Abs` and `ReduceL1`: 0 at 0; `ReduceL2`: 0 where all elements are 0.
//! - `Max`, `Min`, `ReduceMax` and `ReduceMin`: operands or elements that tie get equal shares, as in PyTorch.
//! - `MaxPool`: the first element that equals its window's maximum gets the window's gradient, as in PyTorch. Ties are
//!   common: flat regions of a picture, and pooling of what was pooled before. `GlobalMaxPool` shares it among them.
//! - `QuantizeLinear`: straight through, that is as if it did not round, and 0 where the result saturates.
//! - Rounding decides on which side of a kink a unit lies that is within rounding of it. Runtimes agree to about 1e-6
//!   relative (L2) where no unit does; each that does may change a deep network's gradient by some 1e-3.

mod build;
mod cam;
mod fold;
mod interface;
mod layer;
mod method;
mod phases;
mod quadrature;
mod rules;
mod sample;
mod score;
mod tape;
mod walk;

use std::collections::HashMap;

pub use method::{Around, Baseline, Layer, Method, Sampling, Statistic};
pub use quadrature::gauss_legendre;
pub use rules::{BLOCKED, RULES, Rule};
pub use sample::blur_deviation;
pub use tape::{Node, Tape, Tensor};

use crate::onnx::{self, DataType, ModelProto, TensorProto};
use crate::{Error, Result};

/// The name of the added input: int64 `[N]`, the class to differentiate; -1 for the top class.
pub const TARGET: &str = "target";
/// The name of the output of logits, `[N, classes]`.
pub const SCORES: &str = "scores";
/// The name of the output of class ids, int64 `[N]`: the target, or the top class.
pub const CLASS: &str = "class";
/// The name of the output of the gradient of the class's logit, of the image's shape.
pub const GRADIENT: &str = "gradient";
/// The name of the output of a feature map, `[N, channels, height, width]`, where one is asked for.
pub const FEATURES: &str = "salstream.features";
/// The name of the output of the class activation map (Selvaraju 2017) of the last layer that has one,
/// `[N, 1, height, width]`, not negative, where features are asked for.
pub const ACTIVATION: &str = "salstream.activation";

/// The key of the metadata that name the method.
pub const METHOD: &str = "salstream.method";

/// The runtime to write for: the same gradient, right in every runtime, by the nodes that are fastest in this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Variant {
    /// ONNX Runtime's own kernels. Weights are shared with the forward pass.
    #[default]
    OnnxRuntime,
    /// Intel OpenVINO. Strided convolutions have weights of their own.
    OpenVino,
}

/// How to differentiate.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The runtime to write for.
    pub variant: Variant,
    /// What the output `gradient` holds.
    pub method: Method,
    /// SHA-256 of the source file in hexadecimal, for the metadata; may be empty.
    pub source: String,
    /// Whether to hand out a feature map beside, as [`FEATURES`]: of those at an eighth of the picture's size the
    /// narrowest, and of several the last; and beside a plain gradient a class activation map, as [`ACTIVATION`]. A model
    /// that has none there gets no such output; nor does a sampled method.
    pub features: bool,
}

/// Element type and size along each axis of one value.
#[derive(Debug, Clone, PartialEq)]
pub struct TensorType {
    /// The element type.
    pub dtype: DataType,
    /// The size along each axis.
    pub shape: Vec<usize>,
}

/// What must be known of a graph before it is differentiated; [`prepare`](crate::model::prepare()) finds it.
#[derive(Debug, Clone, Default)]
pub struct Shapes {
    /// The name of the image input.
    pub image: String,
    /// The name of the output of class scores or probabilities.
    pub output: String,
    /// The type of every value in the graph.
    pub tensors: HashMap<String, TensorType>,
    /// Small values that nodes make without looking at the image, such as the arguments of Reshape.
    pub constants: HashMap<String, TensorProto>,
}

/// Appends an attribution of a class's score to the image, by default the score's gradient.
///
/// The result has the image input, `target`, and the outputs `scores`, `class` and `gradient`; a final Softmax is left
/// out, so that scores are logits. Batch and image size are those of `shapes`. The opset stays.
///
/// # Errors
/// [`Error::Graph`] where the graph is malformed, where operators without a rule lie between image and score (all are
/// named), where the score does not depend on the image, or where the model has no layer that the method needs.
pub fn differentiate(model: &ModelProto, shapes: &Shapes, options: &Options) -> Result<ModelProto> {
    let opset = onnx::opset(model);
    check_opset(opset)?;
    let mut model = model.clone();
    let mut shapes = shapes.clone();
    let mut graph = model.graph.take().ok_or_else(|| Error::Graph("the model has no graph".into()))?;
    onnx::sort(&mut graph)?;
    interface::free_names(&mut graph, &mut shapes)?;
    fold::constants(&mut graph, &shapes);
    fold::transposes(&mut graph);
    fold::batch_normalization(&mut graph)?;
    let mut tape = Tape::new(&graph, &shapes, opset, options.variant);
    let logits = score::logits(&graph, &shapes)?;
    let dtype = tape.value(&shapes.image)?.dtype;
    let seed = score::seed(&mut tape, &logits, score::size(&shapes)?, dtype);
    let score = (logits, seed);
    let (attribution, activation) = method::attribute(&mut tape, &graph, &shapes, &score, options)?;
    tape.name_output(&attribution, GRADIENT);
    let features = match options.features.then(|| layer::features(&graph, &shapes, &score.0)).flatten() {
        Some(name) => Some(tape.value(&name)?),
        None => None,
    };
    let beside: Vec<(&str, Tensor)> =
        [(FEATURES, features), (ACTIVATION, activation)].into_iter().filter_map(|(name, x)| Some((name, x?))).collect();
    beside.iter().for_each(|(name, x)| tape.name_output(x, name));
    let (nodes, initializers) = tape.finish();
    interface::assemble(&mut graph, &shapes, nodes, initializers, &beside)?;
    if let Method::Sampled(sampling) = &options.method {
        graph = sample::repeat(graph, &shapes, opset, sampling)?;
    }
    interface::finish(&mut model, graph, options);
    Ok(model)
}

/// The oldest version of the standard operator set whose operators broadcast as the reverse pass wants.
const LEAST_OPSET: i64 = 7;

/// The newest one that ONNX Runtime 1.24 knows.
const MOST_OPSET: i64 = 25;

/// Refuses a model of an opset that the compiler does not write.
///
/// # Errors
/// [`Error::Graph`] below opset 7 and above 25.
pub fn check_opset(opset: i64) -> Result<()> {
    if (LEAST_OPSET..=MOST_OPSET).contains(&opset) {
        return Ok(());
    }
    if opset > MOST_OPSET {
        return Err(Error::Graph(format!(
            "the model's opset is {opset}, newer than the {MOST_OPSET} known here; export it with an older opset"
        )));
    }
    Err(Error::Graph(format!(
        "the model's opset is {opset}, and the gradient needs {LEAST_OPSET} or later; export it with a newer opset, or \
         convert it with onnx.version_converter"
    )))
}
