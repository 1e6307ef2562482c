//! Numerical quadrature: the points and weights that give the mean of a function.

/// The points in 0..1 and the weights (which sum to 1) of Gauss-Legendre quadrature with `count`
/// points. It is exact for polynomials up to degree 2 `count` - 1.
pub fn gauss_legendre(count: usize) -> Vec<(f64, f64)> {
    let n = count as f64;
    let root = |index: usize| {
        // Tricomi's estimate is the starting point for Newton's method.
        let mut x = (std::f64::consts::PI * (index as f64 + 0.75) / (n + 0.5)).cos();
        let mut slope = 1.0;
        for _ in 0..10 {
            let (value, before) = legendre(count, x);
            slope = n * (x * value - before) / (x * x - 1.0);
            x -= value / slope;
        }
        ((1.0 - x) / 2.0, 1.0 / ((1.0 - x * x) * slope * slope))
    };
    (0..count).map(root).collect()
}

/// The Legendre polynomials of degree `count` and one less at `x`.
fn legendre(count: usize, x: f64) -> (f64, f64) {
    (1..=count).fold((1.0, 0.0), |(last, before), degree| {
        let k = degree as f64;
        (((2.0 * k - 1.0) * x * last - (k - 1.0) * before) / k, last)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn polynomials_are_integrated_exactly() {
        for count in [1, 2, 5, 64] {
            let rule = gauss_legendre(count);
            let degree = 2 * count as i32 - 1;
            let mean: f64 = rule.iter().map(|(place, weight)| weight * place.powi(degree)).sum();
            assert!((mean - 1.0 / f64::from(degree + 1)).abs() < 1e-12, "{count}: {mean}");
            assert!(rule.is_sorted_by(|a, b| a.0 < b.0) && rule.iter().all(|(place, _)| (0.0..1.0).contains(place)));
        }
    }
}
