//! Whether the pictures bear a residual out: where the camera's motion matches them as well as the flow does, the flow
//! was only guessed there (a sky, a wall, the inside of a stripe).

use opencv::core::{Mat, Vec3b};
use opencv::prelude::*;

use crate::Result;
use crate::frame::Flow;
use crate::raster;
use crate::raster::quantile::median;
use crate::raster::warp::Warp;

/// The window, as a Gaussian's sigma in pixels, over which the two matches are compared.
const WINDOW: f64 = 4.0;
/// Least squared error, in levels summed over Lab's channels, that is a difference.
const LEAST: f32 = 2.0;
/// The same in medians of the flow's own error, which is noise.
const MEDIANS: f32 = 1.0;

/// Lowers `residual` where the pictures `before` and `now` (8-bit Lab) match as well along `camera` as along `flow`.
pub(super) fn discount(residual: &mut Mat, flow: &Flow, camera: &Flow, before: &Mat, now: &Mat) -> Result<()> {
    let [by_flow, by_camera] = [mismatch(flow, before, now)?, mismatch(camera, before, now)?];
    let by_flow = raster::values(&by_flow)?;
    let noise = LEAST.max(MEDIANS * median(by_flow));
    let errors = raster::values(&by_camera)?.iter().zip(by_flow);
    for (value, (camera, flow)) in residual.data_typed_mut::<f32>()?.iter_mut().zip(errors) {
        let gained = (camera - flow).max(0.0);
        *value *= gained / (gained + noise);
    }
    Ok(())
}

/// Mean squared difference about each pixel between `now` and `before` carried along `flow` (`CV_32FC1`).
fn mismatch(flow: &Flow, before: &Mat, now: &Mat) -> Result<Mat> {
    let carried = Warp::along(flow)?.apply(before)?;
    let squared = |(a, b): (&Vec3b, &Vec3b)| -> f32 {
        a.0.iter().zip(b.0).map(|(&a, b)| (f32::from(a) - f32::from(b)).powi(2)).sum()
    };
    let pixels = carried.data_typed::<Vec3b>()?.iter().zip(now.data_typed::<Vec3b>()?);
    let values: Vec<f32> = pixels.map(squared).collect();
    raster::blur(&raster::from_values(now.size()?, &values)?, WINDOW)
}
