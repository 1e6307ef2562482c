//! Contrast to the border: what no path of even colour joins to the picture's border stands out from its background.
//! Minimum barrier distance by raster scans (Zhang et al., "Minimum Barrier Salient Object Detection at 80 FPS", 2015).

use opencv::core::{Mat, Vec3b};
use opencv::prelude::*;

use crate::Result;
use crate::raster;
use crate::raster::quantile::quantiles;

/// Passes over the picture, alternately from its first and from its last pixel.
const PASSES: usize = 3;
/// The least distance, summed over Lab's three channels, that full contrast has: a flat picture has none.
const MIN_RANGE: f32 = 20.0;

/// A level, or for a path the highest level on it, for each of Lab's channels and one lane to spare; then the same
/// negated, or the *lowest*, negated: so the longer path is a maximum of all eight, which is one vector instruction.
type Lanes = [i16; 8];

/// The barrier of a path not yet known: more than any.
const UNKNOWN: i16 = 1024;

/// Distance below which a picture has no structure: a wall, a sky. Photographs come to 26 at least.
const FLAT: f32 = 10.0;

/// How what a picture shows stands out from its border.
pub(super) struct BorderContrast {
    /// Of each pixel: `CV_32FC1`, 0..=1.
    pub map: Mat,
    /// Whether anything stands out, 0..=1.
    pub structure: f32,
}

/// Contrast of each pixel of an 8-bit Lab picture to the border.
pub(super) fn border_contrast(lab: &Mat) -> Result<BorderContrast> {
    let smooth = raster::blur(lab, 1.0)?;
    let size = smooth.size()?;
    let levels: Vec<Lanes> = smooth.data_typed::<Vec3b>()?.iter().map(|pixel| lanes(pixel.0)).collect();
    let paths = best_paths(&levels, size.width as usize);
    let sums: Vec<f32> = paths.iter().map(|path| f32::from(barriers(path)[..3].iter().sum::<i16>())).collect();
    let [full] = quantiles(&sums, [0.95]);
    let contrast: Vec<f32> = sums.iter().map(|sum| (sum / full.max(MIN_RANGE)).min(1.0)).collect();
    let structure = ((full - FLAT) / (MIN_RANGE - FLAT)).clamp(0.0, 1.0);
    Ok(BorderContrast { map: raster::from_values(size, &contrast)?, structure })
}

fn lanes([l, a, b]: [u8; 3]) -> Lanes {
    let [l, a, b] = [l, a, b].map(i16::from);
    [l, a, b, 0, -l, -a, -b, 0]
}

/// Highest less lowest level of a path, for each channel, twice.
#[inline(always)]
fn barriers(path: &Lanes) -> Lanes {
    std::array::from_fn(|i| path[i] + path[(i + 4) % 8])
}

/// The path of least barrier found from each pixel to the border, in rows of `width`, for each channel by itself.
fn best_paths(levels: &[Lanes], width: usize) -> Vec<Lanes> {
    let mut paths = paths_at_border(levels, width);
    let height = levels.len() / width;
    for pass in 0..PASSES {
        for y in 0..height {
            let (y, from) = if pass % 2 == 0 { (y, y.checked_sub(1)) } else { (height - 1 - y, height.checked_sub(y)) };
            if let Some(from) = from.filter(|from| *from < height) {
                relax_row(&mut paths, levels, width, y, from);
            }
            let row = y * width..(y + 1) * width;
            let (paths, levels) = (paths[row.clone()].iter_mut(), levels[row].iter());
            if pass % 2 == 0 { relax_along(paths, levels) } else { relax_along(paths.rev(), levels.rev()) }
        }
    }
    paths
}

/// Border pixels are there already; all others know no path.
fn paths_at_border(levels: &[Lanes], width: usize) -> Vec<Lanes> {
    let height = levels.len() / width;
    let at_border = |i: usize| [0, width - 1].contains(&(i % width)) || [0, height - 1].contains(&(i / width));
    let unknown = [UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, 0, 0, 0, 0];
    levels.iter().enumerate().map(|(i, level)| if at_border(i) { *level } else { unknown }).collect()
}

/// Tries, for the pixels of row `y`, paths through the row `from`.
///
/// A row is final before the next is scanned, so a row from above and then from the side equals a scan pixel by pixel.
fn relax_row(paths: &mut [Lanes], levels: &[Lanes], width: usize, y: usize, from: usize) {
    for x in 0..width {
        let through = paths[from * width + x];
        let i = y * width + x;
        paths[i] = relaxed(&paths[i], &through, &levels[i]);
    }
}

/// Tries paths through the pixel before, in the order given.
fn relax_along<'a>(mut paths: impl Iterator<Item = &'a mut Lanes>, levels: impl Iterator<Item = &'a Lanes>) {
    let Some(&mut first) = paths.next() else { return };
    paths.zip(levels.skip(1)).fold(first, |before, (path, level)| {
        *path = relaxed(path, &before, level);
        *path
    });
}

/// `path`, or in each channel where its barrier is lower, the path of a neighbour prolonged to this pixel's `level`.
#[inline(always)]
fn relaxed(path: &Lanes, through: &Lanes, level: &Lanes) -> Lanes {
    let mut longer = *through;
    longer.iter_mut().zip(level).for_each(|(longer, level)| *longer = (*longer).max(*level));
    let mut chosen = *path;
    let (now, then) = (barriers(path), barriers(&longer));
    for ((chosen, longer), (now, then)) in chosen.iter_mut().zip(&longer).zip(now.iter().zip(&then)) {
        *chosen = if then < now { *longer } else { *chosen };
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The distances of the first channel; the others see the levels upside down, and must come to the same.
    fn distances(levels: &[u8], width: usize) -> Vec<i16> {
        let levels: Vec<Lanes> = levels.iter().map(|&v| lanes([v, 9 - v, v])).collect();
        let distances: Vec<Lanes> = best_paths(&levels, width).iter().map(barriers).collect();
        assert!(distances.iter().all(|&[l, a, b, ..]| l == a && l == b));
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
