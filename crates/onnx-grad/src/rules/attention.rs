//! Scaled dot-product attention as one operator. Its gradient recomputes the attention weights.

use super::linear::transposed;
use super::softmax::through_softmax;
use crate::error::Result;
use crate::onnx::{AttributeProto as Attribute, DataType, TensorProto};
use crate::tape::{Node, Tape, Tensor};

/// Added to the score of a masked pair: low enough to leave no weight, and still finite when added
/// twice.
const MASKED: f64 = -1e38;

/// Mask values up to this one hide a pair: adding them to a score in float32 leaves nothing of the score.
const HIDES: f64 = -1e6;

/// Y = P V, where P = softmax(scale Q K' + mask).
///
/// All values have the axes batch, key head, query head per key head, position and channel.
pub fn attention(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    refuse(node)?;
    let heads = AttentionHeads::of(node)?;
    let [q, k, v] = [node.input(0)?, node.input(1)?, node.input(2)?];
    let scale = scale(node, q, heads)?;
    let [queries, grad] = [heads.split(tape, node, q, true)?, heads.split(tape, node, grad, true)?];
    let [keys, values] = [heads.split(tape, node, k, false)?, heads.split(tape, node, v, false)?];
    let scaled = tape.scale(&queries, scale);
    let turned_keys = transposed(tape, &keys);
    let scores = tape.matmul(&scaled, &turned_keys);
    refuse_hidden_rows(tape, node, &scores)?;
    let scores = masked(tape, node, scores, heads)?;
    let along = vec![Attribute::int("axis", -1)];
    let weights = tape.emit("Softmax", &[&scores], along, scores.dtype, scores.shape.clone());
    let turned_values = transposed(tape, &values);
    let by_weights = tape.matmul(&grad, &turned_values);
    let by_scores = through_softmax(tape, &weights, &by_weights, scores.rank() - 1);
    let by_scores = seen(tape, node, by_scores, heads);
    let by_queries = tape.matmul(&by_scores, &keys);
    let by_queries = tape.scale(&by_queries, scale);
    let turned_scores = transposed(tape, &by_scores);
    let by_keys = tape.matmul(&turned_scores, &scaled);
    let turned_weights = transposed(tape, &weights);
    let by_values = tape.matmul(&turned_weights, &grad);
    let (batch, places) = (scores.shape[0], &scores.shape[3..]);
    let by_mask = tape.reshape(&by_scores, &[&[batch, heads.queries], places].concat());
    let by_keys = heads.join(tape, &by_keys, k);
    let by_values = heads.join(tape, &by_values, v);
    Ok(vec![Some(heads.join(tape, &by_queries, q)), Some(by_keys), Some(by_values), Some(by_mask)])
}

/// Returns an error for features that only text generation uses.
fn refuse(node: &Node) -> Result<()> {
    let given = |index: usize| node.inputs.get(index).is_some_and(Option::is_some);
    if (4..7).any(given) || node.grads.iter().skip(1).any(Option::is_some) {
        return Err(node.error("attends to the past, for which there is no gradient; export the model without a cache"));
    }
    if node.proto.float("softcap").unwrap_or(0.0) != 0.0 {
        return Err(
            node.error("caps its scores (softcap), for which there is no gradient; export the model without it")
        );
    }
    Ok(())
}

fn scale(node: &Node, q: &Tensor, heads: AttentionHeads) -> Result<f64> {
    let channels = if q.rank() == 4 { q.shape[3] } else { q.shape[2] / heads.queries };
    Ok(node.proto.float("scale").map_or_else(|| 1.0 / (channels.max(1) as f64).sqrt(), f64::from))
}

/// The number of heads. Several query heads may share one key and value head.
#[derive(Clone, Copy)]
struct AttentionHeads {
    queries: usize,
    keys: usize,
}

impl AttentionHeads {
    fn of(node: &Node) -> Result<Self> {
        let count = |x: &Tensor, name: &str| match x.shape.as_slice() {
            [_, heads, _, _] => Some(*heads),
            [_, _, _] => node.proto.int(name).and_then(|heads| usize::try_from(heads).ok()),
            _ => None,
        };
        let (queries, keys) = (count(node.input(0)?, "q_num_heads"), count(node.input(1)?, "kv_num_heads"));
        match (queries, keys) {
            (Some(queries), Some(keys)) if keys > 0 && queries > 0 && queries % keys == 0 => Ok(Self { queries, keys }),
            _ => Err(node.error("has heads that do not fit its inputs")),
        }
    }

    /// Reshapes values of the query heads or key heads to all five axes.
    fn split(self, tape: &mut Tape, node: &Node, x: &Tensor, of_queries: bool) -> Result<Tensor> {
        let shared = if of_queries { self.queries / self.keys } else { 1 };
        let split = match *x.shape.as_slice() {
            [batch, _, places, channels] => tape.reshape(x, &[batch, self.keys, shared, places, channels]),
            [batch, places, width] => {
                let channels = width / (self.keys * shared);
                let x = tape.reshape(x, &[batch, places, self.keys, shared, channels]);
                tape.transpose(&x, &[0, 2, 3, 1, 4])
            }
            _ => x.clone(),
        };
        if split.rank() == 5 { Ok(split) } else { Err(node.error("has heads that do not fit its inputs")) }
    }

    /// Reshapes a gradient with five axes to the shape of `like`, summed over the query heads that
    /// share a head of `like`.
    fn join(self, tape: &mut Tape, grad: &Tensor, like: &Tensor) -> Tensor {
        let size = |x: &Tensor| x.shape.iter().product::<usize>();
        let grad = if size(grad) == size(like) { grad.clone() } else { tape.reduce_sum(grad, &[2]) };
        let grad = if like.rank() == 3 { tape.transpose(&grad, &[0, 3, 1, 2, 4]) } else { grad };
        tape.reshape(&grad, &like.shape)
    }
}

/// Returns an error if the mask hides all keys from a query, which runtimes compute differently: as NaN, as 0, or as a
/// mean over some of the keys.
fn refuse_hidden_rows(tape: &Tape, node: &Node, scores: &Tensor) -> Result<()> {
    let Some(mask) = node.inputs.get(3).and_then(Option::as_ref) else { return Ok(()) };
    let Some(values) = tape.constant_of(mask) else {
        let problem = "has a mask of booleans that depends on the image or has over 4096 elements";
        let remedy = "export the model with a mask that is added to the scores";
        return if mask.dtype == DataType::Bool { Err(node.error(&format!("{problem}; {remedy}"))) } else { Ok(()) };
    };
    let values = values.reals()?;
    let hides = |value: f64| if mask.dtype == DataType::Bool { value == 0.0 } else { value <= HIDES };
    let causal = node.proto.int("is_causal").unwrap_or(0) != 0;
    let (queries, keys) = (scores.shape[3].max(1), scores.shape[4]);
    let sees_none = |(row, values): (usize, &[f64])| {
        let seen = if causal { row % queries + 1 } else { keys };
        values.iter().take(seen).all(|value| hides(*value))
    };
    match values.chunks(keys.max(1)).enumerate().any(sees_none) {
        true => Err(node.error(
            "hides all keys from a query, which runtimes compute differently; export the model so that every query has \
             a key",
        )),
        false => Ok(()),
    }
}

/// The gradient of the scores, 0 for queries from which a mask that the image decides hides all keys: nothing of their
/// scores is left after the mask is added.
fn seen(tape: &mut Tape, node: &Node, by_scores: Tensor, heads: AttentionHeads) -> Tensor {
    let mask = node.inputs.get(3).and_then(Option::as_ref);
    let Some(mask) = mask.filter(|mask| mask.rank() > 0 && tape.constant_of(mask).is_none()).cloned() else {
        return by_scores;
    };
    let mask = by_heads(tape, mask, heads);
    let highest = tape.reduce(&mask, "ReduceMax", &[mask.rank() - 1]);
    let limit = tape.scalar(&highest, HIDES);
    let sees = tape.compare("Greater", &highest, &limit);
    tape.keep(&sees, &by_scores)
}

/// The mask with an axis for the query heads of each key head.
fn by_heads(tape: &mut Tape, mask: Tensor, heads: AttentionHeads) -> Tensor {
    let Some(place) = mask.rank().checked_sub(3) else { return mask };
    let apart = if mask.shape[place] == 1 { [1, 1] } else { [heads.keys, heads.queries / heads.keys] };
    let shape = [&mask.shape[..place], &apart, &mask.shape[place + 1..]].concat();
    tape.reshape(&mask, &shape)
}

/// The scores with the mask and the causal mask added.
fn masked(tape: &mut Tape, node: &Node, mut scores: Tensor, heads: AttentionHeads) -> Result<Tensor> {
    if let Some(mask) = node.inputs.get(3).and_then(Option::as_ref) {
        let mut mask = mask.clone();
        if mask.dtype == DataType::Bool {
            let (zero, low) = (tape.scalar(&scores, 0.0), tape.scalar(&scores, MASKED));
            mask = tape.where_(&mask, &zero, &low);
        }
        let mask = by_heads(tape, mask, heads);
        scores = tape.add(&scores, &mask);
    }
    if node.proto.int("is_causal").unwrap_or(0) != 0 {
        let (queries, keys) = (scores.shape[3], scores.shape[4]);
        let value = |place: usize| if place % keys <= place / keys { 0.0 } else { MASKED };
        let values: Vec<f64> = (0..queries * keys).map(value).collect();
        let mask = tape.constant(TensorProto::from_reals("", scores.dtype, &[queries, keys], &values));
        scores = tape.add(&scores, &mask);
    }
    Ok(scores)
}
