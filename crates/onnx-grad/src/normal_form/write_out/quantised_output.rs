//! Outputs of a model that are quantised.

use std::collections::HashMap;

use crate::onnx::{AttributeProto, GraphProto, NodeProto};
use crate::signature::rename;

/// Operators that only change the shape of their first input.
const RESHAPING: [&str; 5] = ["Identity", "Flatten", "Reshape", "Squeeze", "Unsqueeze"];

/// Gives every output that is quantised as the float that it stands for, under the same name.
pub fn scale_back(graph: &mut GraphProto) {
    for index in 0..graph.output.len() {
        let name = graph.output[index].name().to_owned();
        let Some((scale, zero, attribute)) = parameters(graph, &name) else { continue };
        let levels = format!("{name}/levels");
        rename(graph, &name, &levels);
        let label = format!("{name}/scaled_back");
        let inputs = [levels, scale].into_iter().chain(zero).collect();
        graph
            .node
            .push(NodeProto { attribute, ..NodeProto::new("DequantizeLinear", &label, inputs, vec![name.clone()]) });
        let output = &mut graph.output[index];
        output.name = Some(name);
        output.r#type = None;
    }
}

/// The scale, the zero point and the axis of a quantised value.
fn parameters(graph: &GraphProto, name: &str) -> Option<(String, Option<String>, Vec<AttributeProto>)> {
    let makers: HashMap<&str, &NodeProto> =
        graph.node.iter().filter_map(|node| Some((node.output.first()?.as_str(), node))).collect();
    let (mut node, mut reshaped) = (*makers.get(name)?, false);
    // The limit ends the search if nodes form a cycle.
    for _ in 0..graph.node.len() {
        if !RESHAPING.iter().any(|op| node.is(op)) {
            break;
        }
        (node, reshaped) = (makers.get(node.input.first()?.as_str())?, true);
    }
    let scale = scale_index(node)?;
    let given = |index: usize| node.input.get(index).filter(|name| !name.is_empty()).cloned();
    let axis = node.attribute.iter().filter(|attribute| ["axis", "block_size"].contains(&attribute.name()));
    let axis: Vec<AttributeProto> = if node.op_type() == "QuantizeLinear" { axis.cloned().collect() } else { vec![] };
    // An axis of several scales may be another one after reshaping.
    (axis.is_empty() || !reshaped).then_some((given(scale)?, given(scale + 1), axis))
}

/// The position of the scale of the result among the inputs of an operator that quantises.
fn scale_index(node: &NodeProto) -> Option<usize> {
    Some(match node.op_type() {
        "QuantizeLinear" => 1,
        "QLinearAdd" | "QLinearConv" | "QLinearMatMul" | "QLinearMul" => 6,
        "QLinearAveragePool" | "QLinearGlobalAveragePool" | "QLinearLeakyRelu" | "QLinearSigmoid" => 3,
        "QLinearConcat" => 0,
        "QGemm" => 7,
        _ => return None,
    })
}
