//! Operators that select or move elements, by their values or by a table of positions.

use super::window::{SlidingWindow, grid};
use super::{along_axis, argument, axis};
use crate::error::Result;
use crate::onnx::{AttributeProto as Attribute, TensorProto};
use crate::tape::{Node, Tape, Tensor};

/// Each gradient goes to the position that its value came from.
pub fn top_k(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let x = node.input(0)?;
    let along = axis(node, node.proto.int("axis").unwrap_or(-1), x.rank())?;
    if tape.opset() < 11 {
        return Err(
            node.error("is of an opset below 11, for which there is no gradient; export the model with a newer one")
        );
    }
    let places = node.output(1)?;
    let (zeros, along) = (tape.zeros(x), vec![Attribute::int("axis", along as i64)]);
    Ok(vec![Some(tape.emit("ScatterElements", &[&zeros, places, grad], along, x.dtype, x.shape.clone()))])
}

/// Without an axis, the input counts as flat.
pub fn compress(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let (x, condition) = (node.input(0)?, node.input(1)?);
    let kept = tape.integers_of(condition);
    let kept =
        kept.ok_or_else(|| node.error("has a condition that depends on the picture or has over 4096 elements"))?;
    let sources: Vec<Option<usize>> = (0..kept.len()).filter(|place| kept[*place] != 0).map(Some).collect();
    let Some(along) = node.proto.int("axis") else {
        let result = along_axis::add_back(tape, grad, 0, &sources, x.shape.iter().product());
        return Ok(vec![Some(tape.reshape(&result, &x.shape))]);
    };
    let along = axis(node, along, x.rank())?;
    if grad.rank() != x.rank() {
        return Err(node.error("has an output that does not fit its input"));
    }
    Ok(vec![Some(along_axis::add_back(tape, grad, along, &sources, x.shape[along]))])
}

/// Reversing twice changes nothing.
pub fn reverse_sequence(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let inputs = [grad, node.input(1)?];
    let attributes = node.proto.attribute.clone();
    Ok(vec![Some(tape.emit("ReverseSequence", &inputs, attributes, grad.dtype, grad.shape.clone()))])
}

/// Of an odd difference, the smaller half is cut off or added before the first element.
pub fn center_crop_pad(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let x = node.input(0)?;
    if grad.rank() != x.rank() {
        return Err(node.error("has an output that does not fit its input"));
    }
    let mut result = grad.clone();
    for (along, size) in x.shape.iter().copied().enumerate() {
        let outputs = grad.shape[along];
        let (cut, added) = (size.saturating_sub(outputs) / 2, outputs.saturating_sub(size) / 2);
        let source = |output: usize| Some((output + cut).checked_sub(added)?).filter(|place| *place < size);
        let sources: Vec<Option<usize>> = (0..outputs).map(source).collect();
        result = along_axis::add_back(tape, &result, along, &sources, size);
    }
    Ok(vec![Some(result)])
}

/// Every value gets the gradient at the position in the whole result that its index states.
pub fn max_unpool(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let (x, places) = (node.input(0)?, node.input(1)?);
    let flat = tape.reshape(grad, &[grad.shape.iter().product()]);
    let result = tape.emit("Gather", &[&flat, places], vec![Attribute::int("axis", 0)], x.dtype, x.shape.clone());
    Ok(vec![Some(result)])
}

/// Each element of a block gets the gradient of the pixel that it is added to.
pub fn col2im(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let x = node.input(0)?;
    let block = argument(tape, node, 2, "block_shape")?.unwrap_or_default();
    let sizes: Option<Vec<usize>> = block.iter().map(|size| usize::try_from(*size).ok()).collect();
    let misfit = || node.error("has blocks that do not fit its input");
    let (block, &[batch, width, count]) = (sizes.ok_or_else(misfit)?, x.shape.as_slice()) else {
        return Err(misfit());
    };
    let windows = SlidingWindow::of_blocks(node, &block, &grad.shape)?;
    let outputs = windows.iter().map(|window| window.output).try_fold(1usize, |all, size| all.checked_mul(size));
    let taps: usize = block.iter().product();
    if outputs != Some(count) || width != taps * grad.shape[1] {
        return Err(misfit());
    }
    along_axis::check_size(node, taps, count)?;
    let pixels: usize = grad.shape[2..].iter().product();
    let pixel = |taps: &[usize], outputs: &[usize]| {
        let mut axes = windows.iter().zip(taps).zip(outputs);
        axes.try_fold(0, |place, ((window, tap), output)| Some(place * window.input + window.reads(*output, *tap)?))
    };
    let outputs = grid(&windows.iter().map(|window| window.output).collect::<Vec<_>>());
    let table = grid(&block)
        .iter()
        .flat_map(|taps| outputs.iter().map(|at| pixel(taps, at).unwrap_or(pixels) as i64).collect::<Vec<_>>())
        .collect::<Vec<_>>();
    let flat = tape.reshape(grad, &[batch * grad.shape[1], pixels]);
    let result = along_axis::gather(tape, &flat, 1, TensorProto::from_integers("", &[taps * count], &table));
    Ok(vec![Some(tape.reshape(&result, &x.shape))])
}
