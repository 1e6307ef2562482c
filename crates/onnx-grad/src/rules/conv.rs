//! Convolution and transposed convolution: with the same weights, each is the input gradient of the other.

use super::polyphase;
use super::window::{SlidingWindow, ints, spatial};
use crate::error::Result;
use crate::onnx::AttributeProto as Attribute;
use crate::tape::{Node, Tape, Tensor};
use crate::types::Variant;

/// Uses the fastest of three equivalent forms: a convolution with flipped weights at stride 1,
/// convolutions to the phases of a strided input if that is faster in the runtime, and otherwise
/// the transposed convolution, which is always correct.
pub fn conv(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let (x, weights) = (node.input(0)?, node.input(1)?);
    let windows = SlidingWindow::all(node, spatial(&weights.shape))?;
    let groups = node.proto.int("group").unwrap_or(1).max(1) as usize;
    if weights.shape[1].checked_mul(groups) != Some(x.shape[1]) || !weights.shape[0].is_multiple_of(groups) {
        return Err(node.error("has weights that do not fit its input"));
    }
    let mut result = flipped(tape, grad, weights, &windows, groups);
    // ONNX Runtime's transposed convolution is fast enough unless channels are grouped.
    if result.is_none() && (groups > 1 || tape.variant() == Variant::OpenVino) {
        result = polyphase::input_gradient(tape, grad, weights, &windows, groups, &x.shape)?;
    }
    let own = separate(tape, weights, groups);
    let by_input = result.unwrap_or_else(|| transposed(tape, grad, &own, &windows, groups));
    let mut grads = vec![Some(by_input)];
    if node.wanted.iter().skip(1).any(|wanted| *wanted) {
        grads.push(Some(by_weights(tape, x, grad, &windows, groups)));
        grads.push(Some(by_bias(tape, grad)));
    }
    Ok(grads)
}

/// The gradient of the weights of a convolution from `x` to `y`: the convolution of `x` with `y`, with strides and
/// dilations exchanged, and so batch and channels.
fn by_weights(tape: &mut Tape, x: &Tensor, y: &Tensor, windows: &[SlidingWindow], groups: usize) -> Tensor {
    let (batch, each) = (x.shape[0], x.shape[1] / groups);
    let axes = |from: usize, rank: usize| (from..rank).collect::<Vec<_>>();
    let split = tape.reshape(x, &[&[batch, groups, each], spatial(&x.shape)].concat());
    let split = tape.transpose(&split, &[[2, 1, 0].as_slice(), &axes(3, split.rank())].concat());
    let images = tape.reshape(&split, &[&[each, groups * batch], spatial(&x.shape)].concat());
    let kernels = tape.transpose(y, &[[1, 0].as_slice(), &axes(2, y.rank())].concat());
    let attributes = vec![
        ints("kernel_shape", windows.iter().map(|window| window.output)),
        ints("strides", windows.iter().map(|window| window.dilation)),
        ints("dilations", windows.iter().map(|window| window.stride)),
        ints("pads", pads(windows)),
        Attribute::int("group", groups as i64),
    ];
    let taps = windows.iter().map(|window| {
        let padded = window.begin + window.input + window.end().max(0) as usize;
        (padded - (window.output - 1) * window.stride - 1) / window.dilation + 1
    });
    let shape: Vec<usize> = [each, y.shape[1]].into_iter().chain(taps).collect();
    let all = tape.emit("Conv", &[&images, &kernels], attributes, x.dtype, shape);
    // Input left over after the last window makes more taps.
    let ends: Vec<usize> = all.shape[..2].iter().copied().chain(windows.iter().map(|window| window.kernel)).collect();
    let kept = tape.slice(&all, &vec![0; all.rank()], &ends);
    tape.transpose(&kept, &[[1, 0].as_slice(), &axes(2, kept.rank())].concat())
}

/// The sum of each channel.
fn by_bias(tape: &mut Tape, grad: &Tensor) -> Tensor {
    let axes: Vec<usize> = (0..grad.rank()).filter(|axis| *axis != 1).collect();
    let sum = tape.reduce_sum(grad, &axes);
    tape.reshape(&sum, &grad.shape[1..2])
}

/// A separate copy of the weights for OpenVINO 2025.4 if each group has as many inputs as outputs:
/// OpenVINO treats weights that both passes read as identical in both.
fn separate(tape: &mut Tape, weights: &Tensor, groups: usize) -> Tensor {
    let square = weights.shape[0] == weights.shape[1] * groups;
    match tape.constant_of(weights).filter(|_| square && tape.variant() == Variant::OpenVino).cloned() {
        Some(values) => tape.constant(values),
        None => weights.clone(),
    }
}

/// The general form, for any stride, padding, dilation and number of groups.
pub fn transposed(
    tape: &mut Tape,
    grad: &Tensor,
    weights: &Tensor,
    windows: &[SlidingWindow],
    groups: usize,
) -> Tensor {
    let left_over = windows.iter().map(|window| (-window.end()).max(0) as usize);
    let attributes = vec![
        ints("kernel_shape", windows.iter().map(|window| window.kernel)),
        ints("strides", windows.iter().map(|window| window.stride)),
        ints("dilations", windows.iter().map(|window| window.dilation)),
        ints("pads", pads(windows)),
        ints("output_padding", left_over),
        Attribute::int("group", groups as i64),
    ];
    let mut shape = vec![grad.shape[0], weights.shape[1] * groups];
    shape.extend(windows.iter().map(|window| window.input - window.skip));
    let read = tape.emit("ConvTranspose", &[grad, weights], attributes, grad.dtype, shape);
    let skipped: Vec<usize> = [0, 0].into_iter().chain(windows.iter().map(|window| window.skip)).collect();
    tape.pad(&read, &skipped, &vec![0; read.rank()])
}

/// The gradient of a transposed convolution: a convolution with the same weights.
pub fn conv_transpose(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let (x, weights) = (node.input(0)?, node.input(1)?);
    let windows = SlidingWindow::transposed(node, spatial(&weights.shape))?;
    let groups = node.proto.int("group").unwrap_or(1).max(1) as usize;
    let fits = x.shape[1] == weights.shape[0] && weights.shape[1].checked_mul(groups) == Some(grad.shape[1]);
    if !fits || !x.shape[1].is_multiple_of(groups) {
        return Err(node.error("has weights that do not fit its input"));
    }
    if windows.iter().any(|window| -window.end() >= window.stride as i64) {
        return Err(node.error("writes so far past its input that ONNX Runtime computes it wrongly"));
    }
    let attributes = vec![
        ints("kernel_shape", windows.iter().map(|window| window.kernel)),
        ints("strides", windows.iter().map(|window| window.stride)),
        ints("dilations", windows.iter().map(|window| window.dilation)),
        ints("pads", pads(&windows)),
        Attribute::int("group", groups as i64),
    ];
    let mut grads = vec![Some(tape.emit("Conv", &[grad, weights], attributes, grad.dtype, x.shape.clone()))];
    if node.wanted.iter().skip(1).any(|wanted| *wanted) {
        grads.push(Some(by_weights(tape, grad, x, &windows, groups)));
        grads.push(Some(by_bias(tape, grad)));
    }
    Ok(grads)
}

/// The padding of a convolution with these windows. Input left over after the last window is not
/// padding.
fn pads(windows: &[SlidingWindow]) -> impl Iterator<Item = usize> {
    let ends = windows.iter().map(|window| window.end().max(0) as usize);
    windows.iter().map(|window| window.begin).chain(ends)
}

/// At stride 1, the convolution of the gradient with the weights flipped in space and transposed in
/// channels, which uses the fastest kernels. Runtimes fold the flip at load time, so the file
/// stores the weights only once.
fn flipped(
    tape: &mut Tape,
    grad: &Tensor,
    weights: &Tensor,
    windows: &[SlidingWindow],
    groups: usize,
) -> Option<Tensor> {
    let begin = |window: &SlidingWindow| (window.extent() - 1).checked_sub(window.begin);
    let end = |window: &SlidingWindow| usize::try_from(window.extent() as i64 - 1 - window.end()).ok();
    let begins: Vec<usize> = windows.iter().map(begin).collect::<Option<_>>()?;
    let ends: Vec<usize> = windows.iter().map(end).collect::<Option<_>>()?;
    if windows.iter().any(|window| window.stride != 1) {
        return None;
    }
    let axes: Vec<usize> = (2..weights.rank()).collect();
    let weights = tape.flip(weights, &axes)?;
    let weights = swap_channels(tape, &weights, groups);
    let attributes = vec![
        ints("kernel_shape", windows.iter().map(|window| window.kernel)),
        ints("dilations", windows.iter().map(|window| window.dilation)),
        ints("pads", begins.into_iter().chain(ends)),
        Attribute::int("group", groups as i64),
    ];
    let mut shape = vec![grad.shape[0], weights.shape[0]];
    shape.extend(windows.iter().map(|window| window.input));
    Some(tape.emit("Conv", &[grad, &weights], attributes, grad.dtype, shape))
}

/// Weights `[out, in / groups, ...]` as `[in, out / groups, ...]`.
fn swap_channels(tape: &mut Tape, weights: &Tensor, groups: usize) -> Tensor {
    let (out, each_in) = (weights.shape[0], weights.shape[1]);
    let each_out = out / groups;
    let space = spatial(&weights.shape);
    let grouped = tape.reshape(weights, &[&[groups, each_out, each_in], space].concat());
    let swapped = match (each_out, each_in) {
        (1, _) | (_, 1) => tape.reshape(&grouped, &[&[groups, each_in, each_out], space].concat()),
        _ => tape.transpose(&grouped, &[&[0, 2, 1], (3..grouped.rank()).collect::<Vec<_>>().as_slice()].concat()),
    };
    tape.reshape(&swapped, &[&[groups * each_in, each_out], space].concat())
}
