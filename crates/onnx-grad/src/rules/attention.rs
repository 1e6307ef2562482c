//! Scaled dot-product attention as one operator.

use super::composite::{Inputs, through};
use crate::error::Result;
use crate::onnx::{AttributeProto as Attribute, DataType, TensorProto};
use crate::tape::{Node, Tape, Tensor};

/// Added to the score of a masked pair: low enough to leave no weight, and still finite when added
/// twice.
const MASKED: f64 = -1e38;

/// Mask values up to this one hide a pair: adding them to a score in float32 leaves nothing of the score.
const HIDES: f64 = -1e6;

/// Y = P V, where P = softmax(cap(scale Q K' + mask)). Keys and values continue those of the past.
///
/// All values have the axes batch, key head, query head per key head, position and channel.
pub fn attention(tape: &mut Tape, node: &Node, _: &Tensor) -> Result<Vec<Option<Tensor>>> {
    if node.inputs.get(6).is_some_and(Option::is_some) {
        return Err(
            node.error("has lengths of its keys, which runtimes compute differently; export the model with a mask")
        );
    }
    let heads = AttentionHeads::of(node)?;
    through(tape, node, |tape, inputs| {
        let input = |index: usize| inputs.get(index).cloned().flatten().ok_or_else(|| node.error("lacks an input"));
        let [q, k, v] = [input(0)?, input(1)?, input(2)?];
        let queries = heads.split(tape, node, &q, true)?;
        let queries = tape.scale(&queries, scale(node, &q, heads)?);
        let keys = continued(tape, node, heads, &k, inputs.get(4))?;
        let values = continued(tape, node, heads, &v, inputs.get(5))?;
        let turned_keys = tape.transpose(&keys, &[0, 1, 2, 4, 3]);
        let raw = tape.matmul(&queries, &turned_keys);
        refuse_hidden_rows(tape, node, &raw)?;
        let scores = masked(tape, inputs, raw.clone(), heads);
        let scores = limited(tape, node, scores);
        let capped = capped(tape, node, &scores);
        let along = vec![Attribute::int("axis", -1)];
        let weights = tape.emit("Softmax", &[&capped], along, capped.dtype, capped.shape.clone());
        let result = tape.matmul(&weights, &values);
        let shown = match node.proto.int("qk_matmul_output_mode").unwrap_or(0) {
            0 => raw,
            1 => scores,
            2 => capped,
            _ => weights,
        };
        let y = heads.join(tape, &result, node.output(0)?.rank() == 3);
        let [keys, values] = [keys, values].map(|x| tape.reshape(&x, &without(&x.shape, 2)));
        let shown = tape.reshape(&shown, &[&[shown.shape[0], heads.queries], &shown.shape[3..]].concat());
        Ok(vec![y, keys, values, shown])
    })
}

fn scale(node: &Node, q: &Tensor, heads: AttentionHeads) -> Result<f64> {
    let channels = if q.rank() == 4 { q.shape[3] } else { q.shape[2] / heads.queries };
    Ok(node.proto.float("scale").map_or_else(|| 1.0 / (channels.max(1) as f64).sqrt(), f64::from))
}

/// A shape without one of its axes.
fn without(shape: &[usize], axis: usize) -> Vec<usize> {
    [&shape[..axis], &shape[axis + 1..]].concat()
}

/// Keys or values behind those of the past, if there are any.
fn continued(
    tape: &mut Tape,
    node: &Node,
    heads: AttentionHeads,
    x: &Tensor,
    past: Option<&Option<Tensor>>,
) -> Result<Tensor> {
    let x = heads.split(tape, node, x, false)?;
    let Some(past) = past.and_then(Option::as_ref) else { return Ok(x) };
    let &[batch, count, places, channels] = past.shape.as_slice() else {
        return Err(node.error("has a past that does not fit its inputs"));
    };
    if [batch, count, channels] != [x.shape[0], x.shape[1], x.shape[4]] {
        return Err(node.error("has a past that does not fit its inputs"));
    }
    let past = tape.reshape(past, &[batch, count, 1, places, channels]);
    Ok(tape.concat(&[past, x], 3))
}

/// c tanh(scores / c).
fn capped(tape: &mut Tape, node: &Node, scores: &Tensor) -> Tensor {
    let cap = f64::from(node.proto.float("softcap").unwrap_or(0.0));
    if cap == 0.0 {
        return scores.clone();
    }
    let share = tape.scale(scores, 1.0 / cap);
    let share = tape.unary("Tanh", &share);
    tape.scale(&share, cap)
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
                if x.rank() == 5 { tape.transpose(&x, &[0, 2, 3, 1, 4]) } else { x }
            }
            _ => x.clone(),
        };
        if split.rank() == 5 { Ok(split) } else { Err(node.error("has heads that do not fit its inputs")) }
    }

    /// Joins the heads of a result: into one axis of heads, or of channels if the result has three axes.
    fn join(self, tape: &mut Tape, x: &Tensor, three_axes: bool) -> Tensor {
        let [batch, places, channels] = [0, 3, 4].map(|axis| x.shape[axis]);
        if three_axes {
            let x = tape.transpose(x, &[0, 3, 1, 2, 4]);
            return tape.reshape(&x, &[batch, places, self.queries * channels]);
        }
        tape.reshape(x, &[batch, self.queries, places, channels])
    }
}

/// The number of positions of the past.
fn past_length(node: &Node) -> usize {
    node.inputs.get(4).and_then(Option::as_ref).and_then(|past| past.shape.get(2).copied()).unwrap_or(0)
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
        let seen = if causal { past_length(node) + row % queries + 1 } else { keys };
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

/// The mask with an axis for the query heads of each key head.
fn by_heads(tape: &mut Tape, mask: Tensor, heads: AttentionHeads) -> Tensor {
    let Some(place) = mask.rank().checked_sub(3) else { return mask };
    let apart = if mask.shape[place] == 1 { [1, 1] } else { [heads.keys, heads.queries / heads.keys] };
    let shape = [&mask.shape[..place], &apart, &mask.shape[place + 1..]].concat();
    tape.reshape(&mask, &shape)
}

/// The scores with the mask added. Nothing is left of the scores of a query from which a mask that the image decides
/// hides all keys.
fn masked(tape: &mut Tape, inputs: &Inputs, mut scores: Tensor, heads: AttentionHeads) -> Tensor {
    let Some(mut mask) = inputs.get(3).cloned().flatten() else { return scores };
    let is_decided = mask.dtype.is_float() && mask.rank() > 0 && tape.constant_of(&mask).is_none();
    if mask.dtype == DataType::Bool {
        let (zero, low) = (tape.scalar(&scores, 0.0), tape.scalar(&scores, MASKED));
        mask = tape.where_(&mask, &zero, &low);
    }
    let mut mask = by_heads(tape, mask, heads);
    if is_decided {
        let highest = tape.reduce(&mask, "ReduceMax", &[mask.rank() - 1]);
        let (limit, zero) = (tape.scalar(&highest, HIDES), tape.scalar(&scores, 0.0));
        let sees = tape.compare("Greater", &highest, &limit);
        scores = tape.where_(&sees, &scores, &zero);
        mask = tape.where_(&sees, &mask, &zero);
    }
    tape.add(&scores, &mask)
}

/// The scores without pairs in which the key comes after the query, if the attention is causal.
fn limited(tape: &mut Tape, node: &Node, mut scores: Tensor) -> Tensor {
    let (queries, keys) = (scores.shape[3], scores.shape[4]);
    if node.proto.int("is_causal").unwrap_or(0) != 0 {
        let past = past_length(node);
        let value = |place: usize| if place % keys <= past + place / keys { 0.0 } else { MASKED };
        let values: Vec<f64> = (0..queries * keys).map(value).collect();
        let mask = tape.constant(TensorProto::from_reals("", scores.dtype, &[queries, keys], &values));
        scores = tape.add(&scores, &mask);
    }
    scores
}
