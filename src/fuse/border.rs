//! Border contrast: a pixel that no path of uniform colour connects to the border stands out from the background.
//! Computed as the minimum barrier distance by raster scans (Zhang et al., "Minimum Barrier Salient Object Detection at
//! 80 FPS", 2015).

use opencv::core::{Mat, Vec3b};
use opencv::prelude::*;

use crate::Result;
use crate::raster;
use crate::raster::quantile::quantiles;

/// Number of passes over the picture, alternately from the first and from the last pixel.
const PASSES: usize = 3;
/// Minimum distance, summed over the three Lab channels, for full contrast: a flat picture has no contrast.
const MIN_RANGE: f32 = 20.0;

/// Four lanes (L, a, b and a spare one) with the level of a pixel or the highest level on a path, then four lanes with
/// the negated level or the negated *lowest* level. Extending a path is then a maximum over all eight lanes, which is
/// one vector instruction.
type Lanes = [i16; 8];

/// Larger than the barrier of any path, for a path that is not known yet.
const UNKNOWN: i16 = 1024;

/// Distance below which a picture has no structure (a wall, a sky). Photographs reach at least 26.
const FLAT: f32 = 10.0;

/// How the picture's content stands out from its border.
pub(super) struct BorderContrast {
    /// Contrast of each pixel: `CV_32FC1`, 0..=1.
    pub map: Mat,
    /// Whether anything stands out from the border, 0..=1.
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

/// Highest minus lowest level of a path per channel, in both halves of the lanes.
#[inline(always)]
fn barriers(path: &Lanes) -> Lanes {
    std::array::from_fn(|i| path[i] + path[(i + 4) % 8])
}

/// The path with the lowest barrier found from each pixel to the border, in rows of `width`, for each channel
/// separately.
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

/// Border pixels start with their own path; all other paths are unknown.
fn paths_at_border(levels: &[Lanes], width: usize) -> Vec<Lanes> {
    let height = levels.len() / width;
    let at_border = |i: usize| [0, width - 1].contains(&(i % width)) || [0, height - 1].contains(&(i / width));
    let unknown = [UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, 0, 0, 0, 0];
    levels.iter().enumerate().map(|(i, level)| if at_border(i) { *level } else { unknown }).collect()
}

/// Tries paths through row `from` for the pixels of row `y`.
///
/// A row is final before the next one is scanned, so a pass from above followed by one from the side equals a
/// pixel-by-pixel scan.
fn relax_row(paths: &mut [Lanes], levels: &[Lanes], width: usize, y: usize, from: usize) {
    for x in 0..width {
        let through = paths[from * width + x];
        let i = y * width + x;
        paths[i] = relaxed(&paths[i], &through, &levels[i]);
    }
}

/// Tries paths through the previous pixel, in iteration order.
fn relax_along<'a>(mut paths: impl Iterator<Item = &'a mut Lanes>, levels: impl Iterator<Item = &'a Lanes>) {
    let Some(&mut first) = paths.next() else { return };
    paths.zip(levels.skip(1)).fold(first, |before, (path, level)| {
        *path = relaxed(path, &before, level);
        *path
    });
}

/// `path`, or, in each channel in which its barrier is lower, the neighbour's path extended to this pixel's `level`.
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

    /// The distances in the first channel. The second channel has the levels inverted, and all channels must agree.
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
        // The 4 leaves through the 7 (levels 4 to 7: 3). The 2 follows it (2 to 7: 5), which beats leaving through the
        // 9 (2 to 9: 7).
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
        // A spiral of 1 in a field of 8: only a path that goes up, right and down stays level.
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
