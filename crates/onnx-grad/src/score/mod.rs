//! The score to differentiate: the logits of the target class, or of the top one.

pub(crate) mod binary_head;
pub(crate) mod choice;
pub(crate) mod end;
pub(crate) mod names;
pub(crate) mod output;

use crate::error::{Error, Result};
use crate::onnx::{AttributeProto as Attribute, DataType, GraphProto, TensorProto};
use crate::tape::{Tape, Tensor};
use crate::types::{CLASS, Explain, OPPOSITE_OF_FIRST, Options, Probabilities, SCORES, Shapes, TARGET};
use end::ScoreEnd;

/// Batch size and number of classes of the score output.
pub fn size(shapes: &Shapes) -> Result<(usize, usize)> {
    let shape = || shapes.tensors.get(&shapes.output).map(|kind| kind.shape.as_slice()).unwrap_or_default();
    shapes
        .classes_of(&shapes.output)
        .ok_or_else(|| Error::Graph(format!("the output {} is {:?} and not [N, classes]", shapes.output, shape())))
}

/// The value that the backward pass starts from, and how probabilities follow from it: the input of a final Softmax
/// over the classes or of a Sigmoid, otherwise the score output, without final rounding to 8 bits or its like.
///
/// A Softmax over other axes, or over groups of classes, can put another class on top than its input does, so it stays.
pub fn logits(graph: &GraphProto, shapes: &Shapes, opset: i64) -> Result<(Tensor, Probabilities)> {
    let end = ScoreEnd::new(graph, shapes, opset);
    let head = end.head(&shapes.output);
    let name = head.scores;
    let kind = shapes.tensors.get(name).ok_or_else(|| Error::Graph(format!("the shape of {name} is unknown")))?;
    Ok((Tensor { name: name.into(), dtype: kind.dtype, shape: kind.shape.clone() }, head.probabilities))
}

/// Writes the outputs `scores` and `class`, and returns the gradient of the class's logit or probability with respect
/// to `logits`.
///
/// # Errors
/// [`Error::Graph`] if the probability is to be explained, and the scores have none.
pub fn seed(
    tape: &mut Tape,
    head: &(Tensor, Probabilities),
    size: (usize, usize),
    options: &Options,
) -> Result<Tensor> {
    let scores = write_scores(tape, &head.0, size);
    let Target { class, sign } = target(tape, &scores, &[size.0]);
    slope(tape, head, &scores, &class, &sign, options)
}

/// Writes the output `scores`, and returns it in the network's type.
pub fn write_scores(tape: &mut Tape, logits: &Tensor, (batch, classes): (usize, usize)) -> Tensor {
    tape.enter("score/grad");
    let scores = tape.reshape(logits, &[batch, classes]);
    // The output has the image's type, whatever type the network computes in.
    let image = tape.image_type();
    let shown = tape.cast(&scores, image);
    tape.name_output(&shown, SCORES);
    scores
}

/// The gradient of the logit or the probability of `class` (`[N]`), times `sign`, with respect to the logits.
///
/// # Errors
/// [`Error::Graph`] if the probability is to be explained, and the scores have none.
pub fn slope(
    tape: &mut Tape,
    (logits, probabilities): &(Tensor, Probabilities),
    scores: &Tensor,
    class: &Tensor,
    sign: &Tensor,
    options: &Options,
) -> Result<Tensor> {
    let &[batch, classes] = scores.shape.as_slice() else { return Ok(scores.clone()) };
    let ids: Vec<i64> = (0..classes as i64).collect();
    let ids = tape.constant(TensorProto::from_integers("", &[1, classes], &ids));
    let column = tape.reshape(class, &[batch, 1]);
    let hit = tape.compare("Equal", &column, &ids);
    let one_hot = tape.cast(&hit, logits.dtype);
    let sign = tape.reshape(sign, &[batch, 1]);
    let signed = tape.mul(&one_hot, &sign);
    let seed = match (options.explain, probabilities) {
        (Explain::Logit, _) | (Explain::Probability, Probabilities::Scores) => {
            tape.note_seed(&signed, class, &sign);
            signed
        }
        (Explain::Probability, Probabilities::Softmax) => softmax_slope(tape, scores, &one_hot, &signed),
        (Explain::Probability, Probabilities::Sigmoid) => sigmoid_slope(tape, scores, &signed),
        (Explain::Probability, Probabilities::None) => {
            let problem = "the scores are neither logits nor probabilities, so there is no probability to explain";
            return Err(Error::Graph(format!("{problem}; use --explain logit")));
        }
    };
    Ok(tape.reshape(&seed, &logits.shape))
}

/// The classes to explain, and -1 where the opposite of one is to be explained, otherwise 1.
pub struct Target {
    pub class: Tensor,
    pub sign: Tensor,
}

/// Reads the input `target` of `shape` (`[N]`, or `[N, 1]` for several targets, whose number counts as 1 here), and
/// writes the output `class`.
pub fn target(tape: &mut Tape, scores: &Tensor, shape: &[usize]) -> Target {
    let target = Tensor { name: TARGET.into(), dtype: DataType::Int64, shape: shape.to_vec() };
    let attributes = vec![Attribute::int("axis", 1), Attribute::int("keepdims", shape.len() as i64 - 1)];
    let top = tape.emit("ArgMax", &[scores], attributes, DataType::Int64, shape.to_vec());
    // Less does not support integers before opset 9. Class ids are exact as floating-point numbers.
    let number = tape.cast(&target, scores.dtype);
    let [is_negative, is_opposite] = [0.0, -1.0].map(|bound| {
        let bound = tape.scalar(&number, bound);
        tape.compare("Less", &number, &bound)
    });
    let named = tape.where_(&is_negative, &top, &target);
    let first = tape.constant(TensorProto::from_integers("", &[], &[OPPOSITE_OF_FIRST]));
    let opposite = tape.sub(&first, &target);
    let class = tape.where_(&is_opposite, &opposite, &named);
    tape.name_output(&class, CLASS);
    let mark = tape.cast(&is_opposite, scores.dtype);
    let twice = tape.scale(&mark, -2.0);
    let one = tape.scalar(&twice, 1.0);
    Target { class, sign: tape.add(&twice, &one) }
}

/// p_k (1 - p_k) for class k, and -p_k p_i for each other class i.
fn softmax_slope(tape: &mut Tape, scores: &Tensor, one_hot: &Tensor, signed: &Tensor) -> Tensor {
    let all = tape.emit("Softmax", &[scores], vec![Attribute::int("axis", 1)], scores.dtype, scores.shape.clone());
    let own = tape.mul(&all, signed);
    let own = tape.reduce_sum(&own, &[1]);
    let hidden = tape.mul(&all, one_hot);
    let others = tape.sub(&all, &hidden);
    // 1 - p_k as the sum of the others: a difference would lose its digits.
    let rest = tape.reduce_sum(&others, &[1]);
    let rest = tape.mul(one_hot, &rest);
    let slope = tape.sub(&rest, &others);
    tape.mul(&own, &slope)
}

/// p (1 - p) = e / (1 + e)^2 for e = exp(-|score|): 1 - p would lose its digits, and runtimes cut the tail of the
/// Sigmoid.
fn sigmoid_slope(tape: &mut Tape, scores: &Tensor, signed: &Tensor) -> Tensor {
    let size = tape.unary("Abs", scores);
    let negative = tape.unary("Neg", &size);
    let e = tape.unary("Exp", &negative);
    let one = tape.scalar(&e, 1.0);
    let sum = tape.add(&e, &one);
    let square = tape.mul(&sum, &sum);
    let slope = tape.div(&e, &square);
    tape.mul(signed, &slope)
}
