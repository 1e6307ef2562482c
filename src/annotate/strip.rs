//! The strip chart along the bottom of a picture: the energies of the last seconds, up to the current frame.

use std::collections::VecDeque;

use opencv::core::{Mat, Rect, Size};

use super::chart::{EnergyChart, SCREEN};
use super::energy::MapEnergy;
use crate::Result;

/// Length of the strip in seconds.
const SECONDS: f64 = 10.0;

/// Minimum height, in pixels, at which the chart is readable.
const LOWEST: i32 = 48;

/// The energies within the last [`SECONDS`].
#[derive(Default)]
pub struct EnergyStrip {
    window: VecDeque<MapEnergy>,
}

impl EnergyStrip {
    /// The height of the strip below tiles of size `tile`; even.
    pub fn height(tile: Size) -> i32 {
        (tile.width.min(tile.height) / 8 * 2).max(LOWEST)
    }

    /// Adds `newest` at the right end and draws the strip into `place`, with text if `label` is set.
    pub fn draw(&mut self, picture: &mut Mat, place: Rect, newest: MapEnergy, label: bool) -> Result<()> {
        let from = newest.time - SECONDS;
        self.window.retain(|energy| energy.time >= from);
        self.window.push_back(newest);
        let capital = label.then(|| (f64::from(place.height) / 9.0).max(7.0));
        let chart = EnergyChart { place, span: (from, newest.time), capital, palette: &SCREEN };
        chart.draw(picture, self.window.make_contiguous())
    }
}

#[cfg(test)]
mod tests {
    use opencv::core::{CV_8UC3, MatTraitConst, Scalar, Vec3b};

    use super::*;

    /// The columns of a strip without text that are white over the full height of its plot.
    fn marks(picture: &Mat) -> Vec<i32> {
        let white = |x, y| picture.at_2d::<Vec3b>(y, x).unwrap().0 == [235; 3];
        (0..picture.cols()).filter(|&x| (6..20).all(|y| white(x, y))).collect()
    }

    #[test]
    fn a_cut_is_marked_where_it_was_and_moves_out_to_the_left() {
        let (place, mut strip) = (Rect::new(0, 0, 508, 48), EnergyStrip::default());
        let black = Scalar::all(0.0);
        let mut picture = Mat::new_rows_cols_with_default(place.height, place.width, CV_8UC3, black).unwrap();
        let mut seen = Vec::new();
        for i in 0..150 {
            let energy = MapEnergy { time: f64::from(i) / 10.0, static_: 0.1, motion: 0.01, fused: 0.1, cut: i == 20 };
            strip.draw(&mut picture, place, energy, false).unwrap();
            seen.push(marks(&picture));
        }
        let right = seen[20][0];
        assert_eq!(seen[19], [0; 0]);
        assert_eq!(seen[70].len(), 1);
        assert!(
            (right - seen[70][0] - 250).abs() <= 2,
            "five seconds should be half of the strip: {right}, {:?}",
            seen[70]
        );
        assert_eq!(seen[125], [0; 0]);
        assert!(strip.window.len() <= 101);
    }
}
