//! Overlays: captions, logos and tickers keep their pixels while the camera moves. They are neither background nor
//! object.

use opencv::core::{BORDER_REFLECT_101, BORDER_REPLICATE, CV_8U, Mat, Point, Size, Vec2f, Vec3b};
use opencv::imgproc;
use opencv::prelude::*;

use crate::Result;
use crate::frame::Flow;
use crate::raster;
use crate::raster::quantile::median;

/// Largest change of an overlay pixel's lightness caused by compression, in levels.
const MAX_SAME_DIFFERENCE: u8 = 8;
/// Distance, in pixels, that the camera must have moved meanwhile: objects that it follows keep their pixels for less.
const TRAVEL: f32 = 6.0;
/// Difference of lightness between neighbouring pixels that counts as an edge, in levels. Without edges, whether pixels
/// stay cannot be seen.
const EDGE: u8 = 24;
/// Side of the window, in pixels, and the share of its edge pixels that must have stayed.
const WINDOW_PIXELS: i32 = 9;
const STAYED: f32 = 0.6;

/// Which pixels have stayed the same, and how far the camera has moved since they last changed.
#[derive(Default)]
pub(super) struct OverlayMask {
    /// The lightness that each pixel has kept.
    kept: Vec<u8>,
    /// How far the camera has moved, in pixels, since each pixel last changed.
    travel: Vec<f32>,
}

impl OverlayMask {
    /// Sets `residual` to 0 where the picture `lab` (8-bit Lab) has stayed the same while the `camera` moved.
    pub(super) fn discount(&mut self, residual: &mut Mat, lab: &Mat, camera: &Flow) -> Result<()> {
        let lengths: Vec<f32> = camera.0.data_typed::<Vec2f>()?.iter().map(|v| v[0].hypot(v[1])).collect();
        let lightness: Vec<u8> = lab.data_typed::<Vec3b>()?.iter().map(|pixel| pixel[0]).collect();
        self.follow(&lightness, median(&lengths));
        if !self.travel.iter().any(|travel| *travel >= TRAVEL) {
            return Ok(());
        }
        let size = lab.size()?;
        let edges = edges(&lightness, size)?;
        let stayed = edges.iter().zip(&self.travel).map(|(edge, travel)| edge * f32::from(*travel >= TRAVEL));
        let (all, stayed) = (window_mean(&edges, size)?, window_mean(&stayed.collect::<Vec<_>>(), size)?);
        let parts = raster::values(&all)?.iter().zip(raster::values(&stayed)?);
        for (value, (all, stayed)) in residual.data_typed_mut::<f32>()?.iter_mut().zip(parts) {
            if *stayed > STAYED * all {
                *value = 0.0;
            }
        }
        Ok(())
    }

    /// Updates the state with the next frame, before which the camera moved by `distance` pixels.
    fn follow(&mut self, lightness: &[u8], distance: f32) {
        if self.kept.len() != lightness.len() {
            *self = Self { kept: lightness.to_vec(), travel: vec![0.0; lightness.len()] };
        }
        for ((now, kept), travel) in lightness.iter().zip(&mut self.kept).zip(&mut self.travel) {
            if now.abs_diff(*kept) <= MAX_SAME_DIFFERENCE {
                *travel += distance;
            } else {
                (*kept, *travel) = (*now, 0.0);
            }
        }
    }
}

/// 1 at pixels whose lightness differs from a neighbour's by at least [`EDGE`], otherwise 0.
fn edges(lightness: &[u8], size: Size) -> Result<Vec<f32>> {
    let picture = Mat::new_rows_cols_with_data(size.height, size.width, lightness)?;
    let kernel = Mat::ones(3, 3, CV_8U)?.to_mat()?;
    let border = imgproc::morphology_default_border_value()?;
    let (mut range, middle) = (Mat::default(), Point::new(-1, -1));
    imgproc::morphology_ex(
        &picture,
        &mut range,
        imgproc::MORPH_GRADIENT,
        &kernel,
        middle,
        1,
        BORDER_REPLICATE,
        border,
    )?;
    Ok(range.data_typed::<u8>()?.iter().map(|range| f32::from(*range >= EDGE)).collect())
}

fn window_mean(values: &[f32], size: Size) -> Result<Mat> {
    raster::window_mean(&raster::from_values(size, values)?, WINDOW_PIXELS, BORDER_REFLECT_101)
}

#[cfg(test)]
mod tests {
    use opencv::core::{CV_32FC2, Scalar};

    use super::*;

    const SIZE: Size = Size { width: 120, height: 80 };

    /// Stripes that move by `shift`, with static letters in the middle third.
    fn picture(shift: usize) -> Mat {
        let letters = |x: usize, y: usize| (40..80).contains(&x) && (30..50).contains(&y);
        let pixel = |i: usize| {
            let (x, y) = (i % 120, i / 120);
            let level = if letters(x, y) { (x / 3 + y / 4) % 2 * 200 } else { 60 + (x + 120 - shift) % 12 / 6 * 60 };
            Vec3b::from([level as u8, 128, 128])
        };
        let pixels: Vec<Vec3b> = (0..120 * 80).map(pixel).collect();
        Mat::new_rows_cols_with_data(80, 120, &pixels).unwrap().try_clone().unwrap()
    }

    /// What remains of a residual of 4 on the letters and on the stripes after `frames` frames of a pan by `step`
    /// pixels.
    fn left(frames: usize, step: usize) -> (f32, f32) {
        let camera = Mat::new_size_with_default(SIZE, CV_32FC2, Scalar::new(step as f64, 0.0, 0.0, 0.0)).unwrap();
        let (mut overlays, camera) = (OverlayMask::default(), Flow(camera));
        let mut residual = Mat::default();
        for frame in 0..frames {
            residual = raster::from_values(SIZE, &[4.0; 120 * 80]).unwrap();
            overlays.discount(&mut residual, &picture(frame * step), &camera).unwrap();
        }
        (*residual.at_2d::<f32>(40, 60).unwrap(), *residual.at_2d::<f32>(40, 20).unwrap())
    }

    #[test]
    fn a_caption_over_a_pan_goes_dark_and_the_scene_stays() {
        assert_eq!(left(12, 2), (0.0, 4.0));
    }

    #[test]
    fn nothing_is_an_overlay_at_once_or_before_a_still_camera() {
        assert_eq!(left(2, 2).0, 4.0);
        assert_eq!(left(30, 0), (4.0, 4.0));
    }
}
