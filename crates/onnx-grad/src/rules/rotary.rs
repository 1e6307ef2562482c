//! Rotary position embedding.

use super::composite::{Inputs, through};
use crate::error::Result;
use crate::onnx::AttributeProto as Attribute;
use crate::tape::{Node, Tape, Tensor};

/// Pairs of channels are rotated by angles whose cosines and sines are inputs.
pub fn embedding(tape: &mut Tape, node: &Node, _: &Tensor) -> Result<Vec<Option<Tensor>>> {
    through(tape, node, |tape, inputs| {
        let x = inputs.first().cloned().flatten().ok_or_else(|| node.error("lacks input 0"))?;
        let places = by_places(tape, node, &x)?;
        let channels = places.shape[3];
        let rotated = match node.proto.int("rotary_embedding_dim").unwrap_or(0) {
            0 => channels,
            given => usize::try_from(given).unwrap_or(0).min(channels),
        };
        let angles = angles(tape, node, inputs, rotated)?;
        let mut parts = match channels - rotated {
            0 => vec![places],
            rest => tape.split(&places, 3, &[rotated, rest]),
        };
        let pairs = node.proto.int("interleaved").unwrap_or(0) != 0;
        parts[0] = turned(tape, &parts[0], &angles, pairs);
        let whole = if parts.len() == 1 { parts.remove(0) } else { tape.concat(&parts, 3) };
        let result = if x.rank() == 4 { tape.transpose(&whole, &[0, 2, 1, 3]) } else { whole };
        Ok(vec![tape.reshape(&result, &x.shape)])
    })
}

/// The input with the axes batch, position, head and channel.
fn by_places(tape: &mut Tape, node: &Node, x: &Tensor) -> Result<Tensor> {
    let heads = node.proto.int("num_heads").and_then(|heads| usize::try_from(heads).ok()).unwrap_or(0);
    match *x.shape.as_slice() {
        [_, _, _, _] => Ok(tape.transpose(x, &[0, 2, 1, 3])),
        [batch, count, width] if heads > 0 && width % heads == 0 => {
            Ok(tape.reshape(x, &[batch, count, heads, width / heads]))
        }
        _ => Err(node.error("has heads that do not fit its input")),
    }
}

/// Cosines and sines of all positions, for half of the `rotated` channels.
fn angles(tape: &mut Tape, node: &Node, inputs: &Inputs, rotated: usize) -> Result<[Tensor; 2]> {
    let [cosines, sines] = [1, 2].map(|index| inputs.get(index).cloned().flatten());
    let (Some(cosines), Some(sines)) = (cosines, sines) else { return Err(node.error("lacks an input")) };
    let angles = [cosines, sines].map(|table| match inputs.get(3).and_then(Option::as_ref) {
        Some(ids) => {
            let shape = [ids.shape.as_slice(), table.shape.get(1..).unwrap_or_default()].concat();
            tape.emit("Gather", &[&table, ids], vec![Attribute::int("axis", 0)], table.dtype, shape)
        }
        None => table,
    });
    let half = rotated / 2;
    if !rotated.is_multiple_of(2) || angles.iter().any(|angle| angle.rank() != 3 || angle.shape[2] != half) {
        return Err(node.error("has angles that do not fit its input"));
    }
    Ok(angles.map(|angle| {
        let shape = [angle.shape[0], angle.shape[1], 1, half];
        tape.reshape(&angle, &shape)
    }))
}

/// The channels rotated. Pairs are neighbours, or else a channel of the first half and one of the second.
fn turned(tape: &mut Tape, x: &Tensor, [cosines, sines]: &[Tensor; 2], pairs: bool) -> Tensor {
    let [batch, count, heads, channels] = [0, 1, 2, 3].map(|axis| x.shape[axis]);
    let half = channels / 2;
    let (split, single, axis) = match pairs {
        true => ([batch, count, heads, half, 2], [batch, count, heads, half, 1], 4),
        false => ([batch, count, heads, 2, half], [batch, count, heads, 1, half], 3),
    };
    let split = tape.reshape(x, &split);
    let halves = tape.split(&split, axis, &[1, 1]);
    let [a, b] = [0, 1].map(|index| tape.reshape(&halves[index], &[batch, count, heads, half]));
    let (a_cos, b_sin) = (tape.mul(&a, cosines), tape.mul(&b, sines));
    let (a_sin, b_cos) = (tape.mul(&a, sines), tape.mul(&b, cosines));
    let joined = [tape.sub(&a_cos, &b_sin), tape.add(&a_sin, &b_cos)].map(|part| tape.reshape(&part, &single));
    let joined = tape.concat(&joined, axis);
    tape.reshape(&joined, &x.shape)
}
