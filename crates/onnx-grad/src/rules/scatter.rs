//! Operators that write updates into data at positions that are given by indices.

use super::axis;
use crate::error::Result;
use crate::onnx::{AttributeProto as Attribute, TensorProto};
use crate::tape::{Node, Tape, Tensor};

/// A scattering operator, and the operator that reads at the same positions.
struct Scatter<'a> {
    writing: &'a str,
    reading: &'a str,
    axis: Vec<Attribute>,
    indices: Tensor,
    data: Tensor,
    updates: Tensor,
}

pub fn scatter_nd(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    Scatter::of(node, "ScatterND", "GatherND", vec![])?.backward(tape, node, grad)
}

pub fn scatter_elements(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let along = Attribute::int("axis", node.proto.int("axis").unwrap_or(0));
    Scatter::of(node, "ScatterElements", "GatherElements", vec![along])?.backward(tape, node, grad)
}

/// The predecessor of ScatterElements. Its opsets have no GatherElements, so the updates' gradient is read from the flat
/// gradient.
pub fn scatter(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let (x, places, updates) = (node.input(0)?, node.input(1)?, node.input(2)?);
    let along = axis(node, node.proto.int("axis").unwrap_or(0), x.rank())?;
    let indices = tape.integers_of(places);
    let indices = indices
        .ok_or_else(|| node.error("has indices that depend on the picture; export the model with opset 11 or later"))?;
    if updates.rank() != x.rank() || indices.len() != updates.shape.iter().product::<usize>() {
        return Err(node.error("has indices that do not fit its input"));
    }
    let flat_place = |(update, index): (usize, &i64)| -> Result<i64> {
        let (mut rest, mut place, mut stride) = (update, 0, 1);
        for at in (0..x.rank()).rev() {
            let here = if at == along { axis(node, *index, x.shape[at])? } else { rest % updates.shape[at] };
            rest /= updates.shape[at];
            place += here * stride;
            stride *= x.shape[at];
        }
        Ok(place as i64)
    };
    let table = indices.iter().enumerate().map(flat_place).collect::<Result<Vec<_>>>()?;
    let table = tape.constant(TensorProto::from_integers("", &updates.shape, &table));
    let flat = tape.reshape(grad, &[grad.shape.iter().product()]);
    let by_updates =
        tape.emit("Gather", &[&flat, &table], vec![Attribute::int("axis", 0)], grad.dtype, updates.shape.clone());
    let zeros = tape.zeros(updates);
    let by_data =
        tape.emit("Scatter", &[grad, places, &zeros], node.proto.attribute.clone(), grad.dtype, grad.shape.clone());
    Ok(vec![Some(by_data), None, Some(by_updates)])
}

impl<'a> Scatter<'a> {
    fn of(node: &Node, writing: &'a str, reading: &'a str, axis: Vec<Attribute>) -> Result<Self> {
        let [data, indices, updates] = [0, 1, 2].map(|index| node.input(index).cloned());
        Ok(Self { writing, reading, axis, data: data?, indices: indices?, updates: updates? })
    }

    /// What is in `x` at the positions of the updates.
    fn read(&self, tape: &mut Tape, x: &Tensor) -> Tensor {
        tape.emit(self.reading, &[x, &self.indices], self.axis.clone(), x.dtype, self.updates.shape.clone())
    }

    /// `x` with `updates` written into it.
    fn write(&self, tape: &mut Tape, x: &Tensor, updates: &Tensor, reduction: Option<&str>) -> Tensor {
        let reduction = reduction.map(|name| Attribute::text("reduction", name));
        let attributes = self.axis.iter().cloned().chain(reduction).collect();
        tape.emit(self.writing, &[x, &self.indices, updates], attributes, x.dtype, x.shape.clone())
    }

    fn backward(&self, tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
        let [by_data, by_updates] = match node.proto.text("reduction").unwrap_or("none") {
            "none" => {
                let zeros = tape.zeros(&self.updates);
                [self.write(tape, grad, &zeros, None), self.read(tape, grad)]
            }
            "add" => [grad.clone(), self.read(tape, grad)],
            "mul" => self.by_products(tape, grad),
            "max" | "min" => self.by_extrema(tape, node.output(0)?, grad),
            other => return Err(node.error(&format!("combines values with {other}, for which there is no gradient"))),
        };
        Ok(vec![Some(by_data), None, Some(by_updates)])
    }

    /// Elements that equal the result share its gradient.
    fn by_extrema(&self, tape: &mut Tape, y: &Tensor, grad: &Tensor) -> [Tensor; 2] {
        let of_updates = self.read(tape, y);
        let [data_hit, updates_hit] = [(&self.data, y), (&self.updates, &of_updates)].map(|(x, y)| {
            let hit = tape.equal(x, y);
            tape.cast(&hit, grad.dtype)
        });
        let count = self.write(tape, &data_hit, &updates_hit, Some("add"));
        let share = tape.div(grad, &count);
        let of_updates = self.read(tape, &share);
        [tape.mul(&share, &data_hit), tape.mul(&of_updates, &updates_hit)]
    }

    /// Each factor's gradient is the result's times the product of the other factors, of which none may be 0.
    fn by_products(&self, tape: &mut Tape, grad: &Tensor) -> [Tensor; 2] {
        let zero = tape.scalar(grad, 0.0);
        let one = tape.scalar(grad, 1.0);
        let [(data_none, data), (updates_none, updates)] = [&self.data, &self.updates].map(|x| {
            let none = tape.equal(x, &zero);
            (tape.cast(&none, grad.dtype), tape.where_(&none, &one, x))
        });
        let product = self.write(tape, &data, &updates, Some("mul"));
        let zeros = self.write(tape, &data_none, &updates_none, Some("add"));
        let half = tape.scalar(grad, 0.5);
        let whole = tape.mul(grad, &product);
        let [of_updates, zeros_of_updates] = [&whole, &zeros].map(|x| self.read(tape, x));
        let factors = [(whole, zeros, data_none, data), (of_updates, zeros_of_updates, updates_none, updates)];
        factors.map(|(whole, zeros, own, filled)| {
            let others = tape.sub(&zeros, &own);
            let alone = tape.compare("Less", &others, &half);
            let slope = tape.div(&whole, &filled);
            tape.keep(&alone, &slope)
        })
    }
}
