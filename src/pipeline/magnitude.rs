//! The strength of a gradient or a motion before it is normalised to a map.

use opencv::core::{Mat, MatTraitConst, NORM_INF, NORM_L1, no_array, norm};

use crate::Result;

/// Mean and peak of absolute values, in their own unit. Unlike a map in 0..=1, they can be compared between frames and
/// between clips.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Magnitude {
    pub mean: f32,
    pub peak: f32,
}

impl Magnitude {
    /// Of `raster` (one channel of floats) times `unit`; `None` if not all of its values are finite, or it is empty.
    ///
    /// # Errors
    /// [`Error::OpenCv`](crate::Error::OpenCv) if OpenCV fails, which no valid raster causes.
    pub fn of(raster: &Mat, unit: f32) -> Result<Option<Self>> {
        if raster.empty() {
            return Ok(None);
        }
        let mean = norm(raster, NORM_L1, &no_array())? / raster.total() as f64;
        let peak = norm(raster, NORM_INF, &no_array())?;
        let found = Self { mean: mean as f32 * unit, peak: peak as f32 * unit };
        // The maximum ignores NaN, but the sum does not.
        Ok(Some(found).filter(|found| found.mean.is_finite() && found.peak.is_finite()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_do_not_cancel_and_the_unit_scales() {
        let raster = Mat::from_slice_2d(&[[-3.0f32, 1.0], [2.0, 0.0]]).unwrap();
        assert_eq!(Magnitude::of(&raster, 2.0).unwrap(), Some(Magnitude { mean: 3.0, peak: 6.0 }));
    }

    #[test]
    fn what_has_no_magnitude_has_none() {
        assert_eq!(Magnitude::of(&Mat::default(), 1.0).unwrap(), None);
        for odd in [f32::NAN, f32::INFINITY] {
            let raster = Mat::from_slice_2d(&[[1.0, odd]]).unwrap();
            assert_eq!(Magnitude::of(&raster, 1.0).unwrap(), None, "{odd}");
        }
    }
}
