//! Finds the shapes of all values with one run: builds the model to run and reads its results.

use std::collections::HashSet;

use crate::error::{Error, Result};
use crate::image_input;
use crate::onnx::{self, GraphProto, ModelProto, TensorProto, ValueInfoProto};
use crate::request::Request;
use crate::types::{Shapes, TensorType};

/// The model with every value as an output, to be run once on a black image.
pub struct Probe {
    /// The model.
    pub model: ModelProto,
    /// The name of its only input.
    pub image: String,
    /// The type of that input, to be filled with zeros.
    pub kind: TensorType,
    /// Whether the classifier takes images of any size, so that another size may run if this one does not.
    pub takes_any_size: bool,
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

impl ProbedValue {
    /// Values with up to this many elements are kept if they are the same for all images.
    pub const MAX_ELEMENTS: usize = 4096;
}

/// Reads the results of a probe.
pub(crate) struct ProbeReader {
    image: String,
    kind: TensorType,
    varying: HashSet<String>,
}

impl Probe {
    /// Creates the probe of `model` and the reader of its results.
    pub(crate) fn new(model: &ModelProto, request: &Request) -> Result<(Self, ProbeReader)> {
        let graph = model.graph.as_ref().ok_or_else(no_graph)?;
        let (image, kind) = image_input::image(graph, request)?;
        let takes_any_size = image_input::is_free(graph);
        let mut all = model.clone();
        let mut changing = HashSet::new();
        if let Some(graph) = &mut all.graph {
            onnx::sort(graph)?;
            changing = varying(graph, &image);
            for input in graph.input.iter_mut().filter(|input| input.name() == image) {
                *input = ValueInfoProto::fixed(&image, kind.dtype, &kind.shape);
            }
            graph.value_info.clear();
            graph.output =
                made(graph).map(|name| ValueInfoProto { name: Some(name.into()), ..Default::default() }).collect();
        }
        let reader = ProbeReader { image: image.clone(), kind: kind.clone(), varying: changing };
        Ok((Self { model: all, image, kind, takes_any_size }, reader))
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
    /// Does not choose the output that holds the scores.
    pub(crate) fn shapes(self, values: Vec<ProbedValue>) -> Shapes {
        let mut shapes = Shapes { image: self.image.clone(), ..Default::default() };
        shapes.tensors.insert(self.image, self.kind);
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

/// The values of a sorted graph that depend on the image's pixels, not only on its shape.
fn varying(graph: &GraphProto, image: &str) -> HashSet<String> {
    let mut names = HashSet::from([image.to_owned()]);
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
