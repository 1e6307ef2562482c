//! Checks a residual against the pictures: where the camera motion matches them as well as the flow does, the flow was
//! only a guess (sky, a wall, the inside of a stripe).

use opencv::core::{Mat, Vec3b, Vec4f};
use opencv::prelude::*;

use crate::Result;
use crate::frame::Flow;
use crate::raster;
use crate::raster::quantile::median;
use crate::raster::warp::FlowWarp;

/// Sigma, in pixels, of the Gaussian window over which the two matches are compared.
const WINDOW_SIGMA: f64 = 4.0;
/// Blur of the pictures, in pixels: warping degrades the finest detail, which must not count as a mismatch.
const SOFT: f64 = 1.0;
/// Smallest variance that counts as a difference, in squared levels summed over the Lab channels.
const MIN_RESIDUAL: f32 = 1.0;
/// The same in multiples of the median mismatch of the flow itself, which is noise.
const MEDIANS: f32 = 0.5;

/// Lowers `residual` where the pictures `before` and `now` (8-bit Lab) match as well along `camera` as along `flow`.
pub(super) fn discount(residual: &mut Mat, flow: &Flow, camera: &Flow, before: &Mat, now: &Mat) -> Result<()> {
    let (before, now) = (&raster::blur(before, SOFT)?, &raster::blur(now, SOFT)?);
    let [by_flow, by_camera] = [mismatch(flow, before, now)?, mismatch(camera, before, now)?];
    let by_flow = raster::values(&by_flow)?;
    let noise = MIN_RESIDUAL.max(MEDIANS * median(by_flow));
    let errors = raster::values(&by_camera)?.iter().zip(by_flow);
    for (value, (camera, flow)) in residual.data_typed_mut::<f32>()?.iter_mut().zip(errors) {
        let gained = (camera - flow).max(0.0);
        *value *= gained / (gained + noise);
    }
    Ok(())
}

/// Variance around each pixel of the difference between `now` and `before`, warped along `flow` (`CV_32FC1`). A change
/// of light shifts a whole window alike and leaves the variance unchanged.
fn mismatch(flow: &Flow, before: &Mat, now: &Mat) -> Result<Mat> {
    let carried = FlowWarp::along(flow)?.apply(before)?;
    let pixels = carried.data_typed::<Vec3b>()?.iter().zip(now.data_typed::<Vec3b>()?);
    let moments = |(a, b): (&Vec3b, &Vec3b)| {
        let [l, a, b] = [0, 1, 2].map(|c| f32::from(a[c]) - f32::from(b[c]));
        Vec4f::from([l, a, b, l * l + a * a + b * b])
    };
    let moments: Vec<Vec4f> = pixels.map(moments).collect();
    let size = now.size()?;
    let moments = Mat::new_rows_cols_with_data(size.height, size.width, &moments)?;
    let means = raster::blur_wide(&moments, WINDOW_SIGMA)?;
    let variance = |m: &Vec4f| (m[3] - m[0] * m[0] - m[1] * m[1] - m[2] * m[2]).max(0.0);
    let variances: Vec<f32> = means.data_typed::<Vec4f>()?.iter().map(variance).collect();
    raster::from_values(size, &variances)
}

#[cfg(test)]
mod tests {
    use opencv::core::{CV_32FC2, Scalar, Size};

    use super::*;

    const SIZE: Size = Size { width: 120, height: 80 };

    /// Stripes on the left half, shifted to the right by `shift`; the right half is uniform.
    fn stripes(shift: f32, light: f32) -> Mat {
        let level = |i: i32| 20.0 * (((i % 120) as f32 - shift) / 3.0).sin();
        let value = |i: i32| (120.0 + light + if i % 120 < 60 { level(i) } else { 0.0 }) as u8;
        let pixels: Vec<Vec3b> = (0..120 * 80).map(|i| [value(i), 128, 128].into()).collect();
        Mat::new_rows_cols_with_data(80, 120, &pixels).unwrap().try_clone().unwrap()
    }

    fn flow(x: f64) -> Flow {
        Flow(Mat::new_size_with_default(SIZE, CV_32FC2, Scalar::new(x, 0.0, 0.0, 0.0)).unwrap())
    }

    /// What remains of a residual of 4 on the stripes and beside them when the flow is 2 pixels and the camera is
    /// still.
    fn left(now: &Mat) -> (f32, f32) {
        let mut residual = raster::from_values(SIZE, &[4.0; 120 * 80]).unwrap();
        discount(&mut residual, &flow(-2.0), &flow(0.0), &stripes(0.0, 0.0), now).unwrap();
        (*residual.at_2d::<f32>(40, 30).unwrap(), *residual.at_2d::<f32>(40, 90).unwrap())
    }

    #[test]
    fn motion_that_is_seen_stays_and_motion_that_is_guessed_goes() {
        let (seen, guessed) = left(&stripes(2.0, 0.0));
        assert!(seen > 3.8 && guessed < 0.1, "{seen} {guessed}");
    }

    #[test]
    fn a_flow_that_the_camera_beats_goes() {
        assert!(left(&stripes(0.0, 0.0)).0 < 0.1);
    }

    #[test]
    fn a_change_of_light_changes_nothing() {
        let (seen, guessed) = left(&stripes(2.0, 60.0));
        assert!(seen > 3.8 && guessed < 0.1, "{seen} {guessed}");
    }
}
