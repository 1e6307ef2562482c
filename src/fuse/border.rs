//! Contrast to the border: what no path of even colour joins to the picture's border stands out from its background.
//! Minimum barrier distance by raster scans (Zhang et al., "Minimum Barrier Salient Object Detection at 80 FPS", 2015).

use opencv::core::{Mat, Vec3b};
use opencv::prelude::*;

use crate::Result;
use crate::motion::quantile::quantiles;
use crate::motion::raster;

/// Passes over the picture, alternately from its first and from its last pixel.
const PASSES: usize = 3;
/// The least distance, summed over Lab's three channels, that full contrast has: a flat picture has none.
const LEAST: f32 = 20.0;

/// Contrast of each pixel of an 8-bit Lab picture to the border: `CV_32FC1`, 0..=1.
pub(super) fn border_contrast(lab: &Mat) -> Result<Mat> {
    let smooth = raster::blur(lab, 1.0)?;
    let size = smooth.size()?;
    let pixels = smooth.data_typed::<Vec3b>()?;
    let mut out = raster::zeros(size)?;
    let sum = out.data_typed_mut::<f32>()?;
    for channel in 0..3 {
        let levels: Vec<u16> = pixels.iter().map(|pixel| u16::from(pixel[channel])).collect();
        let distances = barrier_distance(&levels, size.width as usize);
        sum.iter_mut().zip(distances).for_each(|(sum, distance)| *sum += f32::from(distance));
    }
    let [full] = quantiles(sum, [0.95]);
    sum.iter_mut().for_each(|value| *value = (*value / full.max(LEAST)).min(1.0));
    Ok(out)
}

/// The least barrier (highest less lowest level) found on paths from each pixel to the border, in rows of `width`.
fn barrier_distance(levels: &[u16], width: usize) -> Vec<u16> {
    let mut paths = Paths::at_border(levels, width);
    let height = levels.len() / width;
    for pass in 0..PASSES {
        if pass % 2 == 0 {
            (0..height).for_each(|y| paths.relax_row(levels, y, (y > 0).then(|| y - 1), false));
        } else {
            (0..height).rev().for_each(|y| paths.relax_row(levels, y, (y + 1 < height).then_some(y + 1), true));
        }
    }
    paths.barrier
}

/// The best path known from each pixel to the border: its highest and lowest level, and their difference.
struct Paths {
    width: usize,
    high: Vec<u16>,
    low: Vec<u16>,
    barrier: Vec<u16>,
}

impl Paths {
    /// Border pixels are there already; all others know no path.
    fn at_border(levels: &[u16], width: usize) -> Self {
        let height = levels.len() / width;
        let edge = |i: usize| i % width == 0 || i % width == width - 1 || i / width == 0 || i / width == height - 1;
        let barrier = (0..levels.len()).map(|i| if edge(i) { 0 } else { u16::MAX }).collect();
        Self { width, high: levels.to_vec(), low: levels.to_vec(), barrier }
    }

    /// Tries paths through the row `from`, then through the neighbour before each pixel in scan order. Each row is
    /// final before the next is scanned, so this equals a pixel by pixel scan, and its first half is vector code.
    fn relax_row(&mut self, levels: &[u16], y: usize, from: Option<usize>, backwards: bool) {
        let width = self.width;
        if let Some(from) = from {
            let (this, other) = (y * width, from * width);
            for x in 0..width {
                let level = levels[this + x];
                let (high, low) = (self.high[other + x].max(level), self.low[other + x].min(level));
                let better = high - low < self.barrier[this + x];
                self.high[this + x] = if better { high } else { self.high[this + x] };
                self.low[this + x] = if better { low } else { self.low[this + x] };
                self.barrier[this + x] = self.barrier[this + x].min(high - low);
            }
        }
        let row = y * width;
        if backwards {
            (row..row + width - 1).rev().for_each(|i| self.relax(levels, i, i + 1));
        } else {
            (row + 1..row + width).for_each(|i| self.relax(levels, i, i - 1));
        }
    }

    #[inline]
    fn relax(&mut self, levels: &[u16], to: usize, from: usize) {
        let (high, low) = (self.high[from].max(levels[to]), self.low[from].min(levels[to]));
        if high - low < self.barrier[to] {
            (self.high[to], self.low[to], self.barrier[to]) = (high, low, high - low);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wall_is_crossed_where_it_is_lowest() {
        #[rustfmt::skip]
        let levels = [
            5, 5, 5, 5, 5, 5,
            5, 9, 9, 9, 9, 5,
            5, 9, 2, 4, 7, 5,
            5, 9, 9, 9, 9, 5,
            5, 5, 5, 5, 5, 5,
        ];
        // The 4 leaves through 7 (levels 4 to 7: 3), and the 2 follows it (2 to 7: 5), which beats the 9 (2 to 9: 7).
        #[rustfmt::skip]
        let expected = [
            0, 0, 0, 0, 0, 0,
            0, 4, 4, 4, 4, 0,
            0, 4, 5, 3, 2, 0,
            0, 4, 4, 4, 4, 0,
            0, 0, 0, 0, 0, 0,
        ];
        assert_eq!(barrier_distance(&levels, 6), expected);
    }

    #[test]
    fn a_path_may_need_every_direction() {
        // A spiral of 1 in a field of 8: only a path around its corners stays level.
        #[rustfmt::skip]
        let levels = [
            8, 8, 8, 8, 8, 8, 8,
            8, 1, 1, 1, 1, 1, 8,
            8, 1, 8, 8, 8, 1, 8,
            8, 1, 8, 1, 1, 1, 8,
            8, 1, 8, 8, 8, 8, 8,
            8, 1, 8, 8, 8, 8, 8,
            8, 1, 8, 8, 8, 8, 8,
        ];
        assert_eq!(barrier_distance(&levels, 7)[3 * 7 + 3], 0);
    }
}
