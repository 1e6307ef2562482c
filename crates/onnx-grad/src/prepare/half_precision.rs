//! Half precision models are computed in float32: gradients of deep networks underflow in half precision, and ONNX
//! Runtime has few kernels for it on processors.

use std::collections::HashSet;

use crate::onnx::{
    self, AttributeProto, DataType, GraphProto, ModelProto, NodeProto, TensorProto, TypeProto, ValueInfoProto,
    type_proto,
};

/// Integer attributes that hold element types.
const TYPE_ATTRIBUTES: [&str; 4] = ["to", "dtype", "output_dtype", "softmax_precision"];

/// Replaces float16 and bfloat16 with float32 everywhere: in weights, inputs, outputs and casts.
pub fn widen(model: &mut ModelProto) {
    model.graph.iter_mut().for_each(widen_graph);
    let nodes = model.functions.iter_mut().flat_map(|function| {
        function.value_info.iter_mut().for_each(widen_value);
        function.node.iter_mut().for_each(widen_node);
        &mut function.attribute_proto
    });
    nodes.for_each(widen_attribute);
}

fn widen_graph(graph: &mut GraphProto) {
    let stored = only_stored(graph);
    graph.initializer.iter_mut().filter(|tensor| !stored.contains(tensor.name())).for_each(widen_tensor);
    graph.node.iter_mut().for_each(widen_node);
    let values = graph.input.iter_mut().chain(&mut graph.output).chain(&mut graph.value_info);
    values.for_each(widen_value);
}

/// Weights that are stored in half precision, and cast before they are used. They stay, because they take half the
/// space.
fn only_stored(graph: &GraphProto) -> HashSet<String> {
    let is_half = |kind: i64| i64::from(widened(kind as i32)) != kind;
    let casts = |node: &NodeProto| node.is("Cast") && node.int("to").is_some_and(|to| !is_half(to));
    let used: HashSet<&str> = graph.node.iter().filter(|node| !casts(node)).flat_map(onnx::names_read).collect();
    let outputs: HashSet<&str> = graph.output.iter().map(|output| output.name()).collect();
    let names = graph.initializer.iter().map(|tensor| tensor.name());
    names.filter(|name| !used.contains(name) && !outputs.contains(name)).map(str::to_owned).collect()
}

fn widen_node(node: &mut NodeProto) {
    node.attribute.iter_mut().for_each(widen_attribute);
}

fn widen_attribute(attribute: &mut AttributeProto) {
    if TYPE_ATTRIBUTES.contains(&attribute.name())
        && let Some(kind) = attribute.i
    {
        attribute.i = Some(i64::from(widened(kind as i32)));
    }
    attribute.t.iter_mut().chain(&mut attribute.tensors).for_each(widen_tensor);
    attribute.tp.iter_mut().chain(&mut attribute.type_protos).for_each(widen_type);
    attribute.g.iter_mut().chain(&mut attribute.graphs).for_each(widen_graph);
}

fn widen_value(value: &mut ValueInfoProto) {
    value.r#type.iter_mut().for_each(widen_type);
}

fn widen_type(kind: &mut TypeProto) {
    match &mut kind.value {
        Some(type_proto::Value::TensorType(tensor)) => tensor.elem_type = tensor.elem_type.map(widened),
        Some(type_proto::Value::SequenceType(inner)) => inner.elem_type.iter_mut().for_each(|kind| widen_type(kind)),
        Some(type_proto::Value::OptionalType(inner)) => inner.elem_type.iter_mut().for_each(|kind| widen_type(kind)),
        _ => {}
    }
}

/// The element type that replaces `kind`.
fn widened(kind: i32) -> i32 {
    let half = [DataType::Float16, DataType::Bfloat16].map(|half| half as i32);
    if half.contains(&kind) { DataType::Float as i32 } else { kind }
}

/// Damaged tensors stay as they are; whoever reads them says so.
fn widen_tensor(tensor: &mut TensorProto) {
    if widened(tensor.data_type()) == tensor.data_type() {
        return;
    }
    if let (Ok(shape), Ok(values)) = (tensor.shape(), tensor.reals()) {
        *tensor = TensorProto::from_reals(tensor.name(), DataType::Float, &shape, &values);
    }
}
