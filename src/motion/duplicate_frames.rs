//! Frames that show nothing new: duplicate frames (pulldown, stutter, a frozen picture) and blank frames.

use opencv::core::{self, BORDER_REFLECT_101, Mat, NORM_INF, no_array};

use crate::Result;
use crate::raster;

/// Side, in pixels, of the windows whose means are compared, and the largest difference, in grey levels, between two
/// encodings of the same picture. Encoded duplicates reached 2.9; frames of a slow boat, 8.5. Few objects move less
/// than that. Those that do are detected once they have moved further, because the frame compared against stays the
/// same.
const WINDOW_PIXELS: i32 = 8;
const MAX_MEAN_DIFFERENCE: f64 = 3.5;
/// Largest range of grey levels in a blank picture.
const BLANK: f64 = 12.0;

/// Whether two grey pictures of the same size (`CV_8UC1`) show the same content.
pub(super) fn is_same(a: &Mat, b: &Mat) -> Result<bool> {
    Ok(core::norm2(&window_mean(a)?, &window_mean(b)?, NORM_INF, &no_array())? <= MAX_MEAN_DIFFERENCE)
}

fn window_mean(grey: &Mat) -> Result<Mat> {
    raster::window_mean(grey, WINDOW_PIXELS, BORDER_REFLECT_101)
}

/// Whether a grey picture (`CV_8UC1`) has no texture for the flow to follow.
pub(super) fn is_blank(grey: &Mat) -> Result<bool> {
    let (mut low, mut high) = (0.0, 0.0);
    core::min_max_loc(grey, Some(&mut low), Some(&mut high), None, None, &no_array())?;
    Ok(high - low <= BLANK)
}

#[cfg(test)]
mod tests {
    use opencv::core::{CV_8U, RNG, RNG_UNIFORM, Rect, Scalar, Size};
    use opencv::prelude::*;

    use super::*;

    fn picture() -> Mat {
        let mut picture = Mat::new_size_with_default(Size::new(320, 180), CV_8U, Scalar::default()).unwrap();
        RNG::new(5).unwrap().fill(&mut picture, RNG_UNIFORM, &40.0, &200.0, false).unwrap();
        picture
    }

    #[test]
    fn another_coding_is_the_same_and_a_moved_dot_is_not() {
        let mut coded = picture();
        let mut noise = RNG::new(6).unwrap();
        let pixels = coded.data_typed_mut::<u8>().unwrap();
        pixels.iter_mut().for_each(|v| *v = v.saturating_add_signed(noise.uniform(-6, 7).unwrap() as i8));
        assert!(is_same(&picture(), &coded).unwrap());
        let mut dot = Mat::roi_mut(&mut coded, Rect::new(50, 50, 4, 4)).unwrap();
        dot.set_to(&Scalar::all(255.0), &no_array()).unwrap();
        assert!(!is_same(&picture(), &coded).unwrap());
    }

    #[test]
    fn noise_on_black_is_blank() {
        let mut dark = Mat::default();
        picture().convert_to(&mut dark, -1, 0.05, 0.0).unwrap();
        assert!(is_blank(&dark).unwrap() && !is_blank(&picture()).unwrap());
    }
}
