//! The residual of the flow: what camera motion does not explain.

mod cubic;
mod homography;
mod lattice;

use opencv::core::{Mat, Size, Vec2f};
use opencv::prelude::*;

use self::cubic::Cubic;
use self::homography::Homography;
use crate::Result;
use crate::frame::Flow;
use crate::raster;

/// Two models of the background's flow, fitted to each frame: a homography (a rotating camera or a planar scene) and a
/// cubic polynomial (smooth depth and lens distortion).
pub(crate) struct CameraMotion {
    size: Size,
    homography: homography::HomographyFitter,
    cubic: cubic::CubicFitter,
}

impl CameraMotion {
    /// For flows of `size`.
    pub(crate) fn new(size: Size) -> Self {
        Self { size, homography: homography::HomographyFitter::new(size), cubic: cubic::CubicFitter::new(size) }
    }

    /// Distance of each flow vector from the nearer of the two models, times `scale` (`CV_32FC1`), and the flow of that
    /// model.
    ///
    /// A degenerate flow is not an error: a cubic that cannot be fitted is left out, and a homography that cannot be
    /// fitted or is implausible becomes the identity, a still camera. `tolerance` is RANSAC's, in pixels of the flow's
    /// grid.
    pub(crate) fn residual(&self, flow: &Flow, tolerance: f64, scale: f32) -> Result<(Mat, Flow)> {
        let vectors = flow.0.data_typed::<Vec2f>()?;
        let homography = self.homography.fit(vectors, tolerance)?;
        let cubic = self.cubic.fit(vectors, &homography);
        let mut explained = flow.0.try_clone()?;
        let width = self.size.width as usize;
        for (y, row) in explained.data_typed_mut::<Vec2f>()?.chunks_exact_mut(width).enumerate() {
            nearest(y, row, &homography, cubic.as_ref());
        }
        let pairs = vectors.iter().zip(explained.data_typed::<Vec2f>()?);
        let distance = |(vector, model): (&Vec2f, &Vec2f)| {
            let distance = scale * squared_distance(vector, model.0).sqrt();
            if distance.is_finite() { distance } else { 0.0 }
        };
        let distances: Vec<f32> = pairs.map(distance).collect();
        Ok((raster::from_values(self.size, &distances)?, Flow(explained)))
    }
}

/// Replaces each vector of row `y` by the flow of the nearer model.
fn nearest(y: usize, row: &mut [Vec2f], plane: &Homography, curved: Option<&Cubic>) {
    let plane = plane.row(y as f32);
    let curved = curved.map(|cubic| cubic.row(y as f32));
    for (x, vector) in row.iter_mut().enumerate() {
        let far = plane.at(x as f32);
        let models = [Some(far), curved.as_ref().map(|row| row.at(x as f32))];
        let nearest = models
            .into_iter()
            .flatten()
            .min_by(|a, b| f32::total_cmp(&squared_distance(vector, *a), &squared_distance(vector, *b)));
        *vector = nearest.map_or(*vector, Vec2f::from);
    }
}

fn squared_distance(vector: &Vec2f, [u, v]: [f32; 2]) -> f32 {
    (vector[0] - u).powi(2) + (vector[1] - v).powi(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: Size = Size { width: 240, height: 135 };

    /// The residual of the flow `field`, for all pixels outside and inside a block that moves 6 pixels more.
    fn residuals(field: impl Fn(f32, f32) -> [f32; 2]) -> (Vec<f32>, Vec<f32>) {
        let block = |x: i32, y: i32| (100..140).contains(&x) && (50..90).contains(&y);
        let vector = |(x, y): (i32, i32)| {
            let [u, v] = field(x as f32, y as f32);
            Vec2f::from([if block(x, y) { u + 6.0 } else { u }, v])
        };
        let pixels: Vec<(i32, i32)> = (0..135).flat_map(|y| (0..240).map(move |x| (x, y))).collect();
        let vectors: Vec<Vec2f> = pixels.iter().copied().map(vector).collect();
        let flow = Flow(Mat::new_rows_cols_with_data(135, 240, &vectors).unwrap().try_clone().unwrap());
        let (residual, _) = CameraMotion::new(SIZE).residual(&flow, 0.5, 2.0).unwrap();
        let values = raster::values(&residual).unwrap().iter().copied().zip(pixels);
        let (inside, outside): (Vec<_>, Vec<_>) = values.partition(|(_, (x, y))| block(*x, *y));
        let values = |part: Vec<(f32, _)>| part.into_iter().map(|(value, _)| value).collect();
        (values(outside), values(inside))
    }

    fn highest(values: &[f32]) -> f32 {
        values.iter().copied().fold(0.0, f32::max)
    }

    #[test]
    fn a_turning_camera_is_removed_and_the_object_stays() {
        let (outside, inside) = residuals(|x, y| {
            let depth = 1.0 + 2e-4 * x - 1e-4 * y;
            [(1.03 * x + 0.02 * y + 4.0) / depth - x, (0.01 * x + 0.98 * y - 2.0) / depth - y]
        });
        assert!(highest(&outside) < 0.05, "{}", highest(&outside));
        let off = inside.iter().map(|value| (value - 12.0).abs()).fold(0.0, f32::max);
        assert!(off < 0.05, "the block's 6 pixels, scaled by 2, should remain: off by {off}");
    }

    #[test]
    fn a_curved_flow_is_removed_and_the_object_stays() {
        let (outside, inside) = residuals(|x, y| {
            let (x, y) = (x / 120.0 - 1.0, (y - 67.5) / 120.0);
            [2.0 + 3.0 * x * x - 2.0 * x * y * y + x * x * x, 1.0 - 2.0 * y * y * y + x * x * y]
        });
        assert!(highest(&outside) < 0.05, "{}", highest(&outside));
        // The homography does not fit here, so it may lie nearer to the block than the cubic does.
        assert!(inside.iter().all(|value| (8.0..12.1).contains(value)));
    }

    #[test]
    fn a_still_camera_leaves_nothing() {
        let (outside, inside) = residuals(|_, _| [0.0, 0.0]);
        assert!(highest(&outside) < 1e-3 && inside.iter().all(|value| (value - 12.0).abs() < 1e-2));
    }

    #[test]
    fn no_flow_makes_the_residual_explode() {
        let mut state = 1u32;
        let mut noise = move || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state as f32 / u32::MAX as f32 * 80.0 - 40.0
        };
        let noise: Vec<[f32; 2]> = (0..240 * 135).map(|_| [noise(), noise()]).collect();
        assert_bounded("noise", |x, y| noise[(y * 240.0 + x) as usize]);
        assert_bounded("all to one point", |x, y| [60.0 - x, 60.0 - y]);
        assert_bounded("all to one line", |_, y| [0.0, 30.0 - y]);
        assert_bounded("mirrored", |x, _| [240.0 - 2.0 * x, 0.0]);
        assert_bounded("not a number", |x, _| [if x > 100.0 { f32::NAN } else { 1.0 }, f32::INFINITY]);
    }

    fn assert_bounded(name: &str, field: impl Fn(f32, f32) -> [f32; 2]) {
        let (outside, inside) = residuals(field);
        let top = highest(&outside).max(highest(&inside));
        assert!(outside.iter().chain(&inside).all(|value| value.is_finite()), "{name}");
        assert!(top < 2.0 * 300.0, "{name}: {top}");
    }
}
