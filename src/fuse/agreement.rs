//! Moving ground: a region that moves at the border and does not interest the classifier is background that the camera
//! model missed.

use opencv::core::Mat;
use opencv::prelude::*;

use super::regions::ConnectedRegions;
use crate::Result;
use crate::raster;

/// Minimum motion of the pixels that form a region.
const MOVING: f32 = 0.3;
/// Mean static saliency from which a region fully interests the classifier.
const CARED_FOR: f32 = 0.5;

/// Darkens each moving region of `motion` by how much of it touches the border and how low its saliency in `static_`
/// is. Both maps are `CV_32FC1`, 0..=1, of the same size.
pub(super) fn darken_moving_ground(motion: Mat, static_: &Mat) -> Result<Mat> {
    let regions = ConnectedRegions::above(&motion, MOVING)?;
    let factors = factors(&regions, raster::values(static_)?)?;
    let values: Vec<f32> = regions.labels()?.iter().map(|&label| factors[label as usize]).collect();
    let smooth = raster::blur(&raster::from_values(motion.size()?, &values)?, 1.0)?;
    let mut out = motion;
    for (value, factor) in out.data_typed_mut::<f32>()?.iter_mut().zip(raster::values(&smooth)?) {
        *value *= factor;
    }
    Ok(out)
}

/// The factor for each region: `1 - contact × disagreement`.
fn factors(regions: &ConnectedRegions, static_: &[f32]) -> Result<Vec<f32>> {
    let mut contact = vec![0.0f32; regions.areas.len()];
    regions.border()?.for_each(|label| contact[label] += 1.0);
    let mut light = vec![0.0f64; regions.areas.len()];
    for (&label, &value) in regions.labels()?.iter().zip(static_) {
        light[label as usize] += f64::from(value);
    }
    let factor = |label: usize| {
        let area = regions.areas[label] as f32;
        let contact = (contact[label] / (area.sqrt() + 1.0)).min(1.0);
        let disagreement = (1.0 - light[label] as f32 / area / CARED_FOR).clamp(0.0, 1.0);
        if label == 0 { 1.0 } else { 1.0 - contact * disagreement }
    };
    Ok((0..regions.areas.len()).map(factor).collect())
}

#[cfg(test)]
mod tests {
    use opencv::core::Size;

    use super::*;

    const SIZE: Size = Size { width: 40, height: 20 };

    /// Motion of 1 in the left five columns and in a block in the middle.
    fn motion() -> Mat {
        let moving = |x: i32, y: i32| x < 5 || ((20..28).contains(&x) && (6..14).contains(&y));
        let values: Vec<f32> = (0..800).map(|i| f32::from(moving(i % 40, i / 40))).collect();
        raster::from_values(SIZE, &values).unwrap()
    }

    fn at(map: &Mat, x: i32, y: i32) -> f32 {
        *map.at_2d::<f32>(y, x).unwrap()
    }

    #[test]
    fn unlit_motion_at_the_border_goes_dark_and_the_rest_stays() {
        let dark = darken_moving_ground(motion(), &raster::zeros(SIZE).unwrap()).unwrap();
        assert!(at(&dark, 0, 10) < 1e-6);
        assert!((at(&dark, 24, 10) - 1.0).abs() < 1e-6);
    }

    #[test]
    fn lit_motion_at_the_border_stays() {
        let lit = raster::from_values(SIZE, &[0.6; 800]).unwrap();
        let kept = darken_moving_ground(motion(), &lit).unwrap();
        assert!((at(&kept, 0, 10) - 1.0).abs() < 1e-6);
    }

    #[test]
    fn contact_is_relative_to_the_root_of_the_area() {
        // The contact, 30 border pixels / (sqrt(100) + 1), saturates. The saliency is half of the threshold, so half
        // of the motion remains.
        let half = raster::from_values(SIZE, &[0.25; 800]).unwrap();
        let map = darken_moving_ground(motion(), &half).unwrap();
        assert!((at(&map, 0, 10) - 0.5).abs() < 1e-6);
    }
}
