//! The input gradient of a strided convolution by phases. Every `stride`-th input belongs to the
//! same phase, and the gradient of each phase is an ordinary convolution of the output's gradient.
//! DepthToSpace interleaves the phases.

use super::window::{SlidingWindow, grid, ints, product, spatial};
use crate::error::Result;
use crate::onnx::{AttributeProto as Attribute, TensorProto};
use crate::tape::{Tape, Tensor};

/// The largest allowed ratio of the weights of all phases to the original weights. In real networks
/// the ratio is small; beyond this limit, nearly all weights would be zeros.
const MAX_WEIGHT_GROWTH: usize = 16;

/// The number of channels in one SIMD register.
const LANES: usize = 16;

/// The gradient of an input of `shape`. `None` if the weights are not part of the model, or if
/// nearly all weights of the phases would be zeros.
///
/// One convolution per phase never multiplies by zero. A single convolution that computes all
/// phases as its channels is faster only if a phase has too few channels, as in an image. It is not
/// used with groups, because runtimes have fast kernels only for groups with as many outputs as
/// inputs.
pub fn input_gradient(
    tape: &mut Tape,
    grad: &Tensor,
    weights: &Tensor,
    windows: &[SlidingWindow],
    groups: usize,
    shape: &[usize],
) -> Result<Option<Tensor>> {
    let Some(values) = tape.constant_of(weights) else { return Ok(None) };
    let values = values.reals()?;
    let strides: Vec<usize> = windows.iter().map(|window| window.stride).collect();
    if product(&strides) > MAX_WEIGHT_GROWTH.saturating_mul(product(spatial(&weights.shape))) {
        return Ok(None);
    }
    let all = StridePhases { values: &values, shape: &weights.shape, windows, groups };
    match groups == 1 && (shape[1] < LANES || all.first_is_all()) {
        true => together(tape, grad, &all, &strides, shape),
        false => apart(tape, grad, &all, &strides, shape),
    }
}

fn together(
    tape: &mut Tape,
    grad: &Tensor,
    all: &StridePhases,
    strides: &[usize],
    shape: &[usize],
) -> Result<Option<Tensor>> {
    let Some(reach) = all.reach(|_, _| true) else { return Ok(None) };
    let taps: usize = reach.iter().map(|reach| reach.taps).product();
    if product(strides).saturating_mul(taps) > MAX_WEIGHT_GROWTH.saturating_mul(product(spatial(all.shape))) {
        return Ok(None);
    }
    let mut phases = grid(strides);
    let count = phases.len();
    if all.first_is_all() {
        phases.truncate(1);
    }
    let weights: Vec<f64> = phases.iter().flat_map(|phase| all.weights(phase, &reach)).collect();
    let made = all.convolution(tape, grad, &weights, &reach, phases.len() * shape[1]);
    let mut missing = vec![0; made.rank()];
    missing[1] = (count - phases.len()) * shape[1];
    let made = tape.pad(&made, &vec![0; made.rank()], &missing);
    Ok(Some(tape.interleave(&made, strides, shape)))
}

fn apart(
    tape: &mut Tape,
    grad: &Tensor,
    all: &StridePhases,
    strides: &[usize],
    shape: &[usize],
) -> Result<Option<Tensor>> {
    let phases = grid(strides);
    let reaches = phases.iter().map(|phase| all.reach(|axis, found| phase[axis] == found));
    let Some(reaches) = reaches.collect::<Option<Vec<_>>>() else { return Ok(None) };
    let mut made = Vec::new();
    for (phase, reach) in phases.iter().zip(&reaches) {
        let is_read = reach.iter().all(|reach| reach.taps > 0);
        made.push(is_read.then(|| all.convolution(tape, grad, &all.weights(phase, reach), reach, shape[1])));
    }
    let Some(like) = made.iter().flatten().next().cloned() else { return Ok(None) };
    let made: Vec<Tensor> = made.into_iter().map(|phase| phase.unwrap_or_else(|| tape.zeros(&like))).collect();
    Ok(Some(tape.from_phases(&made, strides, shape)))
}

/// The outputs that the inputs of one or more phases need along one axis: `taps` outputs, starting
/// `first` positions ahead.
struct TapReach {
    first: i64,
    taps: usize,
    begin: usize,
    end: usize,
}

/// A convolution, viewed by the phases of its input.
struct StridePhases<'a> {
    /// The weights `[out, in / groups, ...]`.
    values: &'a [f64],
    shape: &'a [usize],
    windows: &'a [SlidingWindow],
    groups: usize,
}

impl StridePhases<'_> {
    /// Whether all phases but the first are zeros.
    fn first_is_all(&self) -> bool {
        self.windows.iter().all(|window| window.kernel == 1 && window.phase(0).0 == 0)
    }

    /// The reach along each axis of the phases selected by `wanted` (axis, phase). `None` if a
    /// convolution over them would need negative padding.
    fn reach(&self, wanted: impl Fn(usize, usize) -> bool) -> Option<Vec<TapReach>> {
        let along = |(axis, window): (usize, &SlidingWindow)| {
            let read = (0..window.kernel).map(|tap| window.phase(tap));
            let shifts: Vec<i64> = read.filter(|(phase, _)| wanted(axis, *phase)).map(|(_, shift)| shift).collect();
            let (Some(first), Some(last)) = (shifts.iter().min(), shifts.iter().max()) else {
                return Some(TapReach { first: 0, taps: 0, begin: 0, end: 0 });
            };
            let end = window.phase_length() as i64 + last - window.output as i64;
            Some(TapReach {
                first: *first,
                taps: (last - first + 1) as usize,
                begin: usize::try_from(-first).ok()?,
                end: usize::try_from(end).ok()?,
            })
        };
        self.windows.iter().enumerate().map(along).collect()
    }

    fn phase_size(&self) -> Vec<usize> {
        self.windows.iter().map(SlidingWindow::phase_length).collect()
    }

    /// The weights of one phase, `[in, out / groups, ...]`, over `reach`.
    fn weights(&self, phase: &[usize], reach: &[TapReach]) -> Vec<f64> {
        let (outs, each_in) = (self.shape[0], self.shape[1]);
        let each_out = outs / self.groups;
        let taps: Vec<usize> = self.windows.iter().map(|window| window.kernel).collect();
        let (count, size) = (product(&taps), reach.iter().map(|reach| reach.taps).product::<usize>());
        let mut result = vec![0.0; self.groups * each_in * each_out * size];
        for (tap, place) in grid(&taps).into_iter().enumerate() {
            let Some(to) = self.place(&place, phase, reach) else { continue };
            for (out, channel) in (0..outs).flat_map(|out| (0..each_in).map(move |channel| (out, channel))) {
                let value = self.values[(out * each_in + channel) * count + tap];
                let input = out / each_out * each_in + channel;
                result[(input * each_out + out % each_out) * size + to] += value;
            }
        }
        result
    }

    /// The index of the tap at `place` among the taps of the phase, or `None` if it reads another
    /// phase.
    fn place(&self, place: &[usize], phase: &[usize], reach: &[TapReach]) -> Option<usize> {
        let mut to = 0;
        for (((window, reach), tap), phase) in self.windows.iter().zip(reach).zip(place).zip(phase) {
            let (found, shift) = window.phase(*tap);
            if found != *phase {
                return None;
            }
            to = to * reach.taps + (shift - reach.first) as usize;
        }
        Some(to)
    }

    /// The convolution of `grad` with `weights` to `channels` channels.
    fn convolution(
        &self,
        tape: &mut Tape,
        grad: &Tensor,
        weights: &[f64],
        reach: &[TapReach],
        channels: usize,
    ) -> Tensor {
        let kernel: Vec<usize> = reach.iter().map(|reach| reach.taps).collect();
        let size = [&[channels, self.shape[0] / self.groups], kernel.as_slice()].concat();
        let weights = tape.constant(TensorProto::from_reals("", grad.dtype, &size, weights));
        let attributes = vec![
            ints("kernel_shape", kernel.into_iter()),
            ints("pads", reach.iter().map(|reach| reach.begin).chain(reach.iter().map(|reach| reach.end))),
            Attribute::int("group", self.groups as i64),
        ];
        let made = [&[grad.shape[0], channels], self.phase_size().as_slice()].concat();
        tape.emit("Conv", &[grad, &weights], attributes, grad.dtype, made)
    }
}
