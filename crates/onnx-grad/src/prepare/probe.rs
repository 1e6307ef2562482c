//! Finds the shapes of all values with one run: builds the model to run and reads its results.

use std::collections::HashSet;

use crate::error::{Error, Result};
use crate::onnx::{self, GraphProto, ModelProto, TensorProto, ValueInfoProto};
use crate::types::{Shapes, TensorType};

/// The model with every value as an output, to be run once on a black image or on samples.
pub struct Probe {
    /// The model.
    pub model: ModelProto,
    /// Its inputs.
    pub inputs: Vec<ProbeInput>,
    /// What to do if the model does not run.
    pub remedy: &'static str,
}

/// One input of a [`Probe`].
#[derive(Debug, Clone, PartialEq)]
pub struct ProbeInput {
    /// The input's name.
    pub name: String,
    /// Its element type and shape.
    pub kind: TensorType,
    /// Its elements, little-endian. `None` for zeros.
    pub data: Option<Vec<u8>>,
}

/// One output of a [`Probe`]'s run. Outputs that are not tensors are left out.
pub struct ProbedValue {
    /// The output's name.
    pub name: String,
    /// Its element type and shape.
    pub kind: TensorType,
    /// Its elements, little-endian. Needed only if there are at most [`ProbedValue::MAX_ELEMENTS`].
    pub data: Option<Vec<u8>>,
}

/// What a model is probed with.
pub(crate) struct ProbeInputs {
    pub inputs: Vec<ProbeInput>,
    pub remedy: &'static str,
}

impl ProbedValue {
    /// Values with up to this many elements are kept if they are the same for all images.
    pub const MAX_ELEMENTS: usize = 4096;
}

/// Reads the results of a probe.
pub(crate) struct ProbeReader {
    inputs: Vec<ProbeInput>,
    varying: HashSet<String>,
}

impl Probe {
    /// Creates the probe of `model` and the reader of its results. Inputs that the model does not have are left out.
    pub(crate) fn new(model: &ModelProto, given: &ProbeInputs) -> Result<(Self, ProbeReader)> {
        let mut all = model.clone();
        let graph = all.graph.as_mut().ok_or_else(no_graph)?;
        let takes = |input: &&ProbeInput| graph.input.iter().any(|own| own.name() == input.name);
        let inputs: Vec<ProbeInput> = given.inputs.iter().filter(takes).cloned().collect();
        onnx::sort(graph)?;
        let varying = varying(graph, &inputs);
        for own in &mut graph.input {
            if let Some(ProbeInput { name, kind, .. }) = inputs.iter().find(|input| input.name == own.name()) {
                *own = ValueInfoProto::fixed(name, kind.dtype, &kind.shape);
            }
        }
        graph.value_info.clear();
        graph.output = made(graph).map(ValueInfoProto::named).collect();
        let reader = ProbeReader { inputs: inputs.clone(), varying };
        Ok((Self { model: all, inputs, remedy: given.remedy }, reader))
    }

    /// The reason why a runtime refused the model, if operators outside the standard domain are to
    /// blame. The error names all of them, while runtimes name only the first one that they do not
    /// know.
    pub fn foreign_operators(&self) -> Option<Error> {
        let custom = self.model.graph.iter().flat_map(|graph| &graph.node).filter(|node| !node.is_standard());
        let names: Vec<_> = custom.map(|n| format!("{}::{} (node {})", n.domain(), n.op_type(), n.label())).collect();
        let problem = "does not run in ONNX Runtime; it has operators outside the standard domain";
        let remedy = "export it with standard operators";
        (!names.is_empty()).then(|| Error::Graph(format!("{problem}: {}; {remedy}", names.join(", "))))
    }
}

impl ProbeReader {
    /// The shapes of all values, and the values of small ones that are the same for all images.
    /// Does not choose the image, nor the output that holds the scores.
    pub(crate) fn shapes(self, values: Vec<ProbedValue>) -> Shapes {
        let mut shapes = Shapes::default();
        shapes.tensors.extend(self.inputs.into_iter().map(|input| (input.name, input.kind)));
        for ProbedValue { name, kind, data } in values {
            let is_small = kind.shape.iter().product::<usize>() <= ProbedValue::MAX_ELEMENTS;
            if let Some(data) = data.filter(|_| is_small && !self.varying.contains(&name)) {
                let constant = TensorProto::from_raw(&name, kind.dtype, &kind.shape, data);
                shapes.constants.insert(name.clone(), constant);
            }
            shapes.tensors.insert(name, kind);
        }
        shapes
    }
}

/// The names of all node outputs.
fn made(graph: &GraphProto) -> impl Iterator<Item = &str> {
    graph.node.iter().flat_map(|node| &node.output).map(String::as_str).filter(|name| !name.is_empty())
}

/// The values of a sorted graph that depend on the elements of the inputs, not only on their shapes.
fn varying(graph: &GraphProto, inputs: &[ProbeInput]) -> HashSet<String> {
    let mut names: HashSet<String> = inputs.iter().map(|input| input.name.clone()).collect();
    for node in graph.node.iter().filter(|node| !node.is("Shape") && !node.is("Size")) {
        if onnx::names_read(node).iter().any(|name| names.contains(*name)) {
            names.extend(node.output.iter().cloned());
        }
    }
    names
}

pub(crate) fn no_graph() -> Error {
    Error::Graph("the model has no graph; export it again".into())
}
