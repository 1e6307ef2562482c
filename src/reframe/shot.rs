//! The path of the window through one shot.

use opencv::core::{Point, Size};

use super::evidence::{Axis, EvidenceMap};
use super::loss::{LossTable, MIN_MASS, POSITIONS, Slot, Sums};
use super::smooth::{TRAVEL_SECONDS, smooth_path};
use super::target::{free_range, steady_targets};
use crate::Result;

/// How far, in pixels, the path must be from the window before the window moves: otherwise, a path that rests between
/// two pixels could make it shake.
const ROUNDING_SLACK: f64 = 0.75;

/// What is known about a shot before its path.
pub(super) struct ShotMaps<'a> {
    /// The maps of every `stride`th frame.
    pub maps: &'a [EvidenceMap],
    pub stride: usize,
    /// Number of all frames.
    pub frames: usize,
    /// Frames per second.
    pub fps: f64,
}

/// Where the window is in a shot, and what it keeps.
pub(super) struct ShotPath {
    /// The top left corner of the window in each frame.
    pub corners: Vec<Point>,
    /// The share of the salient mass within the window, over all frames.
    pub kept: f64,
    /// Whether nothing is salient.
    pub is_blank: bool,
}

/// The path of a window of size `window` through a shot. The salient object shall be above the share `safe_area` of the
/// window's height.
pub(super) fn plan_shot(shot: &ShotMaps<'_>, picture: Size, window: Size, safe_area: f64) -> Result<ShotPath> {
    let &ShotMaps { maps, stride, frames, fps } = shot;
    let fps = fps / stride as f64;
    let slot = |window: i32, picture: i32, safe: f64| {
        let length = f64::from(window) / f64::from(picture);
        Slot { length, wanted: length * (1.0 - safe) }
    };
    let across = slot(window.width, picture.width, 0.0);
    let down = slot(window.height, picture.height, safe_area);
    let columns: Vec<_> = maps.iter().map(|map| map.profile(Axis::X, [0.0, 1.0])).collect();
    let x = axis_path(&columns, across, fps)?;
    let seen = |(map, x): (&EvidenceMap, &f64)| map.profile(Axis::Y, [*x, x + across.length]);
    let rows: Vec<_> = maps.iter().zip(&x).map(seen).collect();
    let y = axis_path(&rows, down, fps)?;
    let masses: Vec<f64> = columns.iter().map(|profile| profile.iter().sum()).collect();
    let all: f64 = masses.iter().sum();
    let kept: f64 = rows.iter().zip(&y).map(|(row, y)| Sums::new(row).between(*y, y + down.length)).sum();
    let x = whole_pixels(&every_frame(&x, stride, frames), picture.width);
    let y = whole_pixels(&every_frame(&y, stride, frames), picture.height);
    Ok(ShotPath {
        corners: x.into_iter().zip(y).map(|(x, y)| Point::new(x, y)).collect(),
        kept: if all > 0.0 { kept / all } else { 1.0 },
        is_blank: masses.iter().all(|mass| *mass < MIN_MASS),
    })
}

/// The start of the window along one axis in each frame, in shares of the picture's side.
fn axis_path(profiles: &[Vec<f64>], slot: Slot, fps: f64) -> Result<Vec<f64>> {
    if slot.limit() == 0.0 {
        return Ok(vec![0.0; profiles.len()]);
    }
    let losses = LossTable::new(profiles, slot);
    let price = TRAVEL_SECONDS * fps * slot.limit() / (POSITIONS - 1) as f64;
    let targets = steady_targets(losses.frames(), price as f32);
    let range = |(losses, target): (&[f32; POSITIONS], &usize)| {
        let range = free_range(losses, *target);
        slot.position(*range.start())..=slot.position(*range.end())
    };
    let ranges: Vec<_> = losses.frames().iter().zip(&targets).map(range).collect();
    smooth_path(&ranges, slot.limit(), fps)
}

/// The positions in all `frames`, from those in every `stride`th one.
fn every_frame(path: &[f64], stride: usize, frames: usize) -> Vec<f64> {
    let at = |frame: usize| {
        let (low, high) = (path[frame / stride], path[(frame / stride + 1).min(path.len() - 1)]);
        low + (high - low) * (frame % stride) as f64 / stride as f64
    };
    (0..frames).map(at).collect()
}

/// Whole pixels near `path`, which is in shares of `side`. Cropping at whole pixels keeps the picture sharp.
fn whole_pixels(path: &[f64], side: i32) -> Vec<i32> {
    let mut at = None;
    let pixels = path.iter().map(|share| {
        let exact = share * f64::from(side);
        let rests = at.filter(|&at| (exact - f64::from(at)).abs() <= ROUNDING_SLACK);
        *at.insert(rests.unwrap_or(exact.round() as i32))
    });
    pixels.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_rests_between_two_pixels_does_not_shake() {
        let path: Vec<f64> = (0..50).map(|i| (10.5 + 1e-6 * f64::from(i % 2 * 2 - 1)) / 100.0).collect();
        let pixels = whole_pixels(&path, 100);
        assert!(pixels.iter().all(|at| *at == pixels[0]), "{pixels:?}");
    }
}
