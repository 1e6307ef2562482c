//! Appearance memory: what the salient objects of a shot look like to the classifier, and what the rest looks like.
//!
//! A linear discriminant (Fisher 1936) on the classifier's features, learnt during the shot from the fused maps
//! themselves. The features tell a swan from the water that moves like it.

use opencv::core::{CV_64FC1, DECOMP_CHOLESKY, Mat, Size};
use opencv::prelude::*;

use super::flow_history::FlowHistory;
use crate::Result;
use crate::frame::{Features, Gradient};
use crate::raster;

/// Share of the memory that remains from one key frame to the next.
const KEEP: f64 = 0.96;
/// The weight of a cell as an example is this power of its saliency, or of 1 minus its saliency: only clear cells
/// count.
const CLEAR: i32 = 4;
/// If a smaller share of all examples is salient, the discriminant is biased against salience.
const MIN_SALIENT_SHARE: f64 = 0.1;
/// Added to the diagonal of the covariance, relative to the mean of the diagonal: directions that hardly vary carry no
/// information.
const RIDGE: f64 = 0.05;
/// Further channels are folded into the first ones (Weinberger et al. 2009): the cost grows with the square of the
/// number.
const MAX_CHANNELS: usize = 128;

/// What has been salient and what has not, in terms of the classifier's features.
#[derive(Default)]
pub(super) struct AppearanceMemory {
    remembered: Option<AppearanceExamples>,
    /// The features of the current key frame, until they are learnt.
    present: Option<FeatureGrid>,
    /// The log ratio at the size of the maps, warped along the flow between key frames.
    ratio: Option<Mat>,
}

impl AppearanceMemory {
    /// For each pixel, the log of how much more likely its features are under the salient class than under the rest;
    /// `None` until features are known. `saliency` is the frame's map before appearance is considered.
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

    /// Learns the frame, if it is a key frame, with its final saliency (0..=1), weighted by `weight`.
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

/// One feature vector per cell of a grid.
struct FeatureGrid {
    size: Size,
    channels: usize,
    /// Cell by cell.
    vectors: Vec<f64>,
}

impl FeatureGrid {
    /// Channels beyond the limit are added to the first ones with a pseudo-random sign.
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

/// Weighted sums over salient and other cells.
struct AppearanceExamples {
    /// Sums of weights: salient, other.
    mass: [f64; 2],
    /// Sums of vectors.
    sums: [Vec<f64>; 2],
    /// Sum of the outer products of all vectors with themselves; the lower triangle in row order.
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

    /// The memory with `present` added, weighted by `weight` (0..=1). It forgets as fast as it learns.
    fn mixed(mut self, present: &Self, weight: f64) -> Self {
        let keep = KEEP.powf(weight);
        let mix = |a: &mut [f64], b: &[f64]| a.iter_mut().zip(b).for_each(|(a, b)| *a = keep * *a + weight * b);
        mix(&mut self.mass, &present.mass);
        mix(&mut self.products, &present.products);
        self.sums.iter_mut().zip(&present.sums).for_each(|(a, b)| mix(a, b));
        self
    }

    /// The log likelihood ratio of the two classes in each cell. Both classes are Gaussian with the same covariance.
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

    /// The difference of the means, multiplied by the inverse of the within-class covariance.
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

/// The mean of a map over each cell of a grid.
fn shrink(map: &Mat, size: Size) -> Result<Vec<f32>> {
    Ok(raster::values(&raster::area(map, size)?)?.to_vec())
}

fn enlarge(values: &[f32], from: Size, to: Size) -> Result<Mat> {
    raster::enlarged(&raster::from_values(from, values)?, to)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two channels on a grid of 8 x 8. The halves differ in the first channel, and both channels vary a little.
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
        // Only the upper half is labelled; the lower half must be classified by its appearance.
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
