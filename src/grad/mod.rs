//! Reverse-mode differentiation of ONNX graphs: from a classifier to the classifier and its input gradient.
//!
//! [`differentiate`] appends the reverse pass as ordinary nodes of the standard domain, which stock ONNX Runtime runs.
//! One rule an operator ([`RULES`]) says how a gradient passes it; the walk sums and unbroadcasts.
//!
//! # Ties and kinks
//! - `Relu`: the gradient at exactly 0 is 0. `Clip` passes the gradient strictly inside its bounds.
//! - `MaxPool`: every element that equals its window's maximum gets the window's gradient, in all variants. After a
//!   `Relu` this is what PyTorch does, because the zeros that tie get no gradient there.
//! - Rounding decides on which side of a kink a unit lies that is within rounding of it. Runtimes agree to about 1e-6
//!   relative (L2) where no unit does; each that does may change a deep network's gradient by some 1e-3.

mod build;
mod fold;
mod phases;
mod rules;
mod score;
mod tape;
mod walk;

use std::collections::HashMap;

pub use rules::{BLOCKED, RULES, Rule};
pub use tape::{Node, Tape, Tensor};

use crate::onnx::{self, DataType, GraphProto, ModelProto, StringStringEntryProto, TensorProto, ValueInfoProto};
use crate::{Error, Result};

/// The name of the added input: int64 `[N]`, the class to differentiate; -1 for the top class.
pub const TARGET: &str = "target";
/// The name of the output of logits, `[N, classes]`.
pub const SCORES: &str = "scores";
/// The name of the output of class ids, int64 `[N]`: the target, or the top class.
pub const CLASS: &str = "class";
/// The name of the output of the gradient of the class's logit, of the image's shape.
pub const GRADIENT: &str = "gradient";

/// The runtime to write for: the same gradient, right in every runtime, by the nodes that are fastest in this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variant {
    /// ONNX Runtime's own kernels. Weights are shared with the forward pass.
    OnnxRuntime,
    /// Intel OpenVINO. Strided convolutions have weights of their own.
    OpenVino,
}

/// How to differentiate.
#[derive(Debug, Clone)]
pub struct Options {
    /// The runtime to write for.
    pub variant: Variant,
    /// SHA-256 of the source file in hexadecimal, for the metadata.
    pub source: String,
}

/// Element type and size along each axis of one value.
#[derive(Debug, Clone, PartialEq)]
pub struct TensorType {
    /// The element type.
    pub dtype: DataType,
    /// The size along each axis.
    pub shape: Vec<usize>,
}

/// What must be known of a graph before it is differentiated; [`probe`](crate::model::probe()) finds it.
#[derive(Debug, Clone, Default)]
pub struct Shapes {
    /// The name of the image input.
    pub image: String,
    /// The name of the output of class scores or probabilities.
    pub output: String,
    /// The type of every value in the graph.
    pub tensors: HashMap<String, TensorType>,
    /// The values of small integer tensors, such as the arguments of Reshape.
    pub integers: HashMap<String, Vec<i64>>,
}

/// Appends the gradient of a class's score with respect to the image.
///
/// The result has the image input, `target`, and the outputs `scores`, `class` and `gradient`; a final Softmax is left
/// out, so that scores are logits. Batch and image size are those of `shapes`. The opset stays.
///
/// # Errors
/// [`Error::Graph`] where the graph is malformed, where operators without a rule lie between image and score (all are
/// named), or where the score does not depend on the image.
pub fn differentiate(model: &ModelProto, shapes: &Shapes, options: &Options) -> Result<ModelProto> {
    let opset = opset(model)?;
    let mut model = model.clone();
    let mut shapes = shapes.clone();
    let mut graph = model.graph.take().ok_or_else(|| Error::Graph("the model has no graph".into()))?;
    onnx::sort(&mut graph)?;
    free_names(&mut graph, &mut shapes)?;
    fold::batch_normalization(&mut graph)?;
    let mut tape = Tape::new(&graph, &shapes, opset, options.variant);
    let logits = score::logits(&graph, &shapes)?;
    let active = walk::active(&graph, &shapes, &logits);
    walk::refuse_unknown(&graph, &active, opset)?;
    walk::refuse_half(&shapes, &active)?;
    let seed = score::seed(&mut tape, &logits, score::size(&shapes)?);
    let gradient = walk::walk(&mut tape, &graph, &active, (logits, seed), &shapes.image)?;
    tape.name_output(&gradient, GRADIENT);
    let (nodes, initializers) = tape.finish();
    assemble(&mut graph, &shapes, nodes, initializers)?;
    finish(&mut model, graph, options);
    Ok(model)
}

/// The version of the standard operator set that the model is written in.
fn opset(model: &ModelProto) -> Result<i64> {
    let standard = model.opset_import.iter().find(|opset| matches!(opset.domain(), "" | "ai.onnx"));
    let version = standard.map(|opset| opset.version()).unwrap_or(1);
    if version < 7 {
        return Err(Error::Graph(format!(
            "the model's opset is {version}, and the gradient needs 7 or later; export it with a newer opset, or \
             convert it with onnx.version_converter"
        )));
    }
    Ok(version)
}

/// Frees the names of the added input and outputs where a value of the graph bears them.
fn free_names(graph: &mut GraphProto, shapes: &mut Shapes) -> Result<()> {
    if [TARGET, SCORES, CLASS, GRADIENT].contains(&shapes.image.as_str()) {
        let problem = format!("the image input is called {}, which the gradient model needs; rename it", shapes.image);
        return Err(Error::Graph(problem));
    }
    for reserved in [TARGET, SCORES, CLASS, GRADIENT] {
        if let Some(kind) = shapes.tensors.remove(reserved) {
            let free = format!("forward/{reserved}");
            rename(graph, reserved, &free);
            shapes.tensors.insert(free.clone(), kind);
            if let Some(values) = shapes.integers.remove(reserved) {
                shapes.integers.insert(free.clone(), values);
            }
            if shapes.output == reserved {
                shapes.output = free;
            }
        }
    }
    Ok(())
}

fn rename(graph: &mut GraphProto, from: &str, to: &str) {
    let inputs = graph.input.iter_mut().chain(&mut graph.output).filter_map(|value| value.name.as_mut());
    let tensors = graph.initializer.iter_mut().filter_map(|tensor| tensor.name.as_mut());
    for name in inputs.chain(tensors).filter(|name| *name == from) {
        *name = to.into();
    }
    for node in &mut graph.node {
        for name in node.input.iter_mut().chain(&mut node.output).filter(|name| *name == from) {
            *name = to.into();
        }
        let attributes = &mut node.attribute;
        for graph in attributes.iter_mut().flat_map(|attribute| attribute.g.iter_mut().chain(&mut attribute.graphs)) {
            rename(graph, from, to);
        }
    }
}

/// Joins forward and reverse pass, drops what no output needs, and writes the interface.
fn assemble(
    graph: &mut GraphProto,
    shapes: &Shapes,
    nodes: Vec<onnx::NodeProto>,
    initializers: Vec<TensorProto>,
) -> Result<()> {
    graph.node.extend(nodes);
    graph.initializer.extend(initializers);
    walk::drop_dead(graph, &[SCORES, CLASS, GRADIENT]);
    let image = shapes.tensors.get(&shapes.image).ok_or_else(|| Error::Graph("the image has no shape".into()))?;
    let (batch, classes) = score::size(shapes)?;
    graph.input = vec![
        ValueInfoProto::fixed(&shapes.image, image.dtype, &image.shape),
        ValueInfoProto::fixed(TARGET, DataType::Int64, &[batch]),
    ];
    graph.output = vec![
        ValueInfoProto::fixed(SCORES, image.dtype, &[batch, classes]),
        ValueInfoProto::fixed(CLASS, DataType::Int64, &[batch]),
        ValueInfoProto::fixed(GRADIENT, image.dtype, &image.shape),
    ];
    // OpenVINO takes over parts of the graph only where the shapes between them are known.
    let made = graph.node.iter().flat_map(|node| &node.output);
    let known = made.filter_map(|name| Some((name, shapes.tensors.get(name)?)));
    let known = known.filter(|(_, kind)| kind.dtype != DataType::Undefined);
    graph.value_info = known.map(|(name, kind)| ValueInfoProto::fixed(name, kind.dtype, &kind.shape)).collect();
    Ok(())
}

/// The lowest version of the file format whose initializers need not be graph inputs as well.
const IR_VERSION: i64 = 4;

fn finish(model: &mut ModelProto, graph: GraphProto, options: &Options) {
    model.graph = Some(graph);
    model.ir_version = Some(model.ir_version().max(IR_VERSION));
    let entry = |key: &str, value: &str| StringStringEntryProto { key: Some(key.into()), value: Some(value.into()) };
    model.metadata_props.retain(|prop| !prop.key().starts_with("salstream."));
    model.metadata_props.extend([
        entry("salstream.source_sha256", &options.source),
        entry("salstream.method", "gradient"),
        entry("salstream.version", env!("CARGO_PKG_VERSION")),
    ]);
}
