//! Shared by the tests of the gradient compiler: a graph builder, sessions and error measures.

#![allow(dead_code, reason = "every test binary uses a part of it")]

use std::error::Error;

use onnx_grad::onnx::{
    AttributeProto, DataType, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto, ValueInfoProto,
};
use onnx_grad::{Options, Request, Shapes, Variant, differentiate};
use ort::session::Session;
use ort::value::Tensor;

pub use crate::random::Random;
use crate::runtime::{self, Provider};

/// Builds a classifier with the image input `image`.
pub struct Graph {
    pub opset: i64,
    pub dtype: DataType,
    pub random: Random,
    pub nodes: Vec<NodeProto>,
    pub initializers: Vec<TensorProto>,
}

impl Graph {
    pub fn new(opset: i64, dtype: DataType) -> Self {
        Self { opset, dtype, random: Random(opset as u64), nodes: Vec::new(), initializers: Vec::new() }
    }

    /// Adds a node and returns the name of its output.
    pub fn node(&mut self, op: &str, inputs: &[&str], attributes: Vec<AttributeProto>) -> String {
        let name = format!("{op}{}", self.nodes.len());
        let inputs = inputs.iter().map(|input| input.to_string()).collect();
        self.nodes.push(NodeProto { attribute: attributes, ..NodeProto::new(op, &name, inputs, vec![name.clone()]) });
        name
    }

    /// Adds a node of ONNX Runtime's own domain.
    pub fn own(&mut self, op: &str, inputs: &[&str], attributes: Vec<AttributeProto>) -> String {
        let name = self.node(op, inputs, attributes);
        self.nodes.last_mut().unwrap().domain = Some("com.microsoft".into());
        name
    }

    pub fn reals(&mut self, shape: &[usize], values: &[f64]) -> String {
        let name = format!("weights{}", self.initializers.len());
        self.initializers.push(TensorProto::from_reals(&name, self.dtype, shape, values));
        name
    }

    /// Random weights in [-1, 1).
    pub fn weights(&mut self, shape: &[usize]) -> String {
        let values = self.random.take(shape.iter().product());
        self.reals(shape, &values)
    }

    /// Random weights in [0.5, 1.5).
    pub fn positive(&mut self, shape: &[usize]) -> String {
        let values: Vec<f64> =
            self.random.take(shape.iter().product()).into_iter().map(|value| 1.0 + value / 2.0).collect();
        self.reals(shape, &values)
    }

    pub fn integers(&mut self, values: &[i64]) -> String {
        let name = format!("integers{}", self.initializers.len());
        self.initializers.push(TensorProto::from_integers(&name, &[values.len()], values));
        name
    }

    /// Builds the model with an image of the given shape and one output.
    pub fn model(&self, image: &[usize], output: &str) -> ModelProto {
        let graph = GraphProto {
            name: Some("test".into()),
            node: self.nodes.clone(),
            initializer: self.initializers.clone(),
            input: vec![ValueInfoProto::fixed("image", self.dtype, image)],
            output: vec![ValueInfoProto::named(output)],
            ..Default::default()
        };
        let mut opset_import = vec![OperatorSetIdProto { domain: None, version: Some(self.opset) }];
        if self.nodes.iter().any(|node| node.domain() == "com.microsoft") {
            opset_import.push(OperatorSetIdProto { domain: Some("com.microsoft".into()), version: Some(1) });
        }
        ModelProto { ir_version: Some(10), opset_import, graph: Some(graph), ..Default::default() }
    }
}

/// A node with one output, which is its name, too.
pub fn node(op: &str, inputs: &[&str], output: &str, attribute: Vec<AttributeProto>) -> NodeProto {
    let inputs = inputs.iter().map(|input| input.to_string()).collect();
    NodeProto { attribute, ..NodeProto::new(op, output, inputs, vec![output.into()]) }
}

/// The body of a loop, a scan or a branch.
pub fn body(nodes: Vec<NodeProto>, inputs: &[&str], outputs: &[&str]) -> GraphProto {
    let named = |names: &[&str]| names.iter().map(|name| ValueInfoProto::named(*name)).collect();
    GraphProto {
        name: Some("body".into()),
        node: nodes,
        input: named(inputs),
        output: named(outputs),
        ..Default::default()
    }
}

/// The shapes of an unchanged model, for a batch of `batch`.
pub fn find_shapes(model: &ModelProto, batch: usize) -> Result<Shapes, Box<dyn Error>> {
    runtime::find_shapes(model, &Request { batch, ..Request::default() })
}

pub fn try_session(model: &ModelProto) -> Result<Session, Box<dyn Error>> {
    runtime::session(model, Provider::Cpu)
}

/// The gradient model, and the shapes that it was built with.
pub fn gradient_model(model: &ModelProto, batch: usize, variant: Variant) -> (ModelProto, Shapes) {
    let shapes = find_shapes(model, batch).unwrap();
    let result = differentiate(model, &shapes, &Options { variant, ..Default::default() }).unwrap();
    (result, shapes)
}

/// Differentiates in both variants. An error is as acceptable as a result.
pub fn attempt(model: &ModelProto, shapes: &Shapes) {
    for variant in [Variant::OnnxRuntime, Variant::OpenVino] {
        if let Err(problem) = differentiate(model, shapes, &Options { variant, ..Default::default() }) {
            let shown = onnx_grad::Error::model("model.onnx", problem.to_string()).to_string();
            let names = ["node ", "nodes ", "tensor ", "opset", "the shape of ", "the image", "output", "operator"];
            assert!(!shown.contains(char::is_control) && names.iter().any(|name| shown.contains(name)), "{shown}");
        }
    }
}

/// A session input of the given type.
pub fn value(dtype: DataType, shape: &[usize], values: &[f64]) -> ort::value::DynValue {
    match dtype {
        DataType::Double => Tensor::from_array((shape.to_vec(), values.to_vec())).unwrap().into_dyn(),
        _ => {
            let values: Vec<f32> = values.iter().map(|value| *value as f32).collect();
            Tensor::from_array((shape.to_vec(), values)).unwrap().into_dyn()
        }
    }
}

/// A session's output as float64.
pub fn reals(value: &ort::value::DynValue) -> Vec<f64> {
    match value.try_extract_tensor::<f64>() {
        Ok((_, values)) => values.to_vec(),
        Err(_) => value.try_extract_tensor::<f32>().unwrap().1.iter().map(|value| f64::from(*value)).collect(),
    }
}

/// |a - b| / |b| in the Euclidean norm.
pub fn relative_error(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    let difference: f64 = a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum();
    let size: f64 = b.iter().map(|b| b.powi(2)).sum();
    (difference / size).sqrt()
}
