//! Polynomial flow models, fitted by iteratively reweighted least squares.

use super::quantile::median;

/// Keeps the normal equations solvable when the points do not determine every term.
const RIDGE: f64 = 1e-6;
/// Lower bound, in pixels, of the scale `c` in [`weights`]: smaller residuals are never treated as outliers.
const SOFTEST: f64 = 0.1;
/// Ratio of the standard deviation to the median absolute deviation of a normal distribution.
const MAD: f64 = 1.4826;

/// A two-component field that is linear in `N` basis functions: `[u, v] = coefficients · basis`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PolynomialField<const N: usize>(pub [[f64; N]; 2]);

impl<const N: usize> PolynomialField<N> {
    /// The field's value at a point whose basis functions are `basis`.
    pub(crate) fn at(&self, basis: &[f64; N]) -> [f64; 2] {
        self.0.map(|row| row.iter().zip(basis).map(|(c, b)| c * b).sum())
    }

    fn is_finite(&self) -> bool {
        self.0.iter().flatten().all(|c| c.is_finite())
    }
}

/// A fitted field and each point's distance from it.
pub(crate) struct RobustFit<const N: usize> {
    pub field: PolynomialField<N>,
    pub residuals: Vec<f64>,
}

/// Geman-McClure weights, `1 / (1 + (r/c)²)²`, where `c` is twice the residuals' robust standard deviation.
pub(crate) fn weights(residuals: &[f64]) -> Vec<f64> {
    let c = (2.0 * MAD * median(residuals)).max(SOFTEST);
    residuals.iter().map(|r| (1.0 + (r / c).powi(2)).powi(-2)).collect()
}

/// Fits a field to `targets` over `basis` (one entry per point each), in `steps` reweighting steps that start from
/// `weights`. `None` if the equations have no finite solution.
pub(crate) fn fit<const N: usize>(
    basis: &[[f64; N]],
    targets: &[[f64; 2]],
    mut weights: Vec<f64>,
    steps: usize,
) -> Option<RobustFit<N>> {
    let mut fit = None;
    for _ in 0..steps {
        let field = least_squares(basis, targets, &weights).filter(PolynomialField::is_finite)?;
        let residuals: Vec<_> = basis.iter().zip(targets).map(|(b, t)| distance(field.at(b), *t)).collect();
        weights = self::weights(&residuals);
        fit = Some(RobustFit { field, residuals });
    }
    fit
}

fn distance([ax, ay]: [f64; 2], [bx, by]: [f64; 2]) -> f64 {
    (ax - bx).hypot(ay - by)
}

fn least_squares<const N: usize>(
    basis: &[[f64; N]],
    targets: &[[f64; 2]],
    weights: &[f64],
) -> Option<PolynomialField<N>> {
    let mut normal = [[0.0; N]; N];
    let mut right = [[0.0; N]; 2];
    for ((b, target), weight) in basis.iter().zip(targets).zip(weights) {
        for i in 0..N {
            let weighted = weight * b[i];
            for j in 0..=i {
                normal[i][j] += weighted * b[j];
            }
            right[0][i] += weighted * target[0];
            right[1][i] += weighted * target[1];
        }
    }
    for (i, row) in normal.iter_mut().enumerate() {
        row[i] += RIDGE;
    }
    let lower = cholesky(normal)?;
    Some(PolynomialField(right.map(|right| substitute(&lower, right))))
}

/// The lower Cholesky factor `L` of a symmetric positive definite matrix `L Lᵀ`. Only the lower half of `a` is read.
fn cholesky<const N: usize>(mut a: [[f64; N]; N]) -> Option<[[f64; N]; N]> {
    for i in 0..N {
        for j in 0..=i {
            let sum = a[i][j] - (0..j).map(|k| a[i][k] * a[j][k]).sum::<f64>();
            a[i][j] = match i == j {
                true if sum > 0.0 => sum.sqrt(),
                true => return None,
                false => sum / a[j][j],
            };
        }
    }
    Some(a)
}

/// Solves `L Lᵀ x = b`.
fn substitute<const N: usize>(lower: &[[f64; N]; N], mut b: [f64; N]) -> [f64; N] {
    for i in 0..N {
        b[i] = (b[i] - (0..i).map(|k| lower[i][k] * b[k]).sum::<f64>()) / lower[i][i];
    }
    for i in (0..N).rev() {
        b[i] = (b[i] - (i + 1..N).map(|k| lower[k][i] * b[k]).sum::<f64>()) / lower[i][i];
    }
    b
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outliers_do_not_move_the_fit() {
        let basis: Vec<[f64; 2]> = (0..100).map(|x| [1.0, f64::from(x) / 50.0]).collect();
        let line = |b: &[f64; 2]| [2.0 + 3.0 * b[1], -1.0];
        let outlier = |i: usize| i.is_multiple_of(4);
        let targets: Vec<_> =
            basis.iter().enumerate().map(|(i, b)| if outlier(i) { [30.0, 30.0] } else { line(b) }).collect();
        let fit = fit(&basis, &targets, vec![1.0; 100], 12).unwrap();
        for (found, expected) in fit.field.0.iter().flatten().zip([2.0, 3.0, -1.0, 0.0]) {
            assert!((found - expected).abs() < 1e-2, "{:?}", fit.field);
        }
        assert!(fit.residuals[0] > 25.0 && fit.residuals[1] < 1e-2);
    }

    #[test]
    fn what_cannot_be_solved_is_none() {
        assert!(fit(&[[1.0, f64::NAN]], &[[0.0, 0.0]], vec![1.0], 3).is_none());
        assert!(fit(&[[1.0, 0.0]], &[[f64::INFINITY, 0.0]], vec![1.0], 3).is_none());
    }

    #[test]
    fn too_few_points_still_give_a_field_through_them() {
        let fit = fit(&[[1.0, 0.5, 0.25]], &[[4.0, -2.0]], vec![1.0], 1).unwrap();
        assert!(fit.residuals[0] < 1e-4);
    }
}
