//! Resampling: a linear map along each axis, whose transpose propagates the gradient.

use super::{along_axis, argument, axis, interpolation};
use crate::error::Result;
use crate::tape::{Node, Tape, Tensor};

/// Resize, and its predecessor Upsample.
pub fn resize(tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let x = node.input(0)?;
    if x.rank() != grad.rank() || x.shape.contains(&0) || grad.shape.contains(&0) {
        return Err(node.error("has an output that does not fit its input"));
    }
    let mut result = grad.clone();
    let regions = regions(tape, node, x.rank())?;
    let scales = scales(tape, node, x, grad)?;
    for (axis, (scale, region)) in scales.into_iter().zip(regions).enumerate() {
        if scale == 1.0 && region.is_some_and(|region| region != (0.0, 1.0)) {
            return Err(node.error("crops without resizing, which runtimes compute differently"));
        }
        if scale != 1.0 {
            let axis = Axis { axis, size: x.shape[axis], scale, region };
            result = axis.resampled(tape, node, &result)?;
        }
    }
    Ok(vec![Some(result)])
}

/// One axis of the input.
struct Axis {
    axis: usize,
    size: usize,
    /// Outputs per input.
    scale: f32,
    /// The part that is resized, as fractions of the axis; `None` if the mode does not crop.
    region: Option<(f32, f32)>,
}

impl Axis {
    /// The gradient with respect to the inputs along the axis.
    fn resampled(&self, tape: &mut Tape, node: &Node, grad: &Tensor) -> Result<Tensor> {
        let Self { axis, size, scale, .. } = *self;
        let unknown = |what: &str| node.error(&format!("resizes with {what}, for which there is no gradient"));
        let current = tape.opset() >= 11 && node.proto.is("Resize");
        let places = self.places(node, grad.shape[axis], current)?;
        let outside = |at: &f32| self.region.is_some() && !(0.0..=size as f32 - 1.0).contains(at);
        let kind = node.proto.text("mode").unwrap_or("nearest");
        if kind == "nearest" {
            let old = if scale < 1.0 { "ceil" } else { "floor" };
            let rounding = if current { node.proto.text("nearest_mode").unwrap_or("round_prefer_floor") } else { old };
            let mut sources = interpolation::nearest(size, &places, rounding).ok_or_else(|| unknown(rounding))?;
            for (source, at) in sources.iter_mut().zip(&places) {
                source.take_if(|_| outside(at));
            }
            return Ok(along_axis::add_back(tape, grad, axis, &sources, size));
        }
        along_axis::check_size(node, grad.shape[axis], size)?;
        let mut weights = self.weights(node, kind, &places).ok_or_else(|| unknown(kind))?;
        for (row, at) in weights.chunks_mut(size).zip(&places) {
            // Outputs outside have a fixed value.
            if outside(at) {
                row.fill(0.0);
            }
        }
        Ok(along_axis::product(tape, grad, axis, &weights, size))
    }

    /// The positions of outputs between inputs.
    fn places(&self, node: &Node, outputs: usize, current: bool) -> Result<Vec<f32>> {
        if let Some(region) = self.region {
            return Ok(interpolation::cropped(self.size, outputs, region));
        }
        let default = if current { "half_pixel" } else { "asymmetric" };
        let mode = node.proto.text("coordinate_transformation_mode").unwrap_or(default);
        interpolation::coordinates(mode, self.size, outputs, self.scale)
            .ok_or_else(|| node.error(&format!("resizes with {mode}, for which there is no gradient")))
    }

    /// The weights of all inputs for each output.
    fn weights(&self, node: &Node, kind: &str, places: &[f32]) -> Option<Vec<f64>> {
        let smooths = node.proto.int("antialias").unwrap_or(0) != 0;
        let exclude_outside = node.proto.int("exclude_outside").unwrap_or(0) != 0;
        let a = f64::from(node.proto.float("cubic_coeff_a").unwrap_or(-0.75));
        Some(match kind {
            "linear" if smooths => interpolation::smoothed(self.size, places, self.scale, None, exclude_outside),
            "cubic" if smooths => interpolation::smoothed(self.size, places, self.scale, Some(a), exclude_outside),
            "linear" => interpolation::linear(self.size, places),
            "cubic" => interpolation::cubic(self.size, places, a, exclude_outside),
            _ => return None,
        })
    }
}

/// The part of each axis that is resized, if the mode crops.
fn regions(tape: &Tape, node: &Node, rank: usize) -> Result<Vec<Option<(f32, f32)>>> {
    if node.proto.text("coordinate_transformation_mode") != Some("tf_crop_and_resize") {
        return Ok(vec![None; rank]);
    }
    let values = node.inputs.get(1).and_then(Option::as_ref).and_then(|roi| tape.constant_of(roi));
    let values = values.ok_or_else(|| node.error("has a region that depends on the picture"))?.reals()?;
    let axes = resized_axes(node, rank)?;
    if values.len() != 2 * axes.len() {
        return Err(node.error("has a region that does not fit its input"));
    }
    let mut regions = vec![Some((0.0, 1.0)); rank];
    for (index, axis) in axes.iter().enumerate() {
        regions[*axis] = Some((values[index] as f32, values[axes.len() + index] as f32));
    }
    Ok(regions)
}

/// The axes that scales, sizes and regions are about.
fn resized_axes(node: &Node, rank: usize) -> Result<Vec<usize>> {
    match node.proto.ints("axes") {
        Some(axes) => axes.iter().map(|along| axis(node, *along, rank)).collect(),
        None => Ok((0..rank).collect()),
    }
}

/// The one scale of all resized axes, if the aspect ratio is kept: the smallest or the largest that the sizes allow.
fn common_scale(tape: &Tape, node: &Node, x: &Tensor, axes: &[usize]) -> Result<Option<f32>> {
    let policy = node.proto.text("keep_aspect_ratio_policy").unwrap_or("stretch");
    let Some(sizes) = argument(tape, node, 3, "sizes")?.filter(|sizes| policy != "stretch" && !sizes.is_empty()) else {
        return Ok(None);
    };
    if sizes.len() != axes.len() {
        return Err(node.error("has sizes that do not fit its input"));
    }
    let scales = axes.iter().zip(sizes).map(|(axis, size)| size as f32 / x.shape[*axis] as f32);
    match policy {
        "not_larger" => Ok(scales.reduce(f32::min)),
        "not_smaller" => Ok(scales.reduce(f32::max)),
        _ => Err(node.error("has an unknown keep_aspect_ratio_policy")),
    }
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
    let axes = resized_axes(node, x.rank())?;
    let given = match common_scale(tape, node, x, &axes)? {
        Some(scale) => vec![scale; axes.len()],
        None => given,
    };
    if !given.is_empty() && given.len() != axes.len() || given.iter().any(|scale| !scale.is_normal() || *scale < 0.0) {
        return Err(node.error("has scales that do not fit its input"));
    }
    for (axis, scale) in axes.into_iter().zip(given) {
        scales[axis] = scale;
    }
    Ok(scales)
}
