//! What the camera's own motion leaves unexplained of the flow.

mod cubic;
mod homography;

use opencv::core::{Mat, Point, Size, Vec2f};
use opencv::prelude::*;

use self::cubic::Cubic;
use self::homography::Homography;
use super::raster;
use crate::Result;
use crate::frame::Flow;

/// Two models of the background's flow, fitted anew to each frame: a homography (a turning camera, or a plane) and a
/// cubic polynomial (a scene with smooth depth, and a lens's distortion).
pub(crate) struct Camera {
    size: Size,
    homography: homography::Fitter,
    cubic: cubic::Fitter,
}

impl Camera {
    /// For flows of `size`.
    pub(crate) fn new(size: Size) -> Self {
        Self { size, homography: homography::Fitter::new(size), cubic: cubic::Fitter::new(size) }
    }

    /// Distance of each flow vector from the nearer of the two models, times `scale`; `CV_32FC1`.
    ///
    /// Never fails on a degenerate flow: a model that cannot be fitted, or that is no camera's, is left out, and where
    /// none remains the camera is taken to stand still. `tolerance` is RANSAC's, in pixels of the flow's grid.
    pub(crate) fn residual(&self, flow: &Flow, tolerance: f64, scale: f32) -> Result<Mat> {
        let vectors = flow.0.data_typed::<Vec2f>()?;
        let homography = self.homography.fit(vectors, tolerance)?;
        let cubic = self.cubic.fit(vectors, &homography);
        let mut residual = raster::zeros(self.size)?;
        let width = self.size.width as usize;
        let rows = residual.data_typed_mut::<f32>()?.chunks_exact_mut(width).zip(vectors.chunks_exact(width));
        for (y, (out, flow)) in rows.enumerate() {
            residual_row(y, out, flow, &homography, cubic.as_ref(), scale);
        }
        Ok(residual)
    }
}

fn residual_row(y: usize, out: &mut [f32], flow: &[Vec2f], plane: &Homography, curved: Option<&Cubic>, scale: f32) {
    let plane = plane.row(y as f32);
    let curved = curved.map(|cubic| cubic.row(y as f32));
    for (x, (out, vector)) in out.iter_mut().zip(flow).enumerate() {
        let far = squared_distance(vector, plane.at(x as f32));
        let near = curved.as_ref().map_or(far, |row| far.min(squared_distance(vector, row.at(x as f32))));
        *out = scale * near.sqrt();
    }
}

fn squared_distance(vector: &Vec2f, [u, v]: [f32; 2]) -> f32 {
    (vector[0] - u).powi(2) + (vector[1] - v).powi(2)
}

/// Every `step`-th point of a grid of `size`, from `first` on.
fn lattice(size: Size, first: usize, step: usize) -> Vec<Point> {
    let along = |length: i32| (first as i32..length).step_by(step);
    along(size.height).flat_map(|y| along(size.width).map(move |x| Point::new(x, y))).collect()
}

fn vector_at(vectors: &[Vec2f], size: Size, point: Point) -> Vec2f {
    vectors[(point.y * size.width + point.x) as usize]
}
