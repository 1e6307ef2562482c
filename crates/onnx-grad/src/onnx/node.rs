//! Typed access to a node's attributes, and constructors.

use super::attribute_proto::AttributeType;
use super::{AttributeProto, GraphProto, NodeProto, TensorProto};

impl NodeProto {
    /// Creates a node of the standard domain.
    pub fn new(op: &str, name: &str, inputs: Vec<String>, outputs: Vec<String>) -> Self {
        Self { op_type: Some(op.into()), name: Some(name.into()), input: inputs, output: outputs, ..Default::default() }
    }

    /// The node's name, or its first named output if it has no name.
    pub fn label(&self) -> &str {
        match self.name() {
            "" => self.output.iter().find(|name| !name.is_empty()).map_or("", String::as_str),
            name => name,
        }
    }

    /// Whether the operator is one of the standard domain.
    pub fn is_standard(&self) -> bool {
        matches!(self.domain(), "" | "ai.onnx")
    }

    /// Whether this is operator `op` of the standard domain.
    pub fn is(&self, op: &str) -> bool {
        self.op_type() == op && self.is_standard()
    }

    /// The bodies of branches and loops.
    pub fn subgraphs(&self) -> impl Iterator<Item = &GraphProto> {
        self.attribute.iter().flat_map(|attribute| attribute.g.iter().chain(&attribute.graphs))
    }

    /// Mutable access to the bodies of branches and loops.
    pub fn subgraphs_mut(&mut self) -> impl Iterator<Item = &mut GraphProto> {
        self.attribute.iter_mut().flat_map(|attribute| attribute.g.iter_mut().chain(&mut attribute.graphs))
    }

    fn find(&self, name: &str) -> Option<&AttributeProto> {
        self.attribute.iter().find(|attribute| attribute.name() == name)
    }

    /// An integer attribute.
    pub fn int(&self, name: &str) -> Option<i64> {
        self.find(name).and_then(|attribute| attribute.i)
    }

    /// A list of integers, or `None` if it is absent or empty.
    pub fn ints(&self, name: &str) -> Option<&[i64]> {
        self.find(name).map(|attribute| attribute.ints.as_slice()).filter(|ints| !ints.is_empty())
    }

    /// A floating-point attribute.
    pub fn float(&self, name: &str) -> Option<f32> {
        self.find(name).and_then(|attribute| attribute.f)
    }

    /// A list of floating-point numbers, or `None` if it is absent or empty.
    pub fn floats(&self, name: &str) -> Option<&[f32]> {
        self.find(name).map(|attribute| attribute.floats.as_slice()).filter(|floats| !floats.is_empty())
    }

    /// A string attribute.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.find(name).and_then(|attribute| attribute.s.as_deref()).and_then(|text| std::str::from_utf8(text).ok())
    }

    /// A list of strings, or `None` if it is absent or empty.
    pub fn texts(&self, name: &str) -> Option<Vec<&str>> {
        let texts = self.find(name)?.strings.iter().map(|text| std::str::from_utf8(text).unwrap_or_default()).collect();
        Some(texts).filter(|texts: &Vec<&str>| !texts.is_empty())
    }

    /// A graph attribute.
    pub fn graph(&self, name: &str) -> Option<&GraphProto> {
        self.find(name).and_then(|attribute| attribute.g.as_ref())
    }

    /// A tensor attribute.
    pub fn tensor(&self, name: &str) -> Option<&TensorProto> {
        self.find(name).and_then(|attribute| attribute.t.as_ref())
    }
}

impl AttributeProto {
    fn new(name: &str, kind: AttributeType) -> Self {
        Self { name: Some(name.into()), r#type: Some(kind as i32), ..Default::default() }
    }

    /// An integer.
    pub fn int(name: &str, value: i64) -> Self {
        Self { i: Some(value), ..Self::new(name, AttributeType::Int) }
    }

    /// A list of integers.
    pub fn ints(name: &str, values: &[i64]) -> Self {
        Self { ints: values.to_vec(), ..Self::new(name, AttributeType::Ints) }
    }

    /// A floating-point number.
    pub fn float(name: &str, value: f32) -> Self {
        Self { f: Some(value), ..Self::new(name, AttributeType::Float) }
    }

    /// A graph.
    pub fn graph(name: &str, value: GraphProto) -> Self {
        Self { g: Some(value), ..Self::new(name, AttributeType::Graph) }
    }

    /// A list of strings.
    pub fn texts(name: &str, values: &[&str]) -> Self {
        let strings = values.iter().map(|value| value.as_bytes().to_vec()).collect();
        Self { strings, ..Self::new(name, AttributeType::Strings) }
    }

    /// A string.
    pub fn text(name: &str, value: &str) -> Self {
        Self { s: Some(value.into()), ..Self::new(name, AttributeType::String) }
    }
}
