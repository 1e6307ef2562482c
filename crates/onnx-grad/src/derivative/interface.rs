//! The inputs and outputs of a derivative's model.

use crate::derivative::model_inputs;
use crate::derivative::objective::COTANGENT;
use crate::derivative::objective_nodes::Scores;
use crate::error::{Error, Result};
use crate::onnx::tensor_shape_proto::{Dimension, dimension::Value as Size};
use crate::onnx::{DataType, GraphProto, NodeProto, TensorProto, ValueInfoProto, type_proto};
use crate::score;
use crate::tape::Tensor;
use crate::types::{CLASS, GRADIENT, SCORES, Shapes, TARGET};

/// The name of the output of one number for each picture.
pub const SCORE: &str = "score";

/// The names that a derivative's model adds.
pub const RESERVED: [&str; 6] = [TARGET, SCORES, CLASS, GRADIENT, SCORE, COTANGENT];

/// The name of the gradient by one of several values.
pub fn gradient_name(value: &str, alone: bool) -> String {
    if alone { GRADIENT.into() } else { format!("{GRADIENT}.{value}") }
}

/// The inputs and outputs of a derivative's model.
pub struct Interface {
    /// The values to differentiate by.
    pub wrt: Vec<String>,
    /// The names of their gradients.
    pub gradients: Vec<String>,
    /// The shape of the objective if it is a number and not `[N, classes]`.
    pub number: Option<Vec<usize>>,
    /// Whether `target` has several classes for each picture.
    pub several_targets: bool,
    /// Whether the first axis of the values to differentiate by is that of the scores.
    pub batched: bool,
    size: (usize, usize),
    inputs: Vec<ValueInfoProto>,
}

impl Interface {
    pub fn new(
        graph: &GraphProto,
        shapes: &Shapes,
        wrt: &[String],
        scores: Scores,
        several_targets: bool,
    ) -> Result<Self> {
        if several_targets && scores.shape.is_some() {
            let problem = "several targets need an objective that is [N, classes], and this one is a number";
            return Err(Error::Request(format!("{problem}; leave the axis of the classes whole, as in NAME[:,0,:]")));
        }
        let size = score::size(shapes)?;
        let first = |name: &String| shapes.tensors.get(name).and_then(|kind| kind.shape.first()) == Some(&size.0);
        let fixed = |input: &ValueInfoProto| {
            let kind = shapes.tensors.get(input.name())?;
            Some(ValueInfoProto::fixed(input.name(), kind.dtype, &kind.shape))
        };
        Ok(Self {
            wrt: wrt.to_vec(),
            gradients: wrt.iter().map(|name| gradient_name(name, wrt.len() == 1)).collect(),
            number: scores.shape,
            several_targets,
            batched: wrt.iter().all(first),
            size,
            inputs: model_inputs::plain(graph).filter_map(fixed).collect(),
        })
    }

    /// Writes the inputs and outputs.
    pub fn assemble(&self, graph: &mut GraphProto, shapes: &Shapes, gradients: &[Tensor]) -> Result<()> {
        let (batch, classes) = self.size;
        let dtype = shapes.tensors.get(&shapes.image).map_or(DataType::Float, |kind| kind.dtype);
        graph.input = self.inputs.clone();
        let targets = if self.several_targets { &[batch, 1][..] } else { &[batch] };
        graph.input.push(self.open(ValueInfoProto::fixed(TARGET, DataType::Int64, targets)));
        graph.output = vec![
            ValueInfoProto::fixed(SCORES, dtype, &[batch, classes]),
            self.open(ValueInfoProto::fixed(CLASS, DataType::Int64, targets)),
        ];
        let outputs = self.gradients.iter().zip(gradients);
        graph.output.extend(outputs.map(|(name, x)| self.open(ValueInfoProto::fixed(name, x.dtype, &x.shape))));
        // OpenVINO runs parts of the graph only if the shapes between them are known.
        let made = graph.node.iter().flat_map(|node| &node.output);
        let known = made.filter_map(|name| Some((name, shapes.tensors.get(name)?)));
        let known = known.filter(|(_, kind)| kind.dtype != DataType::Undefined);
        graph.value_info = known.map(|(name, kind)| ValueInfoProto::fixed(name, kind.dtype, &kind.shape)).collect();
        Ok(())
    }

    /// Leaves the axis of the targets open.
    fn open(&self, mut value: ValueInfoProto) -> ValueInfoProto {
        let axis = usize::from(self.batched || matches!(value.name(), TARGET | CLASS));
        let kind = value.r#type.as_mut().and_then(|kind| kind.value.as_mut());
        if let Some(type_proto::Value::TensorType(tensor)) = kind.filter(|_| self.several_targets)
            && let Some(dimension) = tensor.shape.as_mut().and_then(|shape| shape.dim.get_mut(axis))
        {
            *dimension = Dimension { value: Some(Size::DimParam("targets".into())), denotation: None };
        }
        value
    }

    /// Makes `target` a constant if the objective has no classes: the loop of samples carries it.
    pub fn fill_target(&self, graph: &mut GraphProto) {
        if self.number.is_some() {
            graph.initializer.push(TensorProto::from_integers(TARGET, &[self.size.0], &vec![0; self.size.0]));
        }
    }

    /// Gives an objective that is a number its own shape.
    pub fn finish(&self, graph: &mut GraphProto, opset: i64) {
        let Some(shape) = &self.number else { return };
        let dtype = graph.output.iter().find(|output| output.name() == SCORES).and_then(ValueInfoProto::tensor);
        let dtype = dtype.map_or(DataType::Float, |(dtype, _)| dtype);
        debug_assert!(opset >= 7, "Reshape takes its sizes as an input");
        graph.input.retain(|input| input.name() != TARGET);
        graph.output.retain(|output| output.name() != SCORES && output.name() != CLASS);
        graph.output.insert(0, ValueInfoProto::fixed(SCORE, dtype, shape));
        let sizes = format!("{SCORE}/shape");
        let values: Vec<i64> = shape.iter().map(|size| *size as i64).collect();
        graph.initializer.push(TensorProto::from_integers(&sizes, &[shape.len()], &values));
        graph.node.push(NodeProto::new("Reshape", SCORE, vec![SCORES.into(), sizes], vec![SCORE.into()]));
        let outputs: Vec<String> = graph.output.iter().map(|output| output.name().to_owned()).collect();
        crate::onnx::drop_dead(graph, &outputs.iter().map(String::as_str).collect::<Vec<_>>());
    }
}
