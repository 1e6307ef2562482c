//! Gradients of many samples in one graph: a Loop whose body is the gradient model.
//!
//! The first iteration uses the image itself and finds scores and class. The iterations that follow
//! use the samples, with that class as their target. Noise comes from RandomNormalLike with a given
//! seed, so every session repeats the same samples.

use crate::error::{Error, Result};
use crate::method::image_axes::ImageAxes;
use crate::method::quadrature::gauss_legendre;
use crate::onnx::{AttributeProto as Attribute, DataType, GraphProto, TensorProto, ValueInfoProto};
use crate::score;
use crate::signature;
use crate::tape::{Tape, Tensor};
use crate::types::{Baseline, Perturbation, Sampling, Statistic};
use crate::types::{CLASS, GRADIENT, SCORES, Shapes, TARGET, TensorType, Variant};

/// Wraps the graph of a gradient model in a loop, so that its output `gradient` becomes what
/// `sampling` specifies.
pub fn repeat(mut body: GraphProto, shapes: &Shapes, opset: i64, sampling: &Sampling, seed: u32) -> Result<GraphProto> {
    let TensorType { dtype, shape } =
        shapes.tensors.get(&shapes.image).cloned().ok_or_else(|| Error::Graph("the image has no shape".into()))?;
    let (batch, classes) = score::size(shapes)?;
    let (inputs, outputs, name) = (body.input.clone(), body.output.clone(), body.name.clone());
    for value in [shapes.image.as_str(), TARGET, SCORES, CLASS, GRADIENT] {
        signature::rename(&mut body, value, &inner(value));
    }
    let image = Tensor { name: shapes.image.clone(), dtype, shape: shape.clone() };
    let empty = GraphProto::default();
    let mut tape = Tape::new(&empty, shapes, opset, Variant::OnnxRuntime);
    tape.enter("samples");
    let line = SamplePath::new(&mut tape, &image, &sampling.perturbation, batch)?;
    let square =
        matches!(&sampling.perturbation, Perturbation::Noise { statistic, .. } if *statistic != Statistic::Mean);
    add_turn(
        &mut body,
        shapes,
        opset,
        &LoopIteration { image: &image, line: &line, sampling, seed, square, size: (batch, classes) },
    );
    let scores = Tensor { name: inner(SCORES), dtype, shape: vec![batch, classes] };
    let (no_scores, nothing) = (tape.zeros(&scores), tape.zeros(&image));
    let turns = tape.constant(TensorProto::from_integers("", &[], &[sampling.samples as i64 + 1]));
    let always = Tensor { name: String::new(), dtype: DataType::Bool, shape: vec![] };
    let target = Tensor { name: TARGET.into(), dtype: DataType::Int64, shape: vec![batch] };
    let mut given = vec![&turns, &always, &target, &no_scores, &nothing];
    given.extend(square.then_some(&nothing));
    let carried = given[2..].iter().map(|value| (value.dtype, value.shape.clone())).collect();
    let found = tape.emit_many("Loop", &given, vec![Attribute::graph("body", body)], carried);
    let result = line.result(&mut tape, &found[2..], sampling);
    for (value, name) in [(&found[1], SCORES), (&found[0], CLASS), (&result, GRADIENT)] {
        tape.name_output(value, name);
    }
    let (node, initializer) = tape.finish();
    Ok(GraphProto { name, node, initializer, input: inputs, output: outputs, ..Default::default() })
}

/// The name inside the loop of a value that has `name` outside.
fn inner(name: &str) -> String {
    format!("sample/{name}")
}

/// What the samples are computed from. Evaluated once, outside the loop.
enum SamplePath {
    /// The standard deviation of the noise, one number per image.
    Noise(Tensor),
    /// The baseline and the image's difference from it.
    Path { start: Tensor, difference: Tensor },
}

impl SamplePath {
    fn new(tape: &mut Tape, image: &Tensor, perturbation: &Perturbation, batch: usize) -> Result<Self> {
        match perturbation {
            Perturbation::Noise { level, .. } => {
                // The range of each picture, or of the whole value if it has no batch axis.
                let first = usize::from(image.shape.first() == Some(&batch));
                let axes: Vec<usize> = (first..image.rank()).collect();
                let (most, least) = (tape.reduce(image, "ReduceMax", &axes), tape.reduce(image, "ReduceMin", &axes));
                let range = tape.sub(&most, &least);
                Ok(Self::Noise(tape.scale(&range, f64::from(*level))))
            }
            Perturbation::Path(baseline) => {
                let start = start(tape, image, baseline)?;
                let difference = tape.sub(image, &start);
                Ok(Self::Path { start, difference })
            }
        }
    }

    /// The sample of an iteration: the image itself if `clean` is 1, as in the first iteration.
    fn picture(
        &self,
        tape: &mut Tape,
        image: &Tensor,
        (index, clean): (&Tensor, &Tensor),
        samples: usize,
        seed: u32,
    ) -> Tensor {
        match self {
            Self::Noise(deviation) => {
                let one = tape.scalar(clean, 1.0);
                let drawn = tape.sub(&one, clean);
                // Runtimes take 0 for no seed.
                let seed = Attribute::float("seed", seed as f32 + 1.0);
                let attributes = vec![Attribute::float("mean", 0.0), Attribute::float("scale", 1.0), seed];
                let noise = tape.emit("RandomNormalLike", &[image], attributes, image.dtype, image.shape.clone());
                let deviation = tape.mul(deviation, &drawn);
                let noise = tape.mul(&noise, &deviation);
                tape.add(image, &noise)
            }
            Self::Path { start, difference } => {
                let places: Vec<f64> = gauss_legendre(samples).into_iter().map(|(place, _)| place).collect();
                let place = turn_value(tape, image, index, 1.0, &places);
                let moved = tape.mul(difference, &place);
                tape.add(start, &moved)
            }
        }
    }

    /// The weight of an iteration's gradient in the sums: 0 in the first iteration.
    fn weight(&self, tape: &mut Tape, image: &Tensor, index: &Tensor, samples: usize) -> Tensor {
        let weights = match self {
            Self::Noise(_) => vec![1.0 / samples as f64; samples],
            Self::Path { .. } => gauss_legendre(samples).into_iter().map(|(_, weight)| weight).collect(),
        };
        turn_value(tape, image, index, 0.0, &weights)
    }

    /// The attribution from the weighted sums over all samples.
    fn result(&self, tape: &mut Tape, sums: &[Tensor], sampling: &Sampling) -> Tensor {
        match (&sampling.perturbation, self) {
            (Perturbation::Path(_), Self::Path { difference, .. }) => tape.mul(&sums[0], difference),
            (Perturbation::Noise { statistic: Statistic::MeanSquare, .. }, _) => sums[1].clone(),
            (Perturbation::Noise { statistic: Statistic::Variance, .. }, _) => {
                let square = tape.mul(&sums[0], &sums[0]);
                let variance = tape.sub(&sums[1], &square);
                // Rounding can make the variance negative.
                tape.unary("Relu", &variance)
            }
            _ => sums[0].clone(),
        }
    }
}

/// The value for the current iteration: `first`, then one of `others` per sample.
fn turn_value(tape: &mut Tape, like: &Tensor, index: &Tensor, first: f64, others: &[f64]) -> Tensor {
    let values = [&[first], others].concat();
    let table = tape.constant(TensorProto::from_reals("", like.dtype, &[values.len()], &values));
    tape.emit("Gather", &[&table, index], vec![], like.dtype, vec![])
}

/// The baseline as an image or as one value per channel.
fn start(tape: &mut Tape, image: &Tensor, baseline: &Baseline) -> Result<Tensor> {
    let axes = || ImageAxes::of(&image.shape).ok_or_else(|| ImageAxes::missing(image));
    Ok(match baseline {
        Baseline::Colour(colour) => {
            let values = colour.map(f64::from);
            if values.iter().all(|value| *value == values[0]) && !colours(&image.shape) {
                return Ok(tape.scalar(image, values[0]));
            }
            let mut shape = vec![1; image.rank()];
            shape[axes()?.channels] = 3;
            tape.constant(TensorProto::from_reals("", image.dtype, &shape, &values))
        }
        Baseline::Mean => {
            let ImageAxes { rows, columns, .. } = axes()?;
            let sum = tape.reduce_sum(image, &[rows, columns]);
            tape.scale(&sum, 1.0 / (image.shape[rows] * image.shape[columns]) as f64)
        }
        Baseline::Blurred => {
            let ImageAxes { channels, rows, columns } = axes()?;
            let planes = if channels == 1 { image.clone() } else { tape.transpose(image, &[0, 3, 1, 2]) };
            let across = blur(tape, image, image.shape[columns]);
            let down = blur(tape, image, image.shape[rows]);
            // The matrix is not symmetric near the border, so the second factor must be transposed.
            let across = tape.transpose(&across, &[1, 0]);
            let rows = tape.matmul(&down, &planes);
            let blurred = tape.matmul(&rows, &across);
            if channels == 1 { blurred } else { tape.transpose(&blurred, &[0, 2, 3, 1]) }
        }
    })
}

/// Whether an image of this shape has three channels.
fn colours(shape: &[usize]) -> bool {
    ImageAxes::of(shape).is_some_and(|axes| shape[axes.channels] == 3)
}

/// The matrix that blurs an axis of `size` positions, with its ends repeated.
fn blur(tape: &mut Tape, like: &Tensor, size: usize) -> Tensor {
    let deviation = blur_deviation(size);
    let reach = (3.0 * deviation).ceil() as i64;
    let weight = |offset: i64| (-0.5 * (offset as f64 / deviation).powi(2)).exp();
    let total: f64 = (-reach..=reach).map(weight).sum();
    let mut values = vec![0.0; size * size];
    for row in 0..size {
        for offset in -reach..=reach {
            let column = (row as i64 + offset).clamp(0, size as i64 - 1) as usize;
            values[row * size + column] += weight(offset) / total;
        }
    }
    tape.constant(TensorProto::from_reals("", like.dtype, &[size, size], &values))
}

/// The standard deviation, in pixels, of the blur of [`Baseline::Blurred`] along a side of `size` pixels.
pub fn blur_deviation(size: usize) -> f64 {
    size as f64 / 20.0
}

/// What one iteration of the loop needs to know.
struct LoopIteration<'a> {
    image: &'a Tensor,
    line: &'a SamplePath,
    sampling: &'a Sampling,
    seed: u32,
    square: bool,
    size: (usize, usize),
}

/// Turns the graph of a gradient model into the loop's body, which computes its own sample and adds
/// up the results.
fn add_turn(body: &mut GraphProto, shapes: &Shapes, opset: i64, turn: &LoopIteration) {
    let LoopIteration { image, line, sampling, seed, square, size: (batch, classes) } = *turn;
    let tensor = |name: &str, dtype, shape: &[usize]| Tensor { name: inner(name), dtype, shape: shape.to_vec() };
    let index = tensor("index", DataType::Int64, &[]);
    let going = tensor("going", DataType::Bool, &[]);
    let carried = tensor("class_before", DataType::Int64, &[batch]);
    let known = tensor("known", image.dtype, &[batch, classes]);
    let sums = ["sum", "squares"].map(|name| tensor(name, image.dtype, &image.shape));
    let sums = &sums[..1 + usize::from(square)];
    let mut tape = Tape::new(body, shapes, opset, Variant::OnnxRuntime);
    tape.enter("sample");
    let number = tape.cast(&index, image.dtype);
    let zero = tape.scalar(image, 0.0);
    let first = tape.equal(&number, &zero);
    let clean = tape.cast(&first, image.dtype);
    let picture = line.picture(&mut tape, image, (&index, &clean), sampling.samples, seed);
    tape.name_output(&picture, &inner(&image.name));
    let target = lasting_target(&mut tape, image, &carried);
    tape.name_output(&target, &inner(TARGET));
    let before = tape.take_nodes();
    let (scores, gradient) =
        (tensor(SCORES, image.dtype, &[batch, classes]), tensor(GRADIENT, image.dtype, &image.shape));
    let weight = line.weight(&mut tape, image, &index, sampling.samples);
    let counted = tape.mul(&gradient, &weight);
    let squared = square.then(|| tape.mul(&counted, &gradient));
    let clean_scores = tape.mul(&scores, &clean);
    let class = tensor(CLASS, DataType::Int64, &[batch]);
    let mut next = vec![tape.unary("Identity", &going), class, tape.add(&known, &clean_scores)];
    for (sum, more) in sums.iter().zip([Some(counted), squared].into_iter().flatten()) {
        next.push(tape.add(sum, &more));
    }
    let (after, initializers) = tape.finish();
    body.node = [before, std::mem::take(&mut body.node), after].concat();
    body.initializer.extend(initializers);
    let declared = |value: &Tensor| ValueInfoProto::fixed(&value.name, value.dtype, &value.shape);
    body.input = [&index, &going, &carried, &known].into_iter().chain(sums).map(declared).collect();
    body.output = next.iter().map(declared).collect();
}

/// The target of an iteration: the user's, read outside the loop, if it is the opposite of a class, because the class
/// that the iteration before found does not say so; otherwise that class.
fn lasting_target(tape: &mut Tape, image: &Tensor, carried: &Tensor) -> Tensor {
    let target = Tensor { name: TARGET.into(), dtype: DataType::Int64, shape: carried.shape.clone() };
    let number = tape.cast(&target, image.dtype);
    let top = tape.scalar(image, -1.0);
    let is_opposite = tape.compare("Less", &number, &top);
    tape.where_(&is_opposite, &target, carried)
}
