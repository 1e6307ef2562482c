//! A whole clip in one picture for print: its energies over time, and frames of the result at regular intervals.

use opencv::core::{CV_8UC3, Mat, MatTrait, MatTraitConst, Point, Rect, Size};
use opencv::imgproc;

use super::chart::{EnergyChart, PRINT};
use super::energy::MapEnergy;
use super::fold::EnergyFold;
use super::text;
use crate::Result;
use crate::frame::Maps;

/// Width of the picture, in pixels.
const WIDTH: i32 = 1920;
/// Height of the chart in pixels.
const CHART: i32 = 520;
/// Height of capital letters in pixels.
const CAPITAL: f64 = 18.0;
/// Maximum number of frames shown.
const MAX_TICKS: usize = 12;
/// Minimum number of slots in the row of frames.
const FEWEST: usize = 6;
/// Maximum size of a frame shown, in pixels.
const THUMB: Size = Size::new(320, 480);
/// Space between frames and around them, in pixels.
const GAP: i32 = 8;

/// The history of a clip in bounded memory.
pub struct Timeline {
    energies: EnergyFold,
    /// Times and thumbnails of the frames shown: every `spacing`-th frame.
    thumbs: Vec<(f64, Mat)>,
    spacing: u64,
    frames: u64,
    last: f64,
}

impl Default for Timeline {
    /// A timeline without frames.
    fn default() -> Self {
        Self { energies: EnergyFold::default(), thumbs: Vec::new(), spacing: 1, frames: 0, last: 0.0 }
    }
}

impl Timeline {
    /// Adds the next frame, with its time in seconds and its output `picture` (8-bit BGR).
    ///
    /// # Errors
    /// [`Error::OpenCv`](crate::Error::OpenCv) if OpenCV fails, which no valid frame causes.
    pub fn push(&mut self, time: f64, maps: &Maps, picture: &Mat) -> Result<()> {
        self.energies.push(MapEnergy::of(time, maps)?);
        self.last = time;
        if self.frames.is_multiple_of(self.spacing) {
            self.thumbs.push((time, fitted(picture, THUMB)?));
        }
        if self.thumbs.len() > MAX_TICKS {
            self.thumbs = std::mem::take(&mut self.thumbs).into_iter().step_by(2).collect();
            self.spacing *= 2;
        }
        self.frames += 1;
        Ok(())
    }

    /// Draws the timeline: 8-bit BGR, 1920 pixels wide, on white.
    ///
    /// # Errors
    /// [`Error::OpenCv`](crate::Error::OpenCv) if OpenCV fails.
    pub fn picture(&self) -> Result<Mat> {
        let place = Rect::new(0, 0, WIDTH, CHART);
        let chart = EnergyChart { place, span: (0.0, self.last.max(1e-3)), capital: Some(CAPITAL), palette: &PRINT };
        let left = chart.plot()?.x;
        let pitch = (WIDTH - left - GAP) / self.thumbs.len().max(FEWEST) as i32;
        let room = Size::new(pitch - GAP, THUMB.height);
        let thumbs = self.thumbs.iter().map(|(_, thumb)| fitted(thumb, room)).collect::<Result<Vec<_>>>()?;
        let tallest = thumbs.iter().map(|thumb| thumb.rows()).max().unwrap_or(0);
        let words = (CAPITAL * 2.0) as i32;
        let height = CHART + tallest + words + 2 * GAP;
        let mut picture = Mat::new_rows_cols_with_default(height, WIDTH, CV_8UC3, PRINT.paper)?;
        chart.draw(&mut picture, self.energies.columns())?;
        for (k, (thumb, (time, _))) in thumbs.iter().zip(&self.thumbs).enumerate() {
            let at = Point::new(left + k as i32 * pitch, CHART + GAP);
            thumb.copy_to(&mut picture.roi_mut(Rect::from_point_size(at, thumb.size()?))?)?;
            let below = Point::new(at.x, CHART + GAP + tallest + words - GAP);
            text::line(&mut picture, &text::clock(*time), below, CAPITAL, PRINT.ink)?;
        }
        Ok(picture)
    }
}

/// `image`, scaled to the largest size that fits into `room` with the same aspect ratio.
pub(crate) fn fitted(image: &Mat, room: Size) -> Result<Mat> {
    let scale = (f64::from(room.width) / f64::from(image.cols())).min(f64::from(room.height) / f64::from(image.rows()));
    let side = |length: i32| ((f64::from(length) * scale).round() as i32).max(1);
    let mut small = Mat::default();
    let size = Size::new(side(image.cols()), side(image.rows()));
    imgproc::resize(image, &mut small, size, 0.0, 0.0, imgproc::INTER_AREA)?;
    Ok(small)
}

#[cfg(test)]
mod tests {
    use opencv::core::{CV_32FC1, Scalar};

    use super::*;
    use crate::frame::SaliencyMap;

    fn timeline(frames: usize, size: Size) -> Timeline {
        let map = || SaliencyMap(Mat::new_rows_cols_with_default(3, 4, CV_32FC1, Scalar::all(0.2)).unwrap());
        let maps = Maps { static_: map(), others: vec![], motion: map(), fused: map(), motion_weight: 1.0, cut: false };
        let picture = Mat::new_rows_cols_with_default(size.height, size.width, CV_8UC3, Scalar::all(9.0)).unwrap();
        let mut timeline = Timeline::default();
        (0..frames).for_each(|i| timeline.push(i as f64 / 10.0, &maps, &picture).unwrap());
        timeline
    }

    #[test]
    fn a_few_frames_at_even_times_stand_for_a_clip_of_any_length() {
        for frames in [1, 2, 12, 13, 250, 5000] {
            let timeline = timeline(frames, Size::new(64, 48));
            let times: Vec<f64> = timeline.thumbs.iter().map(|(time, _)| *time).collect();
            assert!((frames.min(7)..=MAX_TICKS).contains(&times.len()), "{} of {frames}", times.len());
            assert!(times.iter().enumerate().all(|(k, &time)| time == (k as u64 * timeline.spacing) as f64 / 10.0));
            assert!(frames - 1 < (times.len() as u64 * timeline.spacing) as usize);
        }
    }

    #[test]
    fn pictures_of_any_shape_find_room() {
        for size in [Size::new(64, 48), Size::new(48, 640), Size::new(4000, 20), Size::new(2, 2)] {
            for frames in [1, 6, 30] {
                let picture = timeline(frames, size).picture().unwrap();
                assert!(picture.cols() == WIDTH && (CHART..1200).contains(&picture.rows()), "{size:?}");
            }
        }
    }
}
