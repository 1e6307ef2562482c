//! Pooling.

use super::super::tape::{Node, Tape, Tensor};
use super::conv;
use super::window::{Window, grid, spatial};
use crate::Result;
use crate::onnx::TensorProto;

/// The gradient of each window goes to every element that equals the window's maximum.
///
/// Inputs are split into phases, one for each remainder of their place by the stride. A tap of the window then pairs each
/// input of one phase with one output, a fixed shift apart, so that slices, comparisons and sums do it all: ScatterElements
/// runs in a reference kernel in OpenVINO.
pub fn max(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let (x, y) = (node.input(0)?, node.output(0)?);
    let windows = Window::all(node, &kernel(node)?)?;
    let strides: Vec<usize> = windows.iter().map(|window| window.stride).collect();
    let phases = tape.to_phases(x, &strides);
    let mut sums: Vec<Option<Tensor>> = vec![None; phases.len()];
    let mut shifted = std::collections::HashMap::new();
    for taps in grid(&windows.iter().map(|window| window.kernel).collect::<Vec<_>>()) {
        let places: Vec<(usize, i64)> = windows.iter().zip(&taps).map(|(window, tap)| window.phase(*tap)).collect();
        let phase = places.iter().zip(&strides).fold(0, |index, ((phase, _), stride)| index * stride + phase);
        let shifts: Vec<i64> = places.iter().map(|(_, shift)| *shift).collect();
        let (maximum, arriving) = shifted
            .entry(shifts.clone())
            .or_insert_with(|| (shift(tape, y, &windows, &shifts), shift(tape, grad, &windows, &shifts)))
            .clone();
        let hit = tape.equal(&phases[phase], &maximum);
        let part = tape.keep(&hit, &arriving);
        sums[phase] = Some(match sums[phase].take() {
            Some(sum) => tape.add(&sum, &part),
            None => part,
        });
    }
    let sums: Vec<Tensor> = sums.into_iter().map(|sum| sum.unwrap_or_else(|| tape.zeros(&phases[0]))).collect();
    Ok(vec![Some(tape.from_phases(&sums, &strides, &x.shape))])
}

/// `t` on the grid of a phase: place `u` holds the output `u + shift`, and 0 where there is none.
fn shift(tape: &mut Tape, t: &Tensor, windows: &[Window], shifts: &[i64]) -> Tensor {
    let (mut starts, mut ends) = (vec![0; 2], t.shape[..2].to_vec());
    let (mut before, mut after) = (vec![0; 2], vec![0; 2]);
    for (window, shift) in windows.iter().zip(shifts) {
        let (length, outputs) = (window.phase_length() as i64, window.output as i64);
        let (from, to) = (*shift, *shift + length);
        let (start, end) = (from.clamp(0, outputs), to.clamp(0, outputs));
        starts.push(start as usize);
        ends.push(end as usize);
        before.push((start - from).clamp(0, length) as usize);
        after.push(length as usize - (start - from).clamp(0, length) as usize - (end - start) as usize);
    }
    let kept = tape.slice(t, &starts, &ends);
    tape.pad(&kept, &before, &after)
}

/// Each output's gradient spread evenly over the inputs that its window counted.
pub fn average(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let x = node.input(0)?;
    let windows = Window::all(node, &kernel(node)?)?;
    let share: Vec<f64> = shares(node, &windows);
    let shape = [&[1, 1], spatial(&grad.shape)].concat();
    let share = tape.constant(TensorProto::from_reals("", grad.dtype, &shape, &share));
    let spread = tape.mul(grad, &share);
    Ok(vec![Some(sum_of_windows(tape, &spread, &windows, x))])
}

/// For each element of `x`, the sum of the values of all windows that read it.
pub fn sum_of_windows(tape: &mut Tape, values: &Tensor, windows: &[Window], x: &Tensor) -> Tensor {
    // Every channel is a picture of its own, so that one window of ones serves all.
    let single = |shape: &[usize]| [&[shape[0] * shape[1], 1], spatial(shape)].concat();
    let values = tape.reshape(values, &single(&values.shape));
    let kernel: Vec<usize> = windows.iter().map(|window| window.kernel).collect();
    let ones = vec![1.0; kernel.iter().product()];
    let ones = tape.constant(TensorProto::from_reals("", values.dtype, &[&[1, 1], kernel.as_slice()].concat(), &ones));
    let result = conv::transposed(tape, &values, &ones, windows, 1);
    tape.reshape(&result, &x.shape)
}

/// One over the number of inputs that each window counts.
fn shares(node: &Node, windows: &[Window]) -> Vec<f64> {
    let pads = node.proto.ints("pads").unwrap_or_default();
    let counts_padding = node.proto.int("count_include_pad").unwrap_or(0) != 0;
    let count = |axis: usize, output: usize| {
        let window = &windows[axis];
        let padding = pads.get(windows.len() + axis).copied().unwrap_or_else(|| window.end()).max(0) as usize;
        let behind = window.begin + window.input + padding;
        let counted = |tap: &usize| match counts_padding {
            true => output * window.stride + tap * window.dilation < behind,
            false => window.reads(output, *tap).is_some(),
        };
        (0..window.kernel).filter(counted).count()
    };
    let outputs: Vec<usize> = windows.iter().map(|window| window.output).collect();
    let total =
        |place: Vec<usize>| place.iter().enumerate().map(|(axis, output)| count(axis, *output)).product::<usize>();
    grid(&outputs).into_iter().map(|place| 1.0 / total(place).max(1) as f64).collect()
}

/// The window's size along each spatial axis.
pub fn kernel(node: &Node) -> Result<Vec<usize>> {
    let sizes = node.proto.ints("kernel_shape").unwrap_or_default();
    let sizes: Option<Vec<usize>> = sizes.iter().map(|size| usize::try_from(*size).ok()).collect();
    sizes.ok_or_else(|| node.error("has a negative kernel_shape"))
}

pub fn global_average(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let shape = &node.input(0)?.shape;
    let count: usize = spatial(shape).iter().product();
    let share = tape.scale(grad, 1.0 / count as f64);
    Ok(vec![Some(tape.expand(&share, shape))])
}

/// Every element that equals its channel's maximum gets the gradient, as [`max`] has it.
pub fn global_max(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let hit = tape.equal(node.input(0)?, node.output(0)?);
    Ok(vec![Some(tape.keep(&hit, grad))])
}
