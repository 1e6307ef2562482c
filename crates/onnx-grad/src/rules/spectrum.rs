//! Fourier transforms, as products with a matrix.

use std::f64::consts::TAU;

use super::composite::through;
use super::{along_axis, argument, axis};
use crate::error::Result;
use crate::onnx::{AttributeProto as Attribute, TensorProto};
use crate::tape::{Node, Tape, Tensor};

/// A transform of values, padded or cut to `length`, to `bins` frequencies.
struct Transform {
    length: usize,
    bins: usize,
    inverse: bool,
}

impl Transform {
    /// The matrix from real numbers, or from real and imaginary parts, to real and imaginary parts.
    fn matrix(&self, size: usize, parts: usize) -> Vec<f64> {
        let (sign, scale) = if self.inverse { (1.0, 1.0 / self.length as f64) } else { (-1.0, 1.0) };
        let entry = |place: usize| {
            let (from, to) = (place / (2 * self.bins), place % (2 * self.bins));
            let (at, imaginary) = (from / parts, from % parts == 1);
            if at >= self.length {
                return 0.0;
            }
            // The product is reduced first, because large angles lose their last digits.
            let angle = sign * TAU * ((to / 2 * at) % self.length) as f64 / self.length as f64;
            scale
                * match (imaginary, to % 2 == 1) {
                    (false, false) | (true, true) => angle.cos(),
                    (false, true) => angle.sin(),
                    (true, false) => -angle.sin(),
                }
        };
        (0..size * parts * 2 * self.bins).map(entry).collect()
    }

    /// Transforms the second to last axis of `x`; the last one has the real and imaginary parts.
    fn of(&self, tape: &mut Tape, node: &Node, x: &Tensor) -> Result<Tensor> {
        let (outer, inner) = x.shape.split_at(x.rank() - 2);
        let (size, parts) = (inner[0], inner[1]);
        along_axis::check_size(node, size * parts, 2 * self.bins)?;
        let matrix = self.matrix(size, parts);
        let matrix = tape.constant(TensorProto::from_reals("", x.dtype, &[size * parts, 2 * self.bins], &matrix));
        let rows = tape.reshape(x, &[outer.iter().product(), size * parts]);
        let result = tape.matmul(&rows, &matrix);
        Ok(tape.reshape(&result, &[outer, &[self.bins, 2]].concat()))
    }
}

/// Whether `x` has real numbers, or real and imaginary parts, behind other axes.
fn is_complex_or_real(x: &Tensor) -> bool {
    x.rank() >= 2 && matches!(x.shape[x.rank() - 1], 1 | 2)
}

pub fn fourier(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let x = node.input(0)?;
    let flag = |name: &str| node.proto.int(name).unwrap_or(0) != 0;
    if flag("inverse") && flag("onesided") {
        return Err(node.error("is the inverse of half a spectrum, for which there is no gradient"));
    }
    let default = if tape.opset() < 20 { 1 } else { -2 };
    let given = if tape.opset() < 20 { None } else { argument(tape, node, 2, "axis")? };
    let along = given.and_then(|axes| axes.first().copied()).or(node.proto.int("axis")).unwrap_or(default);
    let along = axis(node, along, x.rank())?;
    let length = argument(tape, node, 1, "dft_length")?.and_then(|length| length.first().copied());
    let length = length.map_or(Some(x.shape[along]), |length| usize::try_from(length).ok());
    let fits = is_complex_or_real(x) && along + 1 < x.rank() && grad.rank() == x.rank();
    let (Some(length), true) = (length.filter(|length| *length > 0), fits) else {
        return Err(node.error("has a length or an axis that does not fit its input"));
    };
    let transform = Transform { length, bins: grad.shape[along], inverse: flag("inverse") };
    through(tape, node, |tape, inputs| {
        let x = inputs.first().cloned().flatten().ok_or_else(|| node.error("lacks input 0"))?;
        let mut order: Vec<usize> = (0..x.rank()).collect();
        order.swap(along, x.rank() - 2);
        let turned = tape.transpose(&x, &order);
        let result = transform.of(tape, node, &turned)?;
        Ok(vec![tape.transpose(&result, &order)])
    })
}

/// Transforms of overlapping frames, times a window.
pub fn short_time_fourier(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let x = node.input(0)?;
    let number = |index: usize, name: &str| -> Result<Option<usize>> {
        let values = argument(tape, node, index, name)?.unwrap_or_default();
        Ok(values.first().and_then(|value| usize::try_from(*value).ok()).filter(|value| *value > 0))
    };
    let window = node.inputs.get(2).and_then(Option::as_ref);
    let length = number(3, "frame_length")?.or_else(|| window.and_then(|window| window.shape.first().copied()));
    let (Some(step), Some(length), 3, &[_, frames, bins, 2]) =
        (number(1, "frame_step")?, length, x.rank(), grad.shape.as_slice())
    else {
        return Err(node.error("has frames that do not fit its input"));
    };
    let reach = frames.saturating_sub(1).checked_mul(step).and_then(|start| start.checked_add(length));
    if !is_complex_or_real(x) || reach.is_none_or(|reach| reach > x.shape[1]) {
        return Err(node.error("has frames that do not fit its input"));
    }
    along_axis::check_size(node, frames, length)?;
    through(tape, node, |tape, inputs| {
        let x = inputs.first().cloned().flatten().ok_or_else(|| node.error("lacks input 0"))?;
        let places: Vec<i64> = (0..frames * length).map(|at| (at / length * step + at % length) as i64).collect();
        let places = tape.constant(TensorProto::from_integers("", &[frames, length], &places));
        let shape = vec![x.shape[0], frames, length, x.shape[2]];
        let mut cut = tape.emit("Gather", &[&x, &places], vec![Attribute::int("axis", 1)], x.dtype, shape);
        if let Some(window) = inputs.get(2).and_then(Option::as_ref) {
            let window = tape.reshape(window, &[length, 1]);
            cut = tape.mul(&cut, &window);
        }
        Ok(vec![Transform { length, bins, inverse: false }.of(tape, node, &cut)?])
    })
}
