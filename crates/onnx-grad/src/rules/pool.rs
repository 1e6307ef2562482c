//! Pooling.

use super::conv;
use super::window::{SlidingWindow, grid, product, spatial};
use crate::error::Result;
use crate::normal_form::pool_shapes::is_doubtful;
use crate::onnx::TensorProto;
use crate::tape::{Node, Tape, Tensor};

/// The gradient of each window goes to the first element that equals the window's maximum.
///
/// Inputs are split into phases, one per remainder of their position modulo the stride. Each tap of
/// the window then pairs a block of outputs with a block of one phase, so slices, comparisons and
/// sums are sufficient. ScatterElements would run in a slow reference kernel in OpenVINO. The
/// gradient that a tap passes on is subtracted from the gradient left for the taps after it.
pub fn max(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let (x, y) = (node.input(0)?, settled(tape, node, node.output(0)?));
    let windows: Vec<SlidingWindow> =
        SlidingWindow::all(node, &kernel(node)?)?.into_iter().map(SlidingWindow::within).collect();
    let strides: Vec<usize> = windows.iter().map(|window| window.stride).collect();
    if product(&strides) > product(spatial(&x.shape)) {
        return Err(node.error("has strides that reach past its input"));
    }
    let phases = tape.to_phases(x, &strides);
    let mut sums: Vec<Option<Tensor>> = vec![None; phases.len()];
    let mut left = grad.clone();
    for taps in grid(&windows.iter().map(|window| window.kernel).collect::<Vec<_>>()) {
        let Some(block) = PoolBlock::of(&windows, &taps) else { continue };
        let phase = &phases[block.phase];
        let inputs = block.cut(tape, phase, &block.inputs);
        let [maxima, arriving] = [&y, &left].map(|t| block.cut(tape, t, &block.outputs));
        let hit = tape.equal(&inputs, &maxima);
        let part = tape.keep(&hit, &arriving);
        let passed = block.put(tape, &part, &block.outputs, &grad.shape);
        left = tape.sub(&left, &passed);
        let part = block.put(tape, &part, &block.inputs, &phase.shape);
        sums[block.phase] = Some(match sums[block.phase].take() {
            Some(sum) => tape.add(&sum, &part),
            None => part,
        });
    }
    let sums: Vec<Tensor> = sums.into_iter().map(|sum| sum.unwrap_or_else(|| tape.zeros(&phases[0]))).collect();
    Ok(vec![Some(tape.from_phases(&sums, &strides, &x.shape))])
}

/// The outputs whose windows read an input through one tap, and the positions of these inputs in
/// their phase.
struct PoolBlock {
    phase: usize,
    /// The first output along each spatial axis.
    outputs: Vec<usize>,
    /// The first input along each spatial axis.
    inputs: Vec<usize>,
    sizes: Vec<usize>,
}

impl PoolBlock {
    /// `None` if the tap reads only padding.
    fn of(windows: &[SlidingWindow], taps: &[usize]) -> Option<Self> {
        let mut block = Self { phase: 0, outputs: Vec::new(), inputs: Vec::new(), sizes: Vec::new() };
        for (window, tap) in windows.iter().zip(taps) {
            let outputs = window.outputs_through(*tap);
            let (phase, shift) = window.phase(*tap);
            block.phase = block.phase * window.stride + phase;
            block.inputs.push(usize::try_from(outputs.start as i64 - shift).ok()?);
            block.outputs.push(outputs.start);
            block.sizes.push(outputs.len());
        }
        (!block.sizes.contains(&0)).then_some(block)
    }

    /// The block of `t` that starts at `place`.
    fn cut(&self, tape: &mut Tape, t: &Tensor, place: &[usize]) -> Tensor {
        let ends = place.iter().zip(&self.sizes).map(|(start, size)| start + size);
        let ends: Vec<usize> = t.shape[..2].iter().copied().chain(ends).collect();
        tape.slice(t, &[&[0, 0], place].concat(), &ends)
    }

    /// A value of `shape` that equals `part` at `place` and is 0 elsewhere.
    fn put(&self, tape: &mut Tape, part: &Tensor, place: &[usize], shape: &[usize]) -> Tensor {
        let behind = place.iter().zip(&self.sizes).zip(spatial(shape));
        let behind = behind.map(|((start, size), whole)| whole.saturating_sub(start + size));
        tape.pad(part, &[&[0, 0], place].concat(), &[0, 0].into_iter().chain(behind).collect::<Vec<_>>())
    }
}

/// A result of the pool, or of its like, with the shape that the runtime computes where ONNX may infer another one.
pub fn settled(tape: &mut Tape, node: &Node, y: &Tensor) -> Tensor {
    if !is_doubtful(node.proto) {
        return y.clone();
    }
    let sizes: Vec<i64> = y.shape.iter().map(|size| *size as i64).collect();
    let sizes = tape.integers(&sizes);
    tape.emit("Reshape", &[y, &sizes], vec![], y.dtype, y.shape.clone())
}

/// Each output's gradient is spread evenly over the inputs that its window reads. How much padding a mean counts
/// differs between runtimes, so the share is what the node itself makes of ones. Runtimes fold it at load time.
pub fn average(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let x = node.input(0)?;
    let windows = SlidingWindow::all(node, &kernel(node)?)?;
    let single = |shape: &[usize]| [&[1, 1], spatial(shape)].concat();
    let ones = tape.constant(TensorProto::from_reals(
        "",
        grad.dtype,
        &single(&x.shape),
        &vec![1.0; product(spatial(&x.shape))],
    ));
    let mean = tape.emit("AveragePool", &[&ones], node.proto.attribute.clone(), grad.dtype, single(&grad.shape));
    let mean = settled(tape, node, &mean);
    let counts: Vec<f64> = shares(&windows);
    let counts = tape.constant(TensorProto::from_reals("", grad.dtype, &single(&grad.shape), &counts));
    let share = tape.mul(&mean, &counts);
    let spread = tape.mul(grad, &share);
    Ok(vec![Some(sum_of_windows(tape, &spread, &windows, x))])
}

/// For each element of `x`, the sum of the values of all windows that read it.
pub fn sum_of_windows(tape: &mut Tape, values: &Tensor, windows: &[SlidingWindow], x: &Tensor) -> Tensor {
    // Every channel is treated as a separate image, so one kernel of ones serves all.
    let single = |shape: &[usize]| [&[shape[0] * shape[1], 1], spatial(shape)].concat();
    let values = tape.reshape(values, &single(&values.shape));
    let kernel: Vec<usize> = windows.iter().map(|window| window.kernel).collect();
    let ones = vec![1.0; kernel.iter().product()];
    let ones = tape.constant(TensorProto::from_reals("", values.dtype, &[&[1, 1], kernel.as_slice()].concat(), &ones));
    let result = conv::transposed(tape, &values, &ones, windows, 1);
    tape.reshape(&result, &x.shape)
}

/// One over the number of inputs that each window reads.
fn shares(windows: &[SlidingWindow]) -> Vec<f64> {
    let count = |axis: usize, output: usize| {
        let window = &windows[axis];
        (0..window.kernel).filter(|tap| window.reads(output, *tap).is_some()).count()
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

/// Elements that equal their channel's maximum share its gradient.
pub fn global_max(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let x = node.input(0)?;
    let hit = tape.equal(x, node.output(0)?);
    let ones = tape.cast(&hit, x.dtype);
    let count = tape.reduce_sum(&ones, &(2..x.rank()).collect::<Vec<_>>());
    let share = tape.div(grad, &count);
    Ok(vec![Some(tape.keep(&hit, &share))])
}
