//! Memory of appearance: what the salient things of this shot look like to the classifier, and what the rest does.
//!
//! A linear discriminant (Fisher 1936) of the classifier's own features, learnt as the shot goes on from the fused maps
//! themselves. Its features tell a swan from the water that moves like it.

use opencv::core::{CV_64FC1, DECOMP_CHOLESKY, Mat, Size};
use opencv::prelude::*;

use super::flow_history::FlowHistory;
use crate::Result;
use crate::frame::{Features, Gradient};
use crate::raster;

/// Part of the memory that stays from one key frame to the next.
const KEEP: f64 = 0.96;
/// A place is an example by this power of its saliency, or of the lack of it: only clear ones count.
const CLEAR: i32 = 4;
/// Below this part of all examples being salient, the discriminant leans towards nothing being so.
const MIN_SALIENT_SHARE: f64 = 0.1;
/// Added to the diagonal of the covariance, in its mean: directions hardly ever seen tell nothing.
const RIDGE: f64 = 0.05;
/// More channels than this are folded into as many (Weinberger et al. 2009): the cost grows with their square.
const MAX_CHANNELS: usize = 128;

/// What has been salient and what has not, in terms of the classifier's features.
#[derive(Default)]
pub(super) struct AppearanceMemory {
    remembered: Option<AppearanceExamples>,
    /// The features at hand and where they were taken, until they are learnt.
    present: Option<FeatureGrid>,
    /// The log ratio, at the maps' size, carried along the flow between key frames.
    ratio: Option<Mat>,
}

impl AppearanceMemory {
    /// For each pixel, the log of how much likelier what the classifier sees there is in what is salient than in the
    /// rest; `None` while no features are known. `saliency` is the frame's map as it looks so far.
    pub(super) fn log_ratio(
        &mut self,
        gradient: Option<&Gradient>,
        trail: &FlowHistory,
        saliency: &Mat,
    ) -> Result<Option<&Mat>> {
        self.ratio = self.ratio.take().map(|ratio| trail.warp(&ratio)).transpose()?;
        self.present = gradient.and_then(|gradient| gradient.features.as_ref()).map(FeatureGrid::of);
        if let (Some(grid), Some(gradient)) = (&self.present, gradient) {
            if self.remembered.as_ref().is_none_or(|examples| examples.channels() != grid.channels) {
                self.remembered = Some(AppearanceExamples::of(grid, &shrink(saliency, grid.size)?));
            }
            if let Some(examples) = &self.remembered {
                let ratio = enlarge(&examples.log_ratio(grid)?, grid.size, saliency.size()?)?;
                self.ratio = trail.warp_from(gradient.index, ratio)?.or(self.ratio.take());
            }
        }
        Ok(self.ratio.as_ref())
    }

    /// Remembers the frame, if it is a key frame, with its final saliency (0..=1); it counts by `weight`.
    pub(super) fn learn(&mut self, saliency: &Mat, weight: f32) -> Result<()> {
        if let Some(grid) = self.present.take() {
            let examples = AppearanceExamples::of(&grid, &shrink(saliency, grid.size)?);
            self.remembered = Some(match self.remembered.take() {
                Some(remembered) => remembered.mixed(&examples, f64::from(weight)),
                None => examples,
            });
        }
        Ok(())
    }
}

/// A feature vector for each place of a grid.
struct FeatureGrid {
    size: Size,
    channels: usize,
    /// Place by place.
    vectors: Vec<f64>,
}

impl FeatureGrid {
    /// Channels beyond the bound are added to others with a sign that is as good as drawn by lot.
    fn of(features: &Features) -> Self {
        let Features { channels: given, height, width, values } = features;
        let (places, channels) = (height * width, (*given).min(MAX_CHANNELS));
        let mut vectors = vec![0.0; places * channels];
        for (channel, plane) in values.chunks_exact(places).enumerate() {
            let sign = if (channel / channels * 31 + channel * 17) % 7 < 3 { -1.0 } else { 1.0 };
            for (place, value) in plane.iter().enumerate() {
                vectors[place * channels + channel % channels] += sign * f64::from(*value);
            }
        }
        Self { size: Size::new(*width as i32, *height as i32), channels, vectors }
    }

    fn places(&self) -> impl Iterator<Item = &[f64]> {
        self.vectors.chunks_exact(self.channels)
    }
}

/// Weighted sums over salient places and over others.
struct AppearanceExamples {
    /// Sums of weights: salient, other.
    mass: [f64; 2],
    /// Sums of vectors.
    sums: [Vec<f64>; 2],
    /// Sum of the products of each vector with itself, over all; the lower triangle row by row.
    products: Vec<f64>,
}

impl AppearanceExamples {
    fn of(grid: &FeatureGrid, saliency: &[f32]) -> Self {
        let channels = grid.channels;
        let mut found = Self {
            mass: [0.0; 2],
            sums: [vec![0.0; channels], vec![0.0; channels]],
            products: vec![0.0; channels * (channels + 1) / 2],
        };
        for (vector, s) in grid.places().zip(saliency) {
            found.add(vector, [s.powi(CLEAR), (1.0 - s).powi(CLEAR)].map(f64::from));
        }
        found
    }

    fn add(&mut self, vector: &[f64], weights: [f64; 2]) {
        for ((mass, sums), weight) in self.mass.iter_mut().zip(&mut self.sums).zip(weights) {
            *mass += weight;
            sums.iter_mut().zip(vector).for_each(|(sum, value)| *sum += weight * value);
        }
        let weight = weights[0] + weights[1];
        let mut rest = self.products.as_mut_slice();
        for (row, value) in vector.iter().enumerate() {
            let (line, below) = rest.split_at_mut(row + 1);
            line.iter_mut().zip(vector).for_each(|(sum, other)| *sum += weight * value * other);
            rest = below;
        }
    }

    fn channels(&self) -> usize {
        self.sums[0].len()
    }

    /// The memory with `present` added to it by `weight`, 0..=1; it forgets as fast as it learns.
    fn mixed(mut self, present: &Self, weight: f64) -> Self {
        let keep = KEEP.powf(weight);
        let mix = |a: &mut [f64], b: &[f64]| a.iter_mut().zip(b).for_each(|(a, b)| *a = keep * *a + weight * b);
        mix(&mut self.mass, &present.mass);
        mix(&mut self.products, &present.products);
        self.sums.iter_mut().zip(&present.sums).for_each(|(a, b)| mix(a, b));
        self
    }

    /// The log ratio of the two classes' likelihoods at each place, both Gaussian and of one covariance.
    fn log_ratio(&self, grid: &FeatureGrid) -> Result<Vec<f32>> {
        let [salient, other] = [0, 1].map(|class| {
            let mass = self.mass[class].max(1e-9);
            self.sums[class].iter().map(|sum| sum / mass).collect::<Vec<f64>>()
        });
        let part = self.mass[0] / (self.mass[0] + self.mass[1]).max(1e-9);
        let towards = self.direction(&salient, &other, part)?;
        let middle: f64 = salient.iter().zip(&other).zip(&towards).map(|((s, o), t)| 0.5 * (s + o) * t).sum();
        let offset = (part.max(1e-9) / MIN_SALIENT_SHARE).ln().min(0.0) - middle;
        let along = |vector: &[f64]| vector.iter().zip(&towards).map(|(v, t)| v * t).sum::<f64>();
        Ok(grid.places().map(|vector| (along(vector) + offset) as f32).collect())
    }

    /// The difference of the means, divided by the covariance within the classes.
    fn direction(&self, salient: &[f64], other: &[f64], part: f64) -> Result<Vec<f64>> {
        let channels = self.channels();
        let mass = (self.mass[0] + self.mass[1]).max(1e-9);
        let mut within = vec![0.0; channels * channels];
        for (row, start) in (0..channels).map(|row| (row, row * (row + 1) / 2)) {
            for column in 0..=row {
                let means = part * salient[row] * salient[column] + (1.0 - part) * other[row] * other[column];
                let value = self.products[start + column] / mass - means;
                within[row * channels + column] = value;
                within[column * channels + row] = value;
            }
        }
        let trace: f64 = (0..channels).map(|i| within[i * (channels + 1)]).sum();
        (0..channels).for_each(|i| within[i * (channels + 1)] += RIDGE * trace / channels as f64 + 1e-12);
        let difference: Vec<f64> = salient.iter().zip(other).map(|(s, o)| s - o).collect();
        let within = Mat::from_slice(&within)?;
        let difference = Mat::from_slice(&difference)?;
        let side = channels as i32;
        let mut towards = Mat::new_rows_cols_with_default(side, 1, CV_64FC1, 0.into())?;
        let (within, difference) = (within.reshape(1, side)?, difference.reshape(1, side)?);
        opencv::core::solve(&within, &difference, &mut towards, DECOMP_CHOLESKY)?;
        Ok(towards.data_typed::<f64>()?.to_vec())
    }
}

/// The means of a map's values over each cell of a grid.
fn shrink(map: &Mat, size: Size) -> Result<Vec<f32>> {
    Ok(raster::values(&raster::area(map, size)?)?.to_vec())
}

fn enlarge(values: &[f32], from: Size, to: Size) -> Result<Mat> {
    raster::enlarged(&raster::from_values(from, values)?, to)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two channels on a grid of 8 x 8: the left half is of one kind, the right of another, both a little uneven.
    fn features() -> Features {
        let right = |i: usize| i % 8 >= 4;
        let uneven = |i: usize| (i * 7 % 5) as f32 * 0.1;
        let first = (0..64).map(|i| if right(i) { 1.0 } else { 0.0 } + uneven(i));
        let second = (0..64).map(|i| 2.0 + uneven(i + 3));
        Features { channels: 2, height: 8, width: 8, values: first.chain(second).collect() }
    }

    fn ratio(saliency: impl Fn(usize) -> f32) -> Vec<f32> {
        let grid = FeatureGrid::of(&features());
        let saliency: Vec<f32> = (0..64).map(saliency).collect();
        AppearanceExamples::of(&grid, &saliency).log_ratio(&grid).unwrap()
    }

    #[test]
    fn what_looks_like_the_salient_things_is_salient() {
        // Only the upper half is known; the lower is told by its looks.
        let ratio = ratio(|i| if i >= 32 { 0.5 } else { f32::from(i % 8 >= 4) });
        assert!(ratio[63] > 1.0 && ratio[56] < -1.0, "{} {}", ratio[63], ratio[56]);
    }

    #[test]
    fn a_trace_of_salience_is_not_talked_up() {
        let found = ratio(|i| if i % 8 >= 4 { 0.3 } else { 0.0 });
        assert!(found[63] < 0.0, "{}", found[63]);
    }

    #[test]
    fn many_channels_are_folded() {
        let values = vec![1.0; 300 * 4];
        let grid = FeatureGrid::of(&Features { channels: 300, height: 2, width: 2, values });
        assert_eq!((grid.channels, grid.places().count()), (MAX_CHANNELS, 4));
    }
}
