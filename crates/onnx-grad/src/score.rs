//! The score to differentiate: the logits of the target class, or of the top one.

use std::collections::HashMap;

use crate::error::{Error, Result};
use crate::onnx::{self, AttributeProto as Attribute, DataType, GraphProto, NodeProto, TensorProto};
use crate::tape::{Tape, Tensor};
use crate::types::{CLASS, SCORES, Shapes, TARGET, TensorType};

/// Operators that only change the shape or type of scores.
const RESHAPING: [&str; 7] = ["Cast", "Identity", "Flatten", "Reshape", "Squeeze", "Unsqueeze", "Dropout"];

/// Batch size and number of classes of the score output.
pub fn size(shapes: &Shapes) -> Result<(usize, usize)> {
    let shape = shapes.tensors.get(&shapes.output).map(|kind| kind.shape.as_slice()).unwrap_or_default();
    match shape {
        [batch, classes, rest @ ..] if rest.iter().all(|size| *size == 1) => Ok((*batch, *classes)),
        _ => Err(Error::Graph(format!("the output {} is {shape:?} and not [N, classes]", shapes.output))),
    }
}

/// The value that the backward pass starts from: the input of a final Softmax over the classes, otherwise the score
/// output, without final rounding to 8 bits or its like.
///
/// A Softmax over other axes, or over groups of classes, can put another class on top than its input does, so it stays.
pub fn logits(graph: &GraphProto, shapes: &Shapes, opset: i64) -> Result<Tensor> {
    let end = ScoreEnd::new(graph, shapes, opset);
    let (scores, last) = end.unrounded(&shapes.output);
    let name = end.before_softmax(last).map_or(scores, |logits| end.unrounded(logits).0);
    let kind = shapes.tensors.get(name).ok_or_else(|| Error::Graph(format!("the shape of {name} is unknown")))?;
    Ok(Tensor { name: name.into(), dtype: kind.dtype, shape: kind.shape.clone() })
}

/// The last nodes of a classifier.
struct ScoreEnd<'a> {
    makers: HashMap<&'a str, &'a NodeProto>,
    constants: HashMap<&'a str, &'a TensorProto>,
    shapes: &'a Shapes,
    opset: i64,
}

impl<'a> ScoreEnd<'a> {
    fn new(graph: &'a GraphProto, shapes: &'a Shapes, opset: i64) -> Self {
        let first = |node: &'a NodeProto| Some((node.output.first()?.as_str(), node));
        Self { makers: graph.node.iter().filter_map(first).collect(), constants: onnx::constants(graph), shapes, opset }
    }

    fn kind(&self, name: &str) -> Option<&'a TensorType> {
        self.shapes.tensors.get(name)
    }

    /// The value that `name` rounds, and the one before operators that only reshape it.
    fn unrounded(&self, name: &'a str) -> (&'a str, &'a str) {
        let (mut kept, mut last) = (name, self.before_reshaping(name));
        while let Some(input) = self.before_rounding(last) {
            (kept, last) = (input, self.before_reshaping(input));
        }
        (kept, last)
    }

    /// The value that has the same elements in the same order.
    fn before_reshaping(&self, mut name: &'a str) -> &'a str {
        while let Some(input) = self.makers.get(name).and_then(|node| self.reshaped(node)) {
            name = input;
        }
        name
    }

    /// The input of a node that keeps all values: not one that casts to integers, or drops values as in training.
    fn reshaped(&self, node: &'a NodeProto) -> Option<&'a str> {
        let input = node.input.first()?.as_str();
        let is_float = self.kind(node.output.first()?)?.dtype.is_float() && self.kind(input)?.dtype.is_float();
        let trains = node.is("Dropout")
            && node
                .input
                .get(2)
                .is_some_and(|mode| self.constants.get(mode.as_str()).and_then(|mode| onnx::single(mode)) != Some(0));
        (RESHAPING.iter().any(|op| node.is(op)) && is_float && !trains).then_some(input)
    }

    /// The input of a QuantizeLinear whose result is scaled back at once. Without the two, the order of the classes is
    /// the same, but the scores are neither rounded nor clipped.
    fn before_rounding(&self, name: &str) -> Option<&'a str> {
        let back = self.makers.get(name).filter(|node| node.is("DequantizeLinear"))?;
        let there = self.makers.get(back.input.first()?.as_str()).filter(|node| node.is("QuantizeLinear"))?;
        let same = |index: usize| match [there, back].map(|node| node.input.get(index).map_or("", String::as_str)) {
            [a, b] if a == b => true,
            [a, b] => match [a, b].map(|name| self.constants.get(name).and_then(|tensor| tensor.reals().ok())) {
                [Some(a), Some(b)] => a == b,
                _ => false,
            },
        };
        let scale = self.constants.get(there.input.get(1)?.as_str())?.reals().ok()?;
        let one_positive = scale.len() == 1 && scale[0] > 0.0;
        (one_positive && same(1) && same(2)).then(|| there.input.first().map(String::as_str)).flatten()
    }

    /// The input of a Softmax or LogSoftmax over all classes of each image.
    fn before_softmax(&self, name: &str) -> Option<&'a str> {
        let node = self.makers.get(name).filter(|node| node.is("Softmax") || node.is("LogSoftmax"))?;
        let input = node.input.first()?.as_str();
        let shape = &self.kind(input)?.shape;
        let default = if self.opset < 13 { 1 } else { -1 };
        let axis = node.int("axis").unwrap_or(default);
        let axis = if axis < 0 { axis + shape.len() as i64 } else { axis };
        let (outer, rest) = shape.split_at_checked(usize::try_from(axis).ok()?)?;
        // Before opset 13, all axes from this one on count as one.
        let (along, inner) = if self.opset < 13 { (rest, &[][..]) } else { rest.split_at_checked(1)? };
        let product = |sizes: &[usize]| sizes.iter().product::<usize>();
        (size(self.shapes).ok()? == (product(outer), product(along)) && product(inner) == 1).then_some(input)
    }
}

/// Writes the outputs `scores` and `class`, and returns the gradient of the class's logit with
/// respect to `logits`.
pub fn seed(tape: &mut Tape, logits: &Tensor, (batch, classes): (usize, usize), dtype: DataType) -> Tensor {
    tape.enter("score/grad");
    let scores = tape.reshape(logits, &[batch, classes]);
    // The output has the image's type, whatever type the network computes in.
    let shown = tape.cast(&scores, dtype);
    tape.name_output(&shown, SCORES);
    let target = Tensor { name: TARGET.into(), dtype: DataType::Int64, shape: vec![batch] };
    let attributes = vec![Attribute::int("axis", 1), Attribute::int("keepdims", 0)];
    let top = tape.emit("ArgMax", &[&scores], attributes, DataType::Int64, vec![batch]);
    // Less does not support integers before opset 9. Class ids are exact as floating-point numbers.
    let number = tape.cast(&target, logits.dtype);
    let zero = tape.scalar(&number, 0.0);
    let unset = tape.compare("Less", &number, &zero);
    let class = tape.where_(&unset, &top, &target);
    tape.name_output(&class, CLASS);
    let ids: Vec<i64> = (0..classes as i64).collect();
    let ids = tape.constant(TensorProto::from_integers("", &[1, classes], &ids));
    let column = tape.reshape(&class, &[batch, 1]);
    let hit = tape.compare("Equal", &column, &ids);
    let seed = tape.cast(&hit, logits.dtype);
    tape.note_seed(&seed, &class);
    tape.reshape(&seed, &logits.shape)
}
