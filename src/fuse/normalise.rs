//! Turns the residual into a motion map: separates noise from motion and rates how well they can be told apart.

use opencv::core::Mat;
use opencv::imgproc;
use opencv::prelude::*;

use crate::Result;
use crate::raster;
use crate::raster::quantile::quantiles;

/// Residuals up to this multiple of the median are noise.
const NOISE: f32 = 1.5;
/// Minimum residual of full motion, in pixels of a picture 480 pixels long per 1/24 s: keeps still scenes dark.
const LEAST_MOTION: f32 = 1.5;
/// Keeps the grey levels of Otsu's threshold finer than the noise of the flow.
const LEAST_TOP: f32 = 0.2;

/// Motion from 0 to 1, and how much it is trusted.
pub(super) struct NormalisedMotion {
    /// `CV_32FC1`, 0..=1.
    pub map: Mat,
    /// 0 if motion and noise cannot be told apart, close to 1 if they lie far apart.
    pub confidence: f32,
}

/// Normalises a residual (`CV_32FC1`, not negative).
pub(super) fn normalise(residual: &Mat) -> Result<NormalisedMotion> {
    let mut map = raster::blur(residual, 1.0)?;
    let [median, high, top] = quantiles(raster::values(&map)?, [0.5, 0.95, 0.995]);
    let noise = NOISE * median;
    let moving = 0.5 * high.max(LEAST_MOTION) + 0.5 * mean_above_otsu(&map, top.max(LEAST_TOP))?;
    let full = moving.max(LEAST_MOTION);
    for value in map.data_typed_mut::<f32>()? {
        *value = if full > noise { ((*value - noise) / (full - noise)).clamp(0.0, 1.0) } else { 0.0 };
    }
    let confidence = ((full - noise) / (full + noise)).clamp(0.0, 1.0).powi(2);
    Ok(NormalisedMotion { map, confidence })
}

/// The mean of the values above Otsu's threshold, found on 256 levels up to `top`; `top` if no value lies above.
fn mean_above_otsu(map: &Mat, top: f32) -> Result<f32> {
    let levels: Vec<u8> =
        raster::values(map)?.iter().map(|value| (value / top * 255.0).clamp(0.0, 255.0) as u8).collect();
    let size = map.size()?;
    let levels = Mat::new_rows_cols_with_data(size.height, size.width, &levels)?;
    let mut above = Mat::default();
    imgproc::threshold(&levels, &mut above, 0.0, 1.0, imgproc::THRESH_BINARY | imgproc::THRESH_OTSU)?;
    let moving = raster::values(map)?.iter().zip(above.data_typed::<u8>()?).filter(|(_, above)| **above > 0);
    let (sum, count) = moving.fold((0.0, 0u32), |(sum, count), (value, _)| (sum + value, count + 1));
    Ok(if count > 0 { sum / count as f32 } else { top })
}

#[cfg(test)]
mod tests {
    use opencv::core::Size;

    use super::*;

    /// A residual of `ground` everywhere except in a block of `object`.
    fn residual(ground: f32, object: f32) -> Mat {
        let inside = |i: i32| (20..40).contains(&(i % 60)) && (10..30).contains(&(i / 60));
        let values: Vec<f32> = (0..60 * 40).map(|i| if inside(i) { object } else { ground }).collect();
        raster::from_values(Size::new(60, 40), &values).unwrap()
    }

    fn at(map: &Mat, x: i32, y: i32) -> f32 {
        *map.at_2d::<f32>(y, x).unwrap()
    }

    #[test]
    fn an_object_stands_out_of_the_noise() {
        let normalised = normalise(&residual(0.2, 6.0)).unwrap();
        assert_eq!((at(&normalised.map, 30, 20), at(&normalised.map, 2, 2)), (1.0, 0.0));
        // Noise ends at 0.3 and motion is full at 6: ((6 - 0.3) / (6 + 0.3))².
        assert!((normalised.confidence - 0.819).abs() < 0.01, "{}", normalised.confidence);
    }

    #[test]
    fn tremor_below_the_floor_is_not_blown_up() {
        let normalised = normalise(&residual(0.0, 0.1)).unwrap();
        assert!(at(&normalised.map, 30, 20) < 0.1);
    }

    #[test]
    fn motion_everywhere_is_not_trusted() {
        let normalised = normalise(&residual(4.0, 4.5)).unwrap();
        assert!(normalised.confidence < 0.01 && at(&normalised.map, 30, 20) == 0.0);
    }

    #[test]
    fn stillness_is_black() {
        let normalised = normalise(&residual(0.0, 0.0)).unwrap();
        assert!(raster::values(&normalised.map).unwrap().iter().all(|&value| value == 0.0));
    }
}
