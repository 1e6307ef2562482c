//! Sampling of images at positions that other values state.

use super::composite::through;
use super::window::grid;
use crate::error::Result;
use crate::onnx::{AttributeProto as Attribute, DataType};
use crate::tape::{Node, Tape, Tensor};

/// What is read outside of an image.
#[derive(Clone, Copy, PartialEq)]
enum Padding {
    Zeros,
    Border,
    Reflection,
}

/// How GridSample samples.
#[derive(Clone, Copy)]
struct Sampler<'a> {
    kind: &'a str,
    padding: Padding,
    /// Whether -1 and 1 are the centres of the first and last pixel, not their outer borders.
    aligned: bool,
}

/// One of the pixels along an axis that a sample is made of, for all samples `[N, 1, samples]`.
struct Tap {
    /// The pixel's position, inside the image.
    place: Tensor,
    /// `None` for 1.
    weight: Option<Tensor>,
}

/// The padding applies to each pixel that a sample is made of, as in ONNX Runtime.
pub fn grid_sample(tape: &mut Tape, node: &Node, _: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let sampler = Sampler::of(node)?;
    through(tape, node, |tape, inputs| {
        let misfit = || node.error("has a grid that does not fit its input");
        let (Some(Some(x)), Some(Some(positions))) = (inputs.first(), inputs.get(1)) else { return Err(misfit()) };
        let sizes = x.shape.get(2..).unwrap_or_default();
        let axes = sizes.len();
        if axes == 0 || positions.rank() != axes + 2 || positions.shape[axes + 1] != axes || sizes.contains(&0) {
            return Err(misfit());
        }
        let (batch, samples) = (x.shape[0], positions.shape[1..=axes].iter().product::<usize>());
        let flat = tape.reshape(positions, &[batch, samples, axes]);
        let taps: Vec<Vec<Tap>> = (sizes.iter().enumerate())
            .map(|(axis, size)| {
                // The last axis comes first in a position.
                let from = axes - 1 - axis;
                let along = tape.slice(&flat, &[0, 0, from], &[batch, samples, from + 1]);
                let along = tape.reshape(&along, &[batch, 1, samples]);
                sampler.taps(tape, &along, *size)
            })
            .collect();
        let pixels = tape.reshape(x, &[batch, x.shape[1], sizes.iter().product()]);
        let result = weighted_sum(tape, &pixels, &taps, sizes, samples);
        Ok(vec![tape.reshape(&result, &node.output(0)?.shape)])
    })
}

/// The sum of the pixels at all combinations of taps, times the weights.
fn weighted_sum(tape: &mut Tape, pixels: &Tensor, taps: &[Vec<Tap>], sizes: &[usize], samples: usize) -> Tensor {
    let mut sum: Option<Tensor> = None;
    for chosen in grid(&taps.iter().map(Vec::len).collect::<Vec<_>>()) {
        let chosen: Vec<&Tap> = taps.iter().zip(chosen).map(|(taps, index)| &taps[index]).collect();
        let mut place = chosen[0].place.clone();
        for (tap, size) in chosen.iter().zip(sizes).skip(1) {
            let row = tape.scale(&place, *size as f64);
            place = tape.add(&row, &tap.place);
        }
        let place = tape.cast(&place, DataType::Int64);
        let place = tape.expand(&place, &[pixels.shape[0], pixels.shape[1], samples]);
        let along = vec![Attribute::int("axis", 2)];
        let mut part = tape.emit("GatherElements", &[pixels, &place], along, pixels.dtype, place.shape.clone());
        for weight in chosen.iter().filter_map(|tap| tap.weight.as_ref()) {
            part = tape.mul(&part, weight);
        }
        sum = Some(match sum {
            Some(sum) => tape.add(&sum, &part),
            None => part,
        });
    }
    sum.unwrap_or_else(|| pixels.clone())
}

impl<'a> Sampler<'a> {
    fn of(node: &'a Node) -> Result<Self> {
        let kind = match node.proto.text("mode").unwrap_or("linear") {
            "bilinear" => "linear",
            "bicubic" => "cubic",
            other => other,
        };
        let padding = match node.proto.text("padding_mode").unwrap_or("zeros") {
            "zeros" => Padding::Zeros,
            "border" => Padding::Border,
            "reflection" => Padding::Reflection,
            _ => return Err(node.error("has an unknown padding_mode")),
        };
        if !["linear", "cubic", "nearest"].contains(&kind) {
            return Err(node.error("has an unknown mode"));
        }
        Ok(Self { kind, padding, aligned: node.proto.int("align_corners").unwrap_or(0) != 0 })
    }

    /// The taps along an axis of `size` pixels for positions from -1 to 1.
    fn taps(self, tape: &mut Tape, positions: &Tensor, size: usize) -> Vec<Tap> {
        let range = if self.aligned { size as f64 - 1.0 } else { size as f64 };
        let one = tape.scalar(positions, 1.0);
        let from_start = tape.add(positions, &one);
        let mut at = tape.scale(&from_start, range / 2.0);
        if !self.aligned {
            let half = tape.scalar(&at, 0.5);
            at = tape.sub(&at, &half);
        }
        if self.kind == "nearest" {
            let nearest = tape.unary("Round", &at);
            return vec![self.tap(tape, &nearest, None, size)];
        }
        let first = tape.unary("Floor", &at);
        let ahead = tape.sub(&at, &first);
        let rest = tape.sub(&one, &ahead);
        let weights = match self.kind {
            "linear" => vec![(0.0, rest), (1.0, ahead)],
            _ => vec![
                (-1.0, far(tape, &ahead)),
                (0.0, near(tape, &ahead)),
                (1.0, near(tape, &rest)),
                (2.0, far(tape, &rest)),
            ],
        };
        let mut taps = Vec::new();
        for (offset, weight) in weights {
            let offset = tape.scalar(&first, offset);
            let place = tape.add(&first, &offset);
            taps.push(self.tap(tape, &place, Some(weight), size));
        }
        taps
    }

    /// A tap at whole numbers that may be outside of the image.
    fn tap(self, tape: &mut Tape, place: &Tensor, weight: Option<Tensor>, size: usize) -> Tap {
        let (zero, last) = (tape.scalar(place, 0.0), tape.scalar(place, size as f64 - 1.0));
        let turned =
            if self.padding == Padding::Reflection { self.reflected(tape, place, size) } else { place.clone() };
        let inside = tape.binary("Max", &turned, &zero);
        let inside = tape.binary("Min", &inside, &last);
        let weight = if self.padding == Padding::Zeros {
            let same = tape.equal(place, &inside);
            let same = tape.cast(&same, place.dtype);
            Some(weight.map_or(same.clone(), |weight| tape.mul(&weight, &same)))
        } else {
            weight
        };
        Tap { place: inside, weight }
    }

    /// Positions reflected at the borders of an axis of `size` pixels, as often as needed.
    fn reflected(self, tape: &mut Tape, place: &Tensor, size: usize) -> Tensor {
        let (low, range) = if self.aligned { (0.0, size as f64 - 1.0) } else { (-0.5, size as f64) };
        if range == 0.0 {
            return tape.scalar(place, 0.0);
        }
        let (low, both) = (tape.scalar(place, low), tape.scalar(place, 2.0 * range));
        let from_low = tape.sub(place, &low);
        let rounds = tape.div(&from_low, &both);
        let rounds = tape.unary("Floor", &rounds);
        let whole = tape.mul(&rounds, &both);
        let there = tape.sub(&from_low, &whole);
        let back = tape.sub(&both, &there);
        let nearer = tape.binary("Min", &there, &back);
        tape.add(&nearer, &low)
    }
}

/// The coefficient of cubic convolution (Keys 1981).
const CUBIC: f64 = -0.75;

/// The weight of a pixel at the distance `x` up to 1.
fn near(tape: &mut Tape, x: &Tensor) -> Tensor {
    polynomial(tape, x, [CUBIC + 2.0, -(CUBIC + 3.0), 0.0, 1.0])
}

/// The weight of a pixel at the distance `x` + 1.
fn far(tape: &mut Tape, x: &Tensor) -> Tensor {
    polynomial(tape, x, [CUBIC, -2.0 * CUBIC, CUBIC, 0.0])
}

/// The highest power comes first.
fn polynomial(tape: &mut Tape, x: &Tensor, coefficients: [f64; 4]) -> Tensor {
    let mut value = tape.scalar(x, coefficients[0]);
    for coefficient in &coefficients[1..] {
        let coefficient = tape.scalar(x, *coefficient);
        let product = tape.mul(&value, x);
        value = tape.add(&product, &coefficient);
    }
    value
}
