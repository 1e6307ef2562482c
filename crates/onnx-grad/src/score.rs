//! The score to differentiate: the logits of the target class, or of the top one.

use crate::error::{Error, Result};
use crate::onnx::{AttributeProto as Attribute, DataType, GraphProto, TensorProto};
use crate::tape::{Tape, Tensor};
use crate::types::{CLASS, SCORES, Shapes, TARGET};

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

/// The value that the backward pass starts from: the input of a final Softmax, otherwise the score
/// output.
pub fn logits(graph: &GraphProto, shapes: &Shapes) -> Result<Tensor> {
    let mut name = shapes.output.as_str();
    let maker = |name: &str| graph.node.iter().find(|node| node.output.first().is_some_and(|output| output == name));
    let source = |name: &str, ops: &[&str]| {
        maker(name).filter(|node| ops.iter().any(|op| node.is(op))).and_then(|node| node.input.first())
    };
    while let Some(input) = source(name, &RESHAPING) {
        name = input;
    }
    let name = source(name, &["Softmax", "LogSoftmax"]).map_or(shapes.output.as_str(), String::as_str);
    let kind = shapes.tensors.get(name).ok_or_else(|| Error::Graph(format!("the shape of {name} is unknown")))?;
    Ok(Tensor { name: name.into(), dtype: kind.dtype, shape: kind.shape.clone() })
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
