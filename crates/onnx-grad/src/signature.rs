//! The inputs and outputs of a gradient model, and its metadata.

use crate::error::{Error, Result};
use crate::onnx::{self, DataType, GraphProto, ModelProto, StringStringEntryProto, TensorProto, ValueInfoProto};
use crate::score;
use crate::tape::Tensor;
use crate::types::{
    ACTIVATION, CLASS, EXPLAIN, FEATURES, GRADIENT, METHOD, Options, PROBABILITIES, Probabilities, SCORES, SCORES_NOTE,
    SCORES_OF, Shapes, TARGET,
};

/// The names of the added input and of the outputs.
pub const RESERVED: [&str; 4] = [TARGET, SCORES, CLASS, GRADIENT];

/// Renames values of the graph that have the names of the added input and outputs.
pub fn free_names(graph: &mut GraphProto, shapes: &mut Shapes, names: &[&str]) -> Result<()> {
    if names.contains(&shapes.image.as_str()) {
        let problem = format!("the image input is named {}, which the gradient model needs; rename it", shapes.image);
        return Err(Error::Graph(problem));
    }
    for reserved in names.iter().copied() {
        if !bears(graph, reserved) {
            continue;
        }
        let free = format!("forward/{reserved}");
        rename(graph, reserved, &free);
        if let Some(kind) = shapes.tensors.remove(reserved) {
            shapes.tensors.insert(free.clone(), kind);
        }
        if let Some(values) = shapes.constants.remove(reserved) {
            shapes.constants.insert(free.clone(), values);
        }
        if shapes.output == reserved {
            shapes.output = free;
        }
    }
    Ok(())
}

/// Whether a value of the graph is named `name`.
fn bears(graph: &GraphProto, name: &str) -> bool {
    let made = graph.node.iter().flat_map(|node| &node.output).map(String::as_str);
    made.chain(graph.initializer.iter().map(|tensor| tensor.name())).any(|value| value == name)
}

/// Renames the value `from` to `to` wherever it is used.
pub fn rename(graph: &mut GraphProto, from: &str, to: &str) {
    let inputs = graph.input.iter_mut().chain(&mut graph.output).filter_map(|value| value.name.as_mut());
    let tensors = graph.initializer.iter_mut().filter_map(|tensor| tensor.name.as_mut());
    for name in inputs.chain(tensors).filter(|name| *name == from) {
        *name = to.into();
    }
    for node in &mut graph.node {
        for name in node.input.iter_mut().chain(&mut node.output).filter(|name| *name == from) {
            *name = to.into();
        }
        for graph in node.subgraphs_mut() {
            rename(graph, from, to);
        }
    }
}

/// Joins the forward and backward passes, drops what no output needs, and writes the inputs and
/// outputs.
pub fn assemble(
    graph: &mut GraphProto,
    shapes: &Shapes,
    nodes: Vec<onnx::NodeProto>,
    initializers: Vec<TensorProto>,
    beside: &[(&str, Tensor)],
) -> Result<()> {
    graph.node.extend(nodes);
    graph.initializer.extend(initializers);
    onnx::drop_dead(graph, &[SCORES, CLASS, GRADIENT, FEATURES, ACTIVATION]);
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
    graph.output.extend(beside.iter().map(|(name, x)| ValueInfoProto::fixed(name, x.dtype, &x.shape)));
    // OpenVINO runs parts of the graph only if the shapes between them are known.
    let made = graph.node.iter().flat_map(|node| &node.output);
    let known = made.filter_map(|name| Some((name, shapes.tensors.get(name)?)));
    let known = known.filter(|(_, kind)| kind.dtype != DataType::Undefined);
    graph.value_info = known.map(|(name, kind)| ValueInfoProto::fixed(name, kind.dtype, &kind.shape)).collect();
    Ok(())
}

/// The lowest IR version in which initializers need not also be graph inputs.
const IR_VERSION: i64 = 4;

/// Puts the graph into the model and writes the metadata.
pub fn finish(
    model: &mut ModelProto,
    graph: GraphProto,
    (scores, probabilities): (&str, Probabilities),
    note: Option<String>,
    options: &Options,
) {
    model.graph = Some(graph);
    model.ir_version = Some(model.ir_version().max(IR_VERSION));
    let entry = |key: &str, value: &str| StringStringEntryProto { key: Some(key.into()), value: Some(value.into()) };
    model.metadata_props.retain(|prop| !prop.key().starts_with("salstream."));
    model.metadata_props.extend([
        entry("salstream.source_sha256", &options.source),
        entry(METHOD, options.method.name()),
        entry(SCORES_OF, scores),
        entry(PROBABILITIES, probabilities.name()),
        entry(EXPLAIN, options.explain.name()),
        entry("salstream.version", env!("CARGO_PKG_VERSION")),
    ]);
    model.metadata_props.extend(note.map(|note| entry(SCORES_NOTE, &note)));
}
