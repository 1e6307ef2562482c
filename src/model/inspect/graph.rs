//! The contents of a graph: inputs and outputs, constants and operators.

use std::collections::{BTreeMap, HashSet};

use serde::Serialize;

use crate::model::Layout;
use crate::model::metadata::FileFacts;
use onnx_grad::BLOCKED;
use onnx_grad::onnx::tensor_shape_proto::dimension::Value as Size;
use onnx_grad::onnx::{self, DataType, GraphProto, ModelProto, NodeProto, ValueInfoProto, type_proto};

/// An input or output.
#[derive(Debug, Serialize)]
pub struct ValueInfo {
    /// The name of the value.
    pub name: String,
    /// The element type, such as `float` or `int64`, or `other` if the value is not a tensor.
    #[serde(rename = "type")]
    pub dtype: String,
    /// The size along each axis: a number, the name of a free size, or `?`. `None` if even the
    /// number of axes is unknown.
    pub shape: Option<Vec<String>>,
}

impl From<&ValueInfoProto> for ValueInfo {
    fn from(value: &ValueInfoProto) -> Self {
        let name = value.name().to_owned();
        let Some(type_proto::Value::TensorType(tensor)) = value.r#type.as_ref().and_then(|kind| kind.value.as_ref())
        else {
            return Self { name, dtype: "other".into(), shape: None };
        };
        let shape = tensor.shape.as_ref().map(|shape| shape.dim.iter().map(|dim| size(dim.value.as_ref())).collect());
        let dtype = DataType::try_from(tensor.elem_type()).unwrap_or(DataType::Undefined);
        Self { name, dtype: dtype.as_str_name().to_ascii_lowercase(), shape }
    }
}

fn size(size: Option<&Size>) -> String {
    match size {
        Some(Size::DimValue(size)) if *size > 0 => size.to_string(),
        Some(Size::DimParam(name)) if !name.is_empty() => name.clone(),
        _ => "?".into(),
    }
}

/// The inputs, without weights.
pub fn inputs(graph: &GraphProto) -> Vec<ValueInfo> {
    images(graph).map(ValueInfo::from).collect()
}

fn images(graph: &GraphProto) -> impl Iterator<Item = &ValueInfoProto> {
    let weights: HashSet<&str> = graph.initializer.iter().map(|tensor| tensor.name()).collect();
    graph.input.iter().filter(move |input| !weights.contains(input.name()))
}

/// The layout and number of classes that the file declares, or `None` if it declares no image with
/// three channels or no classes.
pub fn declared(model: &ModelProto) -> Option<FileFacts> {
    let graph = model.graph.as_ref()?;
    let layout = images(graph).find_map(|input| match input.tensor()?.1.as_slice() {
        [_, Some(3), _, _] => Some(Layout::Nchw),
        [_, _, _, Some(3)] => Some(Layout::Nhwc),
        _ => None,
    })?;
    let classes = graph.output.iter().find_map(|output| match output.tensor()?.1.as_slice() {
        [_, Some(classes)] if *classes > 1 => Some(*classes),
        _ => None,
    })?;
    Some(FileFacts { metadata: model.metadata(), layout, classes, answers: false })
}

/// The number of floating-point values in constants.
pub fn parameters(graph: &GraphProto) -> u64 {
    let constants = onnx::constants(graph).into_values().filter(|tensor| tensor.dtype().is_float());
    constants.filter_map(|tensor| tensor.shape().ok()).map(|shape| shape.iter().product::<usize>() as u64).sum()
}

/// How an operator propagates a gradient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum GradientSupport {
    /// It has a rule.
    Rule,
    /// The gradient stops here, because the result is piecewise constant.
    Stops,
    /// No gradient reaches it: no node of this operator depends on the image.
    Constant,
    /// Not supported: a model with this operator between image and score has no gradient.
    None,
}

/// An operator and its nodes.
#[derive(Debug, Serialize)]
pub struct OperatorCount {
    /// Its name, with its domain unless that is the standard one.
    pub name: String,
    /// The number of nodes, including those in subgraphs.
    pub nodes: usize,
    /// How it propagates a gradient.
    pub gradient: GradientSupport,
}

/// The operators, sorted by number of nodes, most frequent first.
pub fn operators(graph: &GraphProto) -> Vec<OperatorCount> {
    let varying = varying(graph);
    let mut counts = BTreeMap::new();
    for node in &graph.node {
        count(node, depends(node, &varying), &mut counts);
    }
    let mut operators: Vec<_> =
        counts.into_iter().map(|(name, (nodes, gradient))| OperatorCount { name, nodes, gradient }).collect();
    operators.sort_by_key(|operator| std::cmp::Reverse(operator.nodes));
    operators
}

/// The values of a sorted graph that depend on the inputs.
fn varying(graph: &GraphProto) -> HashSet<&str> {
    let mut names: HashSet<&str> = images(graph).map(ValueInfoProto::name).collect();
    for node in &graph.node {
        if depends(node, &names) {
            names.extend(node.output.iter().map(String::as_str));
        }
    }
    names
}

fn depends(node: &NodeProto, varying: &HashSet<&str>) -> bool {
    onnx::names_read(node).iter().any(|name| varying.contains(name))
}

/// Counts a node and the nodes of its subgraphs.
fn count(node: &NodeProto, depends: bool, counts: &mut BTreeMap<String, (usize, GradientSupport)>) {
    let name = match node.is_standard() {
        true => node.op_type().to_owned(),
        false => format!("{}::{}", node.domain(), node.op_type()),
    };
    let passage = passage(node, depends);
    let (nodes, known) = counts.entry(name).or_insert((0, passage));
    *nodes += 1;
    if *known == GradientSupport::Constant {
        *known = passage;
    }
    node.subgraphs().flat_map(|graph| &graph.node).for_each(|node| count(node, depends, counts));
}

fn passage(node: &NodeProto, depends: bool) -> GradientSupport {
    if onnx_grad::has_gradient(node) {
        GradientSupport::Rule
    } else if !depends {
        GradientSupport::Constant
    } else if BLOCKED.iter().any(|op| node.is(op)) {
        GradientSupport::Stops
    } else {
        GradientSupport::None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use onnx_grad::onnx::{AttributeProto, TensorProto};

    fn node(op: &str, domain: &str, inputs: &[&str]) -> NodeProto {
        let inputs = inputs.iter().map(|input| input.to_string()).collect();
        NodeProto { domain: Some(domain.into()), ..NodeProto::new(op, op, inputs, vec![format!("{op}_out")]) }
    }

    #[test]
    fn operators_are_counted_into_subgraphs_and_their_passage_is_known() {
        let inner = GraphProto { node: vec![node("Relu", "", &["x"])], ..Default::default() };
        let branch = AttributeProto { name: Some("then_branch".into()), g: Some(inner), ..Default::default() };
        let choice = NodeProto { attribute: vec![branch], ..node("If", "", &["c"]) };
        let nodes = vec![
            node("Relu", "ai.onnx", &["x"]),
            node("ArgMax", "", &["Relu_out"]),
            node("Odd", "my.own", &["x"]),
            node("Random", "my.own", &["c"]),
            choice,
        ];
        let input = vec![ValueInfoProto::fixed("x", DataType::Float, &[1])];
        let found = operators(&GraphProto { node: nodes, input, ..Default::default() });
        let found: Vec<_> = found.iter().map(|op| (op.name.as_str(), op.nodes, op.gradient)).collect();
        assert_eq!(found[0], ("Relu", 2, GradientSupport::Rule));
        for expected in [
            ("ArgMax", 1, GradientSupport::Stops),
            ("If", 1, GradientSupport::None),
            ("my.own::Odd", 1, GradientSupport::None),
            ("my.own::Random", 1, GradientSupport::Constant),
        ] {
            assert!(found.contains(&expected), "{expected:?} in {found:?}");
        }
    }

    #[test]
    fn weights_among_the_inputs_are_no_inputs_and_count_as_parameters() {
        let graph = GraphProto {
            input: vec![
                ValueInfoProto::fixed("w", DataType::Float, &[2, 3]),
                ValueInfoProto::fixed("x", DataType::Float, &[1, 3, 8, 9]),
            ],
            initializer: vec![TensorProto::from_reals("w", DataType::Float, &[2, 3], &[0.0; 6])],
            output: vec![ValueInfoProto::fixed("y", DataType::Float, &[1, 7])],
            ..Default::default()
        };
        let names: Vec<_> = inputs(&graph).into_iter().map(|input| (input.name, input.dtype)).collect();
        assert_eq!((names, parameters(&graph)), (vec![("x".to_owned(), "float".to_owned())], 6));
        let found = declared(&ModelProto { graph: Some(graph), ..Default::default() }).unwrap();
        assert_eq!((found.layout, found.classes), (Layout::Nchw, 7));
    }
}
