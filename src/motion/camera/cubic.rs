//! A cubic polynomial model of the flow: it covers what depth and the lens add to a homography.

use opencv::core::{Point, Size, Vec2f};

use super::homography::Homography;
use super::lattice::{lattice, vector_at};
use crate::raster::robust::{self, PolynomialField};

/// The first fitted point and the spacing of the points, in pixels.
const FIRST: usize = 4;
const STEP: usize = 6;
const REWEIGHTED_STEPS: usize = 12;
/// Number of monomials of two variables up to the third degree.
const TERMS: usize = 10;

/// The polynomial, in coordinates with the picture's centre at 0 and its left and right borders at -1 and 1.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cubic {
    field: PolynomialField<TERMS>,
    size: Size,
}

impl Cubic {
    /// The flow along row `y`: one cubic in x per component.
    pub(super) fn row(&self, y: f32) -> CubicRow {
        let half = self.size.width as f32 / 2.0;
        let y = f64::from((y - self.size.height as f32 / 2.0) / half);
        let powers = self.field.0.map(|[one, x, y1, xx, xy, yy, xxx, xxy, xyy, yyy]| {
            let constant = one + y * (y1 + y * (yy + y * yyy));
            let linear = x + y * (xy + y * xyy);
            [constant, linear, xx + y * xxy, xxx].map(|c| c as f32)
        });
        CubicRow { half, powers }
    }
}

/// One row of a cubic's flow.
pub(super) struct CubicRow {
    half: f32,
    powers: [[f32; 4]; 2],
}

impl CubicRow {
    #[inline]
    pub(super) fn at(&self, x: f32) -> [f32; 2] {
        let x = x / self.half - 1.0;
        self.powers.map(|[a, b, c, d]| a + x * (b + x * (c + x * d)))
    }
}

pub(super) struct CubicFitter {
    size: Size,
    points: Vec<Point>,
    basis: Vec<[f64; TERMS]>,
}

impl CubicFitter {
    pub(super) fn new(size: Size) -> Self {
        let points = lattice(size, FIRST, STEP);
        let half = f64::from(size.width) / 2.0;
        let basis = points
            .iter()
            .map(|p| {
                let x = f64::from(p.x) / half - 1.0;
                let y = (f64::from(p.y) - f64::from(size.height) / 2.0) / half;
                [1.0, x, y, x * x, x * y, y * y, x * x * x, x * x * y, x * y * y, y * y * y]
            })
            .collect();
        Self { size, points, basis }
    }

    /// The cubic that the background follows. The background initially means the points that agree with `start`. `None`
    /// if the flow does not determine a cubic.
    pub(super) fn fit(&self, flow: &[Vec2f], start: &Homography) -> Option<Cubic> {
        let targets: Vec<[f64; 2]> =
            self.points.iter().map(|&p| vector_at(flow, self.size, p).0.map(f64::from)).collect();
        let residuals: Vec<f64> = self
            .points
            .iter()
            .zip(&targets)
            .map(|(&point, target)| {
                let [u, v] = start.at(point).map(f64::from);
                (target[0] - u).hypot(target[1] - v)
            })
            .collect();
        let fit = robust::fit(&self.basis, &targets, robust::weights(&residuals), REWEIGHTED_STEPS)?;
        Some(Cubic { field: fit.field, size: self.size })
    }
}
