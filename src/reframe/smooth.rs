//! The L1-optimal camera path, as a linear programme.

use std::ops::RangeInclusive;

use clarabel::algebra::CscMatrix;
use clarabel::solver::{DefaultSettingsBuilder, DefaultSolver, IPSolver, SupportedConeT};

use crate::{Error, Result};

// The constants were chosen by leave-one-out on 22 sequences of DAVIS; see docs/reframe.md. The price
// of travel decides between keeping the object and resting; the others can be halved or doubled with little effect.

/// Loss per picture width by which a position lies outside the range of good ones. An object of a fifth of the width
/// that is cut has this slope.
const OUTSIDE: f64 = 5.0;
/// Loss per picture width between a position and the middle of the range: only decides between paths that are otherwise
/// equally good.
const OFF_CENTRE: f64 = 0.1;
/// Seconds for which the object may be lost rather than travel one picture width.
pub(super) const TRAVEL_SECONDS: f64 = 0.5;
/// The same price for a change of speed, in seconds per width per second, and of acceleration.
const SPEED_CHANGE: f64 = 0.035;
const ACCELERATION_CHANGE: f64 = 0.003;
/// Maximum acceleration, in picture widths per second squared.
const MAX_ACCELERATION: f64 = 1.5;

/// The smoothest path through `ranges` of good positions, one per frame, within 0..=`limit`, at `fps` frames per second.
/// It may leave a range for a price.
pub(super) fn smooth_path(ranges: &[RangeInclusive<f64>], limit: f64, fps: f64) -> Result<Vec<f64>> {
    let frames = ranges.len();
    let mut programme = Programme::default();
    let path = programme.variables(frames, 0.0);
    let (outside, off_centre) = (programme.variables(frames, OUTSIDE), programme.variables(frames, OFF_CENTRE));
    for (frame, range) in ranges.iter().enumerate() {
        let (at, outside) = (path + frame, outside + frame);
        programme.at_most(&[(at, 1.0), (outside, -1.0)], *range.end());
        programme.at_most(&[(at, -1.0), (outside, -1.0)], -range.start());
        programme.at_most(&[(outside, -1.0)], 0.0);
        programme.at_most(&[(at, 1.0)], limit);
        programme.at_most(&[(at, -1.0)], 0.0);
        programme.at_least_distance(off_centre + frame, &[(at, 1.0)], (range.start() + range.end()) / 2.0);
    }
    let prices = [TRAVEL_SECONDS * fps, SPEED_CHANGE * fps.powi(2), ACCELERATION_CHANGE * fps.powi(3)];
    let stencils: [&[f64]; 3] = [&[-1.0, 1.0], &[1.0, -2.0, 1.0], &[-1.0, 3.0, -3.0, 1.0]];
    for (order, (stencil, price)) in stencils.into_iter().zip(prices).enumerate() {
        let count = (frames + 1).saturating_sub(stencil.len());
        let change = programme.variables(count, price);
        for start in 0..count {
            let terms: Vec<_> = stencil.iter().enumerate().map(|(i, factor)| (path + start + i, *factor)).collect();
            programme.at_least_distance(change + start, &terms, 0.0);
            if order == 1 {
                programme.at_most(&[(change + start, 1.0)], MAX_ACCELERATION / fps.powi(2));
            }
        }
    }
    let solution = programme.minimise()?;
    Ok(solution[path..path + frames].iter().map(|at| at.clamp(0.0, limit)).collect())
}

/// A linear programme: the least cost under upper bounds.
#[derive(Default)]
struct Programme {
    costs: Vec<f64>,
    bounds: Vec<f64>,
    rows: Vec<usize>,
    columns: Vec<usize>,
    factors: Vec<f64>,
}

impl Programme {
    /// Adds `count` variables with a cost each, and returns the index of the first one.
    fn variables(&mut self, count: usize, cost: f64) -> usize {
        let first = self.costs.len();
        self.costs.resize(first + count, cost);
        first
    }

    /// Requires that the sum of `terms` (variable, factor) is at most `bound`.
    fn at_most(&mut self, terms: &[(usize, f64)], bound: f64) {
        for &(variable, factor) in terms {
            self.rows.push(self.bounds.len());
            self.columns.push(variable);
            self.factors.push(factor);
        }
        self.bounds.push(bound);
    }

    /// Requires that `variable` is at least the distance of the sum of `terms` from `origin`.
    fn at_least_distance(&mut self, variable: usize, terms: &[(usize, f64)], origin: f64) {
        for sign in [1.0, -1.0] {
            let terms: Vec<_> =
                terms.iter().map(|(at, factor)| (*at, sign * factor)).chain([(variable, -1.0)]).collect();
            self.at_most(&terms, sign * origin);
        }
    }

    fn minimise(self) -> Result<Vec<f64>> {
        let (rows, columns) = (self.bounds.len(), self.costs.len());
        let matrix = CscMatrix::new_from_triplets(rows, columns, self.rows, self.columns, self.factors);
        let quadratic = CscMatrix::zeros((columns, columns));
        let settings = DefaultSettingsBuilder::default().verbose(false).build().map_err(|e| bug(&e))?;
        let cones = [SupportedConeT::NonnegativeConeT(rows)];
        let mut solver = DefaultSolver::new(&quadratic, &self.costs, &matrix, &self.bounds, &cones, settings)
            .map_err(|e| bug(&e))?;
        solver.solve();
        // Resting is always allowed and no cost is negative, so there is a solution.
        let solution = solver.solution;
        if solution.x.iter().all(|value| value.is_finite()) { Ok(solution.x) } else { Err(bug(&solution.status)) }
    }
}

fn bug(cause: &impl ToString) -> Error {
    Error::Panic { stage: "camera path".into(), message: cause.to_string() }
}
