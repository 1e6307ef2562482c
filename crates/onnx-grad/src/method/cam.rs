//! Class activation maps from a layer's values and gradients.

use crate::error::Result;
use crate::method::image_axes::ImageAxes;
use crate::rules::{along_axis, interpolation};
use crate::tape::{Tape, Tensor};

/// The class activation map of a layer `(values, gradient)`, in the image's shape.
pub fn map(tape: &mut Tape, layer: &(Tensor, Tensor), image: &Tensor, plus_plus: bool) -> Result<Tensor> {
    let positive = coarse(tape, layer, plus_plus);
    let axes = ImageAxes::of(&image.shape).ok_or_else(|| ImageAxes::missing(image))?;
    let map = enlarge(tape, &positive, &[image.shape[axes.rows], image.shape[axes.columns]]);
    let map = if axes.channels == 3 { tape.transpose(&map, &[0, 2, 3, 1]) } else { map };
    Ok(tape.expand(&map, &image.shape))
}

/// The class activation map of a layer `(values, gradient)`, at the layer's size: `[N, 1, height, width]`.
pub fn coarse(tape: &mut Tape, layer: &(Tensor, Tensor), plus_plus: bool) -> Tensor {
    tape.enter("attribution");
    let (values, gradient) = layer;
    let weights = if plus_plus { higher_order(tape, values, gradient) } else { mean(tape, gradient) };
    let weighted = tape.mul(values, &weights);
    let sum = tape.reduce_sum(&weighted, &[1]);
    tape.unary("Relu", &sum)
}

/// The mean over all positions.
fn mean(tape: &mut Tape, x: &Tensor) -> Tensor {
    let sum = tape.reduce_sum(x, &[2, 3]);
    tape.scale(&sum, 1.0 / (x.shape[2] * x.shape[3]) as f64)
}

/// The sum over all positions of relu(g) g^2 / (2 g^2 + g^3 sum(values)).
fn higher_order(tape: &mut Tape, values: &Tensor, gradient: &Tensor) -> Tensor {
    let square = tape.mul(gradient, gradient);
    let cube = tape.mul(&square, gradient);
    let total = tape.reduce_sum(values, &[2, 3]);
    let (twice, third) = (tape.scale(&square, 2.0), tape.mul(&cube, &total));
    let below = tape.add(&twice, &third);
    // The method's authors add the same epsilon to avoid division by 0.
    let tiny = tape.scalar(gradient, 1e-6);
    let below = tape.add(&below, &tiny);
    let share = tape.div(&square, &below);
    let zero = tape.scalar(gradient, 0.0);
    let counts = tape.unary("Relu", gradient);
    let weighted = tape.mul(&share, &counts);
    let none = tape.equal(gradient, &zero);
    let kept = tape.where_(&none, &zero, &weighted);
    tape.reduce_sum(&kept, &[2, 3])
}

/// `map` `[N, 1, h, w]` resized to `size`, bilinear between pixel centres.
fn enlarge(tape: &mut Tape, map: &Tensor, size: &[usize]) -> Tensor {
    let tall = resampled(tape, map, 2, size[0]);
    resampled(tape, &tall, 3, size[1])
}

/// `x` resampled to `to` positions along `axis`.
fn resampled(tape: &mut Tape, x: &Tensor, axis: usize, to: usize) -> Tensor {
    let from = x.shape[axis];
    let scale = to as f32 / from as f32;
    let places = interpolation::coordinates("half_pixel", from, to, scale).unwrap_or_default();
    let weights = interpolation::linear(from, &places);
    let transposed: Vec<f64> = (0..from * to).map(|place| weights[place % to * from + place / to]).collect();
    along_axis::product(tape, x, axis, &transposed, to)
}
