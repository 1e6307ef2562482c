//! A homography fitted by RANSAC: exact for a camera that rotates or zooms, and for a planar scene.

use opencv::calib3d::{self, RANSAC};
use opencv::core::{Mat, Point, Point2f, Size, Vec2f, Vector};
use opencv::prelude::*;

use super::lattice::{lattice, vector_at};
use crate::Result;

/// Spacing of the fitted points, in pixels.
const STEP: usize = 8;
/// A homography that moves a corner farther than this share of the longer side between two frames is rejected.
const FARTHEST: f32 = 0.75;

/// Maps a pixel of the current frame to its position in the previous frame.
#[derive(Debug, Clone, Copy)]
pub(super) struct Homography([[f32; 3]; 3]);

impl Homography {
    const IDENTITY: Self = Self([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]);

    /// The flow along row `y`.
    pub(super) fn row(&self, y: f32) -> HomographyRow {
        let start = self.0.map(|[_, b, c]| b * y + c);
        HomographyRow { y, start, slope: self.0.map(|[a, _, _]| a) }
    }

    pub(super) fn at(&self, point: Point) -> [f32; 2] {
        self.row(point.y as f32).at(point.x as f32)
    }

    /// Whether the whole picture stays in front of the camera and no corner moves absurdly far.
    fn is_plausible(&self, size: Size) -> bool {
        let farthest = FARTHEST * size.width.max(size.height) as f32;
        let corners = [0, size.height - 1].map(|y| [0, size.width - 1].map(|x| Point::new(x, y)));
        corners.as_flattened().iter().all(|&corner| {
            let [a, b, c] = self.0[2];
            let depth = a * corner.x as f32 + b * corner.y as f32 + c;
            let [u, v] = self.at(corner);
            depth > 0.1 && u.hypot(v) < farthest
        })
    }
}

/// One row of a homography's flow.
pub(super) struct HomographyRow {
    y: f32,
    start: [f32; 3],
    slope: [f32; 3],
}

impl HomographyRow {
    #[inline]
    pub(super) fn at(&self, x: f32) -> [f32; 2] {
        let [u, v, depth] = std::array::from_fn(|i| self.start[i] + self.slope[i] * x);
        [u / depth - x, v / depth - self.y]
    }
}

pub(super) struct HomographyFitter {
    size: Size,
    points: Vec<Point>,
    from: Vector<Point2f>,
}

impl HomographyFitter {
    pub(super) fn new(size: Size) -> Self {
        let points = lattice(size, STEP, STEP);
        let from = points.iter().map(|p| Point2f::new(p.x as f32, p.y as f32)).collect();
        Self { size, points, from }
    }

    /// The homography that most of the flow follows to within `tolerance` pixels, or the identity if there is none.
    /// OpenCV seeds its RANSAC with a constant, so the same flow always gives the same result.
    pub(super) fn fit(&self, flow: &[Vec2f], tolerance: f64) -> Result<Homography> {
        let to: Vector<Point2f> = self
            .points
            .iter()
            .map(|&point| {
                let vector = vector_at(flow, self.size, point);
                Point2f::new(point.x as f32 + vector[0], point.y as f32 + vector[1])
            })
            .collect();
        let found = calib3d::find_homography(&self.from, &to, &mut Mat::default(), RANSAC, tolerance)?;
        let matrix: Vec<f32> = match found.empty() {
            true => return Ok(Homography::IDENTITY),
            false => found.data_typed::<f64>()?.iter().map(|&v| v as f32).collect(),
        };
        let homography = Homography(std::array::from_fn(|i| std::array::from_fn(|j| matrix[3 * i + j])));
        Ok(if homography.is_plausible(self.size) { homography } else { Homography::IDENTITY })
    }
}
