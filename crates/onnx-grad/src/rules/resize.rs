//! Resampling: a linear map along each axis, whose transpose propagates the gradient.

use super::{along_axis, axis, interpolation};
use crate::error::Result;
use crate::tape::{Node, Tape, Tensor};

/// Resize, and its predecessor Upsample.
pub fn resize(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let x = node.input(0)?;
    if x.rank() != grad.rank() || x.shape.contains(&0) || grad.shape.contains(&0) {
        return Err(node.error("has an output that does not fit its input"));
    }
    if node.proto.int("antialias").unwrap_or(0) != 0 {
        return Err(node.error("smooths before shrinking (antialias), for which there is no gradient yet"));
    }
    if !matches!(node.proto.text("keep_aspect_ratio_policy"), None | Some("stretch")) {
        return Err(
            node.error("keeps the aspect ratio, for which there is no gradient yet; export it with fixed sizes")
        );
    }
    let mut result = grad.clone();
    for (axis, scale) in scales(tape, node, x, grad)?.into_iter().enumerate().filter(|(_, scale)| *scale != 1.0) {
        result = resampled(tape, node, &result, axis, (x.shape[axis], scale))?;
    }
    Ok(vec![Some(result)])
}

/// The gradient with respect to the `size` inputs along `axis`, which were resampled at `scale`.
fn resampled(tape: &mut Tape, node: &Node, grad: &Tensor, axis: usize, (size, scale): (usize, f32)) -> Result<Tensor> {
    let current = tape.opset() >= 11 && node.proto.is("Resize");
    let default = if current { "half_pixel" } else { "asymmetric" };
    let mode = node.proto.text("coordinate_transformation_mode").unwrap_or(default);
    let unknown = |what: &str| node.error(&format!("resizes with {what}, for which there is no gradient"));
    let places = interpolation::coordinates(mode, size, grad.shape[axis], scale).ok_or_else(|| unknown(mode))?;
    let kind = node.proto.text("mode").unwrap_or("nearest");
    if kind != "nearest" {
        along_axis::check_size(node, grad.shape[axis], size)?;
    }
    let weights = match kind {
        "nearest" => {
            let old = if scale < 1.0 { "ceil" } else { "floor" };
            let rounding = if current { node.proto.text("nearest_mode").unwrap_or("round_prefer_floor") } else { old };
            let sources = interpolation::nearest(size, &places, rounding).ok_or_else(|| unknown(rounding))?;
            return Ok(along_axis::add_back(tape, grad, axis, &sources, size));
        }
        "linear" => interpolation::linear(size, &places),
        "cubic" => {
            let a = f64::from(node.proto.float("cubic_coeff_a").unwrap_or(-0.75));
            interpolation::cubic(size, &places, a, node.proto.int("exclude_outside").unwrap_or(0) != 0)
        }
        other => return Err(unknown(other)),
    };
    Ok(along_axis::product(tape, grad, axis, &weights, size))
}

/// Outputs per input along each axis. Scales that the graph computes are derived from sizes, so the
/// shapes determine them.
fn scales(tape: &Tape, node: &Node, x: &Tensor, grad: &Tensor) -> Result<Vec<f32>> {
    let mut scales: Vec<f32> = x.shape.iter().zip(&grad.shape).map(|(from, to)| *to as f32 / *from as f32).collect();
    let index = if tape.opset() >= 11 && node.proto.is("Resize") { 2 } else { 1 };
    let given = node.inputs.get(index).and_then(Option::as_ref).and_then(|scales| tape.constant_of(scales));
    let given: Vec<f32> = match given {
        Some(scales) => scales.reals()?.into_iter().map(|scale| scale as f32).collect(),
        None => node.proto.floats("scales").unwrap_or_default().to_vec(),
    };
    let axes: Vec<usize> = match node.proto.ints("axes") {
        Some(axes) => axes.iter().map(|along| axis(node, *along, x.rank())).collect::<Result<_>>()?,
        None => (0..x.rank()).collect(),
    };
    if !given.is_empty() && given.len() != axes.len() || given.iter().any(|scale| !scale.is_normal() || *scale < 0.0) {
        return Err(node.error("has scales that do not fit its input"));
    }
    for (axis, scale) in axes.into_iter().zip(given) {
        scales[axis] = scale;
    }
    Ok(scales)
}
