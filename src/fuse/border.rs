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

/// One number for each of Lab's channels, and one to spare: four lanes make vector code.
type Lanes = [u16; 4];

/// Contrast of each pixel of an 8-bit Lab picture to the border: `CV_32FC1`, 0..=1.
pub(super) fn border_contrast(lab: &Mat) -> Result<Mat> {
    let smooth = raster::blur(lab, 1.0)?;
    let size = smooth.size()?;
    let lanes = |pixel: &Vec3b| [pixel[0], pixel[1], pixel[2], 0].map(u16::from);
    let levels: Vec<Lanes> = smooth.data_typed::<Vec3b>()?.iter().map(lanes).collect();
    let distances = barrier_distance(&levels, size.width as usize);
    let sums: Vec<f32> = distances.iter().map(|lanes| f32::from(lanes.iter().sum::<u16>())).collect();
    let [full] = quantiles(&sums, [0.95]);
    let contrast: Vec<f32> = sums.iter().map(|sum| (sum / full.max(LEAST)).min(1.0)).collect();
    raster::from_values(size, &contrast)
}

/// The least barrier (highest less lowest level) found on paths from each pixel to the border, in rows of `width`,
/// for each channel by itself.
fn barrier_distance(levels: &[Lanes], width: usize) -> Vec<Lanes> {
    let mut paths = paths_at_border(levels, width);
    let height = levels.len() / width;
    for pass in 0..PASSES {
        if pass % 2 == 0 {
            (0..height).for_each(|y| {
                relax_row(&mut paths, levels, width, y, y.checked_sub(1));
                let row = y * width..(y + 1) * width;
                relax_along(paths[row.clone()].iter_mut(), levels[row].iter());
            });
        } else {
            (0..height).rev().for_each(|y| {
                relax_row(&mut paths, levels, width, y, (y + 1 < height).then_some(y + 1));
                let row = y * width..(y + 1) * width;
                relax_along(paths[row.clone()].iter_mut().rev(), levels[row].iter().rev());
            });
        }
    }
    paths.iter().map(|path| path.barrier).collect()
}

/// The best path known from a pixel to the border: its highest and lowest level, and their difference.
#[derive(Clone, Copy)]
struct Path {
    high: Lanes,
    low: Lanes,
    barrier: Lanes,
}

impl Path {
    /// Takes the way through a neighbour's path where that has the lower barrier; `level` is this pixel's.
    #[inline(always)]
    fn relaxed(self, through: &Self, level: &Lanes) -> Self {
        let high: Lanes = std::array::from_fn(|i| through.high[i].max(level[i]));
        let low: Lanes = std::array::from_fn(|i| through.low[i].min(level[i]));
        let better: [bool; 4] = std::array::from_fn(|i| high[i] - low[i] < self.barrier[i]);
        Self {
            high: std::array::from_fn(|i| if better[i] { high[i] } else { self.high[i] }),
            low: std::array::from_fn(|i| if better[i] { low[i] } else { self.low[i] }),
            barrier: std::array::from_fn(|i| (high[i] - low[i]).min(self.barrier[i])),
        }
    }
}

/// Border pixels are there already; all others know no path.
fn paths_at_border(levels: &[Lanes], width: usize) -> Vec<Path> {
    let height = levels.len() / width;
    let at_border = |i: usize| [0, width - 1].contains(&(i % width)) || [0, height - 1].contains(&(i / width));
    let path = |(i, &level): (usize, &Lanes)| {
        let barrier = if at_border(i) { [0; 4] } else { [u16::MAX; 4] };
        Path { high: level, low: level, barrier }
    };
    levels.iter().enumerate().map(path).collect()
}

/// Tries, for the pixels of row `y`, paths through the row `from`.
///
/// A row is final before the next is scanned, so a row from above and then from the side equals a scan pixel by pixel.
fn relax_row(paths: &mut [Path], levels: &[Lanes], width: usize, y: usize, from: Option<usize>) {
    let Some(from) = from else { return };
    for x in 0..width {
        let through = paths[from * width + x];
        let i = y * width + x;
        paths[i] = paths[i].relaxed(&through, &levels[i]);
    }
}

/// Tries paths through the pixel before, in the order given.
fn relax_along<'a>(mut paths: impl Iterator<Item = &'a mut Path>, levels: impl Iterator<Item = &'a Lanes>) {
    let Some(&mut first) = paths.next() else { return };
    paths.zip(levels.skip(1)).fold(first, |before, (path, level)| {
        *path = path.relaxed(&before, level);
        *path
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The distances of the first channel; the others see the levels upside down, and must come to the same.
    fn distances(levels: &[u16], width: usize) -> Vec<u16> {
        let lanes: Vec<Lanes> = levels.iter().map(|&v| [v, 9 - v, v, 9 - v]).collect();
        let distances = barrier_distance(&lanes, width);
        assert!(distances.iter().all(|lanes| lanes.iter().all(|&lane| lane == lanes[0])));
        distances.iter().map(|lanes| lanes[0]).collect()
    }

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
        assert_eq!(distances(&levels, 6), expected);
    }

    #[test]
    fn a_path_may_need_every_direction() {
        // A spiral of 1 in a field of 8: only a path up, right and down again stays level.
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
        assert_eq!(distances(&levels, 7)[3 * 7 + 5], 0);
    }
}
