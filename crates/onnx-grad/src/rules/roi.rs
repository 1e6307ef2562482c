//! Regions of images, pooled to one size.

use super::composite::through;
use crate::error::Result;
use crate::onnx::{AttributeProto as Attribute, DataType, TensorProto};
use crate::tape::{Node, Tape, Tensor};

/// Below every value of an image.
const LOWEST: f64 = -1e38;

/// Larger than the number of samples along a side of a bin in any real model.
const MAX_SAMPLES: f64 = 64.0;

/// What RoiAlign's attributes state.
struct RoiAlign {
    /// Height and width of the result.
    bins: [usize; 2],
    /// The samples along each side of a bin, for each region or for all.
    samples: Vec<[usize; 2]>,
    half_pixel: bool,
    spatial_scale: f64,
    takes_maximum: bool,
}

/// The positions of samples along one axis, for all regions `[regions, samples]`.
struct Places {
    low: Tensor,
    high: Tensor,
    /// The weights of both, 0 for samples outside.
    weights: [Tensor; 2],
}

/// Every bin of a region is the mean or maximum of samples by linear interpolation.
pub fn roi_align(tape: &mut Tape, node: &Node, _: &Tensor) -> Result<Vec<Option<Tensor>>> {
    let align = RoiAlign::of(node, tape)?;
    through(tape, node, |tape, inputs| {
        let (Some(Some(x)), Some(Some(rois)), batch) = (inputs.first(), inputs.get(1), node.input(2)?) else {
            return Err(node.error("lacks an input"));
        };
        let &[images, channels, height, width] = x.shape.as_slice() else {
            return Err(node.error("has an input that is not a picture"));
        };
        let regions = rois.shape[0];
        let rows = align.places(tape, rois, 0, height);
        let columns = align.places(tape, rois, 1, width);
        let start = tape.cast(batch, DataType::Int64);
        let size = tape.constant(TensorProto::from_integers("", &[1], &[(height * width) as i64]));
        let start = tape.mul(&start, &size);
        let start = tape.reshape(&start, &[regions, 1, 1]);
        let pixels = tape.transpose(x, &[1, 0, 2, 3]);
        let pixels = tape.reshape(&pixels, &[channels, images * height * width]);
        let parts = weighted_pixels(tape, &pixels, &start, [&rows, &columns], width);
        Ok(vec![align.pooled(tape, &parts, [channels, regions])])
    })
}

/// The four pixels around each sample, times their weights: channel, region, row and column of samples. `start` is each
/// region's image in `pixels`.
fn weighted_pixels(
    tape: &mut Tape,
    pixels: &Tensor,
    start: &Tensor,
    [rows, columns]: [&Places; 2],
    width: usize,
) -> Vec<Tensor> {
    let &[regions, down] = rows.low.shape.as_slice() else { return Vec::new() };
    let across = columns.low.shape[1];
    let mut parts = Vec::new();
    for (y, by_y) in [&rows.low, &rows.high].into_iter().zip(&rows.weights) {
        for (x, by_x) in [&columns.low, &columns.high].into_iter().zip(&columns.weights) {
            let [y, by_y] = [y, by_y].map(|t| tape.reshape(t, &[regions, down, 1]));
            let [x, by_x] = [x, by_x].map(|t| tape.reshape(t, &[regions, 1, across]));
            let row = tape.scale(&y, width as f64);
            let place = tape.add(&row, &x);
            let place = tape.cast(&place, DataType::Int64);
            let place = tape.add(start, &place);
            let along = vec![Attribute::int("axis", 1)];
            let shape = vec![pixels.shape[0], regions, down, across];
            let values = tape.emit("Gather", &[pixels, &place], along, pixels.dtype, shape);
            let weight = tape.mul(&by_y, &by_x);
            parts.push(tape.mul(&values, &weight));
        }
    }
    parts
}

impl RoiAlign {
    fn of(node: &Node, tape: &Tape) -> Result<Self> {
        let (x, rois) = (node.input(0)?, node.input(1)?);
        let size = |name: &str| {
            node.proto.int(name).map_or(Some(1), |size| usize::try_from(size).ok().filter(|size| *size > 0))
        };
        let (Some(height), Some(width), 4, [regions, 4]) =
            (size("output_height"), size("output_width"), x.rank(), rois.shape.as_slice())
        else {
            return Err(node.error("has regions or sizes that do not fit its input"));
        };
        let default = if tape.opset() < 16 { "output_half_pixel" } else { "half_pixel" };
        let mode = node.proto.text("coordinate_transformation_mode").unwrap_or(default);
        let mut align = Self {
            bins: [height, width],
            samples: Vec::new(),
            half_pixel: mode == "half_pixel",
            spatial_scale: node.proto.float("spatial_scale").map_or(1.0, f64::from),
            takes_maximum: node.proto.text("mode") == Some("max"),
        };
        if node.output(0)?.shape != [*regions, x.shape[1], height, width] || x.shape.contains(&0) || *regions == 0 {
            return Err(node.error("has regions or sizes that do not fit its input"));
        }
        align.samples = match node.proto.int("sampling_ratio").unwrap_or(0) {
            0 => align.by_size(tape, node, rois)?,
            ratio => {
                let ratio = usize::try_from(ratio).ok().filter(|ratio| *ratio as f64 <= MAX_SAMPLES);
                let ratio = ratio.ok_or_else(|| node.error("has a sampling_ratio that does not fit its input"))?;
                vec![[ratio; 2]]
            }
        };
        Ok(align)
    }

    /// As many samples as a bin has pixels along each side.
    fn by_size(&self, tape: &Tape, node: &Node, rois: &Tensor) -> Result<Vec<[usize; 2]>> {
        let problem =
            "takes as many samples as its regions are large, and they depend on the picture or are over 1,024";
        let known = tape
            .constant_of(rois)
            .ok_or_else(|| node.error(&format!("{problem}; export the model with a sampling_ratio above 0")))?;
        let of_region = |region: &[f64]| -> Result<[usize; 2]> {
            // In single precision, as in ONNX Runtime: a sample more or less would change the result.
            let offset = if self.half_pixel { 0.5 } else { 0.0 };
            let place = |corner: usize| region[corner] as f32 * self.spatial_scale as f32 - offset;
            let count = |axis: usize| {
                let extent = place(3 - axis) - place(1 - axis);
                let extent = if self.half_pixel { extent } else { extent.max(1.0) };
                (extent / self.bins[axis] as f32).ceil()
            };
            let counts = [count(0), count(1)];
            let fits = counts.iter().all(|count| (1.0..=MAX_SAMPLES as f32).contains(count));
            fits.then_some(counts.map(|count| count as usize))
                .ok_or_else(|| node.error("has a region without a size, or too large"))
        };
        known.reals()?.chunks_exact(4).map(of_region).collect()
    }

    /// The most samples along one side of a bin.
    fn most(&self, axis: usize) -> usize {
        self.samples.iter().map(|samples| samples[axis]).max().unwrap_or(1)
    }

    /// The places of samples along the rows (axis 0) or columns (axis 1) of images of `size`.
    fn places(&self, tape: &mut Tape, rois: &Tensor, axis: usize, size: usize) -> Places {
        let regions = rois.shape[0];
        let corner = |tape: &mut Tape, index: usize| {
            let corner = tape.slice(rois, &[0, index], &[regions, index + 1]);
            let corner = tape.scale(&corner, self.spatial_scale);
            let offset = tape.scalar(&corner, if self.half_pixel { 0.5 } else { 0.0 });
            tape.sub(&corner, &offset)
        };
        let (start, end) = (corner(tape, 1 - axis), corner(tape, 3 - axis));
        let mut extent = tape.sub(&end, &start);
        if !self.half_pixel {
            let one = tape.scalar(&extent, 1.0);
            extent = tape.binary("Max", &extent, &one);
        }
        let bin = tape.scale(&extent, 1.0 / self.bins[axis] as f64);
        let fractions = self.fractions(tape, rois, axis);
        let offset = tape.mul(&bin, &fractions);
        let at = tape.add(&start, &offset);
        let at = tape.expand(&at, &[regions, fractions.shape[1]]);
        let (low_limit, high_limit) = (tape.scalar(&at, -1.0), tape.scalar(&at, size as f64));
        let above = tape.compare("Less", &at, &low_limit);
        let below = tape.compare("Greater", &at, &high_limit);
        let outside = tape.compare("Or", &above, &below);
        let inside = tape.unary("Not", &outside);
        let (zero, one, last) = (tape.scalar(&at, 0.0), tape.scalar(&at, 1.0), tape.scalar(&at, size as f64 - 1.0));
        let at = tape.binary("Max", &at, &zero);
        let at = tape.binary("Min", &at, &last);
        let low = tape.unary("Floor", &at);
        let next = tape.add(&low, &one);
        let high = tape.binary("Min", &next, &last);
        let ahead = tape.sub(&at, &low);
        let rest = tape.sub(&one, &ahead);
        Places { low, high, weights: [rest, ahead].map(|weight| tape.where_(&inside, &weight, &zero)) }
    }

    /// The places of samples in a region, in bins from its start. A region with fewer samples than others has places
    /// that do not count.
    fn fractions(&self, tape: &mut Tape, rois: &Tensor, axis: usize) -> Tensor {
        let most = self.most(axis);
        let mut values = Vec::new();
        for samples in &self.samples {
            let place = |place: usize| (place / most) as f64 + ((place % most) as f64 + 0.5) / samples[axis] as f64;
            values.extend((0..self.bins[axis] * most).map(place));
        }
        let shape = [self.samples.len(), self.bins[axis] * most];
        tape.constant(TensorProto::from_reals("", rois.dtype, &shape, &values))
    }

    /// 1 for samples that count, in the axes region, bin, sample, bin and sample.
    fn counted(&self, tape: &mut Tape, like: &Tensor) -> Tensor {
        let [down, across] = [self.most(0), self.most(1)];
        let mut values = Vec::new();
        for samples in &self.samples {
            let counts = |place: usize| place / across < samples[0] && place % across < samples[1];
            values.extend((0..down * across).map(|place| f64::from(u8::from(counts(place)))));
        }
        let shape = [self.samples.len(), 1, down, 1, across];
        tape.constant(TensorProto::from_reals("", like.dtype, &shape, &values))
    }

    /// The mean or maximum of the samples of each bin. `parts` are the weighted pixels of each sample.
    fn pooled(&self, tape: &mut Tape, parts: &[Tensor], [channels, regions]: [usize; 2]) -> Tensor {
        let split = [channels, regions, self.bins[0], self.most(0), self.bins[1], self.most(1)];
        let mut whole = parts[0].clone();
        for part in &parts[1..] {
            whole = if self.takes_maximum { tape.binary("Max", &whole, part) } else { tape.add(&whole, part) };
        }
        let samples = tape.reshape(&whole, &split);
        let counted = self.counted(tape, &samples);
        let pooled = if self.takes_maximum {
            let (half, lowest) = (tape.scalar(&samples, 0.5), tape.scalar(&samples, LOWEST));
            let counts = tape.compare("Greater", &counted, &half);
            let samples = tape.where_(&counts, &samples, &lowest);
            tape.reduce(&samples, "ReduceMax", &[3, 5])
        } else {
            let share: Vec<f64> = self.samples.iter().map(|[down, across]| 1.0 / (down * across) as f64).collect();
            let share = tape.constant(TensorProto::from_reals("", samples.dtype, &[share.len(), 1, 1, 1, 1], &share));
            let weights = tape.mul(&counted, &share);
            let weighted = tape.mul(&samples, &weights);
            tape.reduce_sum(&weighted, &[3, 5])
        };
        let pooled = tape.reshape(&pooled, &[channels, regions, self.bins[0], self.bins[1]]);
        tape.transpose(&pooled, &[1, 0, 2, 3])
    }
}
