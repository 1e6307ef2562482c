//! Weighted F-measure.

use ndarray::{Array2, Zip};
use opencv::core::{BORDER_CONSTANT, CV_64F, Mat, Point};
use opencv::imgproc;
use opencv::prelude::*;

use super::nearest::nearest;
use crate::Result;
use crate::commands::eval::metric::{MapView, MaskView};

/// Side in pixels of the Gaussian within which errors on the object compensate each other.
const SIDE: i32 = 7;
/// Its standard deviation in pixels.
const SIGMA: f64 = 5.0;
/// Distance in pixels from the object at which a false positive counts half as much again as next to it.
const HALF: f64 = 5.0;

/// The weighted F-measure of a map against a mask with the same shape, in 0..=1, with beta squared 1 (Margolin et al.,
/// "How to Evaluate Foreground Maps?", CVPR 2014); 0 if there is no object.
///
/// # Errors
/// An error if OpenCV fails.
pub fn weighted_f(map: MapView, truth: MaskView) -> Result<f64> {
    let object = truth.iter().filter(|&&truth| truth).count() as f64;
    if object == 0.0 {
        return Ok(0.0);
    }
    let error = Zip::from(map).and(truth).map_collect(|value, &truth| (value - f64::from(u8::from(truth))).abs());
    let nearest = nearest(truth);
    // Pixels outside the object take the error of its nearest pixel, so that they do not blur the edge of the object.
    let spread = nearest.map(|place| place.map_or(0.0, |place| error[place]));
    let blurred = blur(&spread)?;
    let (mut missed, mut false_alarms) = (0.0, 0.0);
    for ((place, &error), nearest) in error.indexed_iter().zip(&nearest) {
        match *nearest {
            Some(nearest) if nearest == place => missed += error.min(blurred[place]),
            Some(nearest) => false_alarms += error * importance(place, nearest),
            None => {}
        }
    }
    let found = object - missed;
    let recall = 1.0 - missed / object;
    let precision = found / (found + false_alarms + f64::EPSILON);
    Ok(2.0 * recall * precision / (recall + precision + f64::EPSILON))
}

/// The weight of a false positive: 1 next to the object, 2 far from it.
fn importance(place: (usize, usize), nearest: (usize, usize)) -> f64 {
    let squared = place.0.abs_diff(nearest.0).pow(2) + place.1.abs_diff(nearest.1).pow(2);
    2.0 - (0.5_f64.ln() / HALF * (squared as f64).sqrt()).exp()
}

/// Blurs with the Gaussian; outside the frame, values are 0.
fn blur(raster: &Array2<f64>) -> Result<Array2<f64>> {
    let kernel = imgproc::get_gaussian_kernel(SIDE, SIGMA, CV_64F)?;
    let values: Vec<f64> = raster.iter().copied().collect();
    let values = Mat::new_rows_cols_with_data(raster.nrows() as i32, raster.ncols() as i32, &values)?;
    let mut blurred = Mat::default();
    imgproc::sep_filter_2d(&values, &mut blurred, -1, &kernel, &kernel, Point::new(-1, -1), 0.0, BORDER_CONSTANT)?;
    let mut out = raster.clone();
    out.iter_mut().zip(blurred.data_typed::<f64>()?).for_each(|(out, &blurred)| *out = blurred);
    Ok(out)
}
