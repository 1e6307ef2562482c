//! Letterbox bars: black bars above and below a picture, at its sides, or both.

use opencv::core::{Mat, Rect, Size, Vec3b};
use opencv::prelude::*;

use crate::Result;

/// A pixel is black up to this level in every channel: compression leaves ringing and noise in the bars.
const BLACK: u8 = 24;
/// Maximum number of pixels sampled per line.
const SAMPLES: usize = 96;
/// Share of the line just inside a bar that must not be black: the edges of a dark scene are not bars.
const LIT: f32 = 0.3;
/// Number of lines cropped beyond the last black line of a bar, because the edge of a resampled picture is soft.
const SOFT: i32 = 2;
/// Relative to the side: minimum width of a bar, largest difference between opposite bars, and minimum size of the
/// picture between them.
const MIN_BAR_SHARE: f32 = 0.015;
const UNEVEN: f32 = 0.02;
const CONTENT: f32 = 0.3;
/// Number of consecutive frames that must show new bars before they are accepted.
const PERSISTENT: u32 = 12;

/// Tracks the bars of a clip.
#[derive(Default)]
pub(super) struct Letterbox {
    size: Size,
    columns: OpposedBars,
    rows: OpposedBars,
}

/// The bars at both ends of one axis, each `width` lines wide.
#[derive(Default)]
struct OpposedBars {
    width: i32,
    /// The narrowest bars seen since they became wider than `width`, and the number of frames since then.
    next: i32,
    age: u32,
}

impl Letterbox {
    /// The part of `image` (8-bit BGR, continuous) between the bars. Bars in the first picture are accepted at once,
    /// later ones only if they last. They are dropped as soon as the picture reaches into them.
    pub(super) fn content(&mut self, image: &Mat) -> Result<Rect> {
        let size = image.size()?;
        let first = self.size != size;
        if first {
            *self = Self { size, ..Self::default() };
        }
        let pixels = Pixels { values: image.data_typed::<Vec3b>()?, size };
        let x = self.columns.step(pixels.bars(Axis::Columns), first);
        let y = self.rows.step(pixels.bars(Axis::Rows), first);
        Ok(Rect::new(x, y, size.width - 2 * x, size.height - 2 * y))
    }
}

impl OpposedBars {
    /// Updates with the bars of a frame (`None` if it is too dark to tell) and returns the current width.
    fn step(&mut self, found: Option<i32>, first: bool) -> i32 {
        let Some(found) = found else { return self.width };
        if found + SOFT < self.width {
            *self = Self::default();
        } else if first {
            self.width = found;
        } else if found > self.width + SOFT {
            self.next = if self.age == 0 { found } else { self.next.min(found) };
            self.age += 1;
            if self.age == PERSISTENT {
                *self = Self { width: self.next, ..Self::default() };
            }
        } else {
            self.age = 0;
        }
        self.width
    }
}

#[derive(Clone, Copy)]
enum Axis {
    Columns,
    Rows,
}

struct Pixels<'a> {
    values: &'a [Vec3b],
    size: Size,
}

impl Pixels<'_> {
    /// Width of the bars at both ends of `axis`, in lines: 0 if there are none, `None` if the frame is too dark to
    /// tell.
    fn bars(&self, axis: Axis) -> Option<i32> {
        let count = match axis {
            Axis::Columns => self.size.width,
            Axis::Rows => self.size.height,
        };
        let part = |share: f32| (share * count as f32) as i32;
        let most = part((1.0 - CONTENT) / 2.0);
        let near = (0..most).find(|&line| self.lit(axis, line) > 0.0)?;
        let far = (0..most).find(|&line| self.lit(axis, count - 1 - line) > 0.0)?;
        let black = near.min(far);
        let width = black + SOFT;
        let sharp = || [near + SOFT, count - 1 - far - SOFT].iter().all(|&line| self.lit(axis, line) >= LIT);
        let is_bar = black >= part(MIN_BAR_SHARE).max(1) && count - 2 * width >= part(CONTENT).max(1);
        Some(if is_bar && (near - far).abs() <= part(UNEVEN) && sharp() { width } else { 0 })
    }

    /// The share of a line's sampled pixels that is not black.
    fn lit(&self, axis: Axis, line: i32) -> f32 {
        let (width, height) = (self.size.width as usize, self.size.height as usize);
        let line = line as usize;
        let (from, stride, count) = match axis {
            Axis::Columns => (line, width, height),
            Axis::Rows => (line * width, 1, width),
        };
        let skip = count.div_ceil(SAMPLES).max(1);
        let samples = self.values.iter().skip(from).step_by(stride * skip).take(count.div_ceil(skip));
        let (lit, all) =
            samples.fold((0, 0), |(lit, all), p| (lit + u32::from(p.0.iter().any(|&v| v > BLACK)), all + 1));
        lit as f32 / all.max(1) as f32
    }
}

#[cfg(test)]
mod tests {
    use opencv::core::{CV_8UC3, Scalar};

    use super::*;

    /// A picture of 200 x 100 with grey level `grey` inside black bars of `x` and `y` pixels.
    fn boxed(x: i32, y: i32, grey: f64) -> Mat {
        let mut image = Mat::new_rows_cols_with_default(100, 200, CV_8UC3, Scalar::default()).unwrap();
        let inner = Rect::new(x, y, 200 - 2 * x, 100 - 2 * y);
        let mut part = Mat::roi_mut(&mut image, inner).unwrap();
        part.set_to(&Scalar::all(grey), &opencv::core::no_array()).unwrap();
        image
    }

    #[test]
    fn bars_are_left_out_with_a_margin() {
        for (x, y) in [(0, 0), (0, 13), (30, 0), (30, 13)] {
            let inner = |bar| if bar > 0 { bar + SOFT } else { 0 };
            let (left, top) = (inner(x), inner(y));
            let expected = Rect::new(left, top, 200 - 2 * left, 100 - 2 * top);
            assert_eq!(Letterbox::default().content(&boxed(x, y, 90.0)).unwrap(), expected);
        }
    }

    #[test]
    fn small_pictures_have_no_bars_of_their_own() {
        for (rows, cols) in [(480, 4), (480, 3), (3, 480), (4, 4), (1, 1), (60, 60)] {
            let image = Mat::new_rows_cols_with_default(rows, cols, CV_8UC3, Scalar::all(200.0)).unwrap();
            assert_eq!(Letterbox::default().content(&image).unwrap(), Rect::new(0, 0, cols, rows));
        }
    }

    #[test]
    fn a_dark_frame_changes_nothing() {
        let mut bars = Letterbox::default();
        let content = bars.content(&boxed(0, 13, 90.0)).unwrap();
        assert_eq!(bars.content(&boxed(0, 13, 5.0)).unwrap(), content);
        assert_eq!(Letterbox::default().content(&boxed(0, 13, 5.0)).unwrap(), Rect::new(0, 0, 200, 100));
    }

    #[test]
    fn bars_that_come_must_last_and_bars_that_go_are_gone() {
        let mut bars = Letterbox::default();
        let mut top = |y| bars.content(&boxed(0, y, 90.0)).unwrap().y;
        assert_eq!(top(0), 0);
        let tops: Vec<i32> = (0..PERSISTENT).map(|_| top(13)).collect();
        assert_eq!((tops[PERSISTENT as usize - 2], tops[PERSISTENT as usize - 1]), (0, 15));
        assert_eq!(top(0), 0);
    }

    #[test]
    fn something_bright_before_black_is_no_bar() {
        let mut image = boxed(0, 0, 0.0);
        let mut performer = Mat::roi_mut(&mut image, Rect::new(90, 30, 20, 40)).unwrap();
        performer.set_to(&Scalar::all(200.0), &opencv::core::no_array()).unwrap();
        assert_eq!(Letterbox::default().content(&image).unwrap(), Rect::new(0, 0, 200, 100));
    }
}
