//! Boundary accuracy F.

use ndarray::{Array2, Zip};
use opencv::core::{BORDER_CONSTANT, Mat, Point};
use opencv::imgproc;
use opencv::prelude::*;

use crate::Result;
use crate::commands::eval::metric::MaskView;

/// The maximum distance of matching contours, as a share of the frame's diagonal.
const TOLERANCE: f64 = 0.008;

/// The contour of a mask, one pixel wide, and the pixels that are near enough to match it.
///
/// Contour pixels are those that differ from their neighbour to the right, below or at the lower right; outside the
/// frame, the values at its edge continue (`seg2bmap` of the Berkeley segmentation benchmark, which DAVIS uses).
#[derive(Debug, Clone)]
pub struct Contour {
    pixels: Array2<bool>,
    near: Array2<bool>,
}

impl Contour {
    /// The contour of `mask`.
    ///
    /// # Errors
    /// An error if OpenCV fails, which it does for a mask without pixels.
    pub fn of(mask: MaskView) -> Result<Self> {
        let (height, width) = mask.dim();
        let pixels = Array2::from_shape_fn((height, width), |(y, x)| {
            let (below, right) = ((y + 1).min(height - 1), (x + 1).min(width - 1));
            let here = mask[(y, x)];
            here != mask[(y, right)] || here != mask[(below, x)] || here != mask[(below, right)]
        });
        let diagonal = ((height * height + width * width) as f64).sqrt();
        let near = dilate(&pixels, (TOLERANCE * diagonal).ceil() as i32)?;
        Ok(Self { pixels, near })
    }

    /// F: the harmonic mean of contour precision and recall against `truth`, the contour of a mask with the same shape
    /// (Perazzi et al., CVPR 2016). 1 if both have no contour, 0 if only one has none.
    pub fn accuracy(&self, truth: &Self) -> f64 {
        match (self.share(&truth.near), truth.share(&self.near)) {
            (None, None) => 1.0,
            (Some(precision), Some(recall)) if precision + recall > 0.0 => {
                2.0 * precision * recall / (precision + recall)
            }
            _ => 0.0,
        }
    }

    /// The share of this contour's pixels that are in `near`; `None` if it has no pixels.
    fn share(&self, near: &Array2<bool>) -> Option<f64> {
        let count = self.pixels.iter().filter(|&&pixel| pixel).count();
        let matched = Zip::from(&self.pixels).and(near).fold(0, |sum, &pixel, &near| sum + usize::from(pixel && near));
        (count > 0).then(|| matched as f64 / count as f64)
    }
}

/// `mask`, dilated by a disk of `radius` pixels.
fn dilate(mask: &Array2<bool>, radius: i32) -> Result<Array2<bool>> {
    let side = -radius..=radius;
    let disk: Vec<u8> = side.clone().flat_map(|y| side.clone().map(move |x| within(x, y, radius))).collect();
    let disk = Mat::new_rows_cols_with_data(2 * radius + 1, 2 * radius + 1, &disk)?;
    let pixels: Vec<u8> = mask.iter().map(|&pixel| u8::from(pixel)).collect();
    let pixels = Mat::new_rows_cols_with_data(mask.nrows() as i32, mask.ncols() as i32, &pixels)?;
    let mut grown = Mat::default();
    let nothing = imgproc::morphology_default_border_value()?;
    imgproc::dilate(&pixels, &mut grown, &disk, Point::new(-1, -1), 1, BORDER_CONSTANT, nothing)?;
    let mut out = mask.clone();
    out.iter_mut().zip(grown.data_typed::<u8>()?).for_each(|(out, &grown)| *out = grown != 0);
    Ok(out)
}

fn within(x: i32, y: i32, radius: i32) -> u8 {
    u8::from(x * x + y * y <= radius * radius)
}
