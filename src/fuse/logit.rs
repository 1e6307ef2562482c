//! Log odds and their inverse, bounded and fast: without branches or calls, so that compilers can vectorise loops over
//! them.

use std::f32::consts::{FRAC_1_SQRT_2, LN_2, LOG2_E};

/// Keeps the log odds of 0 and 1 finite: about -3 and 3.
const CERTAINTY: f32 = 0.05;

/// The log odds of `p` (0..=1).
#[inline]
pub(super) fn logit(p: f32) -> f32 {
    ln((p + CERTAINTY) / (1.0 - p + CERTAINTY))
}

/// The probability for log odds between -80 and 80.
#[inline]
pub(super) fn sigmoid(l: f32) -> f32 {
    1.0 / (1.0 + exp(-l))
}

/// The inverse of [`logit`], clamped to 0..=1.
#[inline]
pub(super) fn probability(l: f32) -> f32 {
    (sigmoid(l) * (1.0 + 2.0 * CERTAINTY) - CERTAINTY).clamp(0.0, 1.0)
}

/// The natural logarithm of a positive, normal number, to within 5e-7. The mantissa is reduced to the range from the
/// square root of 1/2 to that of 2, and its logarithm is the series of the inverse hyperbolic tangent.
#[inline]
fn ln(x: f32) -> f32 {
    let exponent = (x.to_bits() as i32 - FRAC_1_SQRT_2.to_bits() as i32) >> 23;
    let mantissa = f32::from_bits((x.to_bits() as i32 - (exponent << 23)) as u32);
    let t = (mantissa - 1.0) / (mantissa + 1.0);
    let square = t * t;
    let series = 2.0 + square * (2.0 / 3.0 + square * (2.0 / 5.0 + square * (2.0 / 7.0 + square * (2.0 / 9.0))));
    t * series + exponent as f32 * LN_2
}

/// The exponential of a number between -80 and 80, with a relative error below 4e-6: a Taylor series around the nearest
/// power of 2.
#[inline]
fn exp(x: f32) -> f32 {
    /// Adding and subtracting it rounds to the nearest integer.
    const ROUND: f32 = 12_582_912.0;
    let power = (x * LOG2_E + ROUND) - ROUND;
    let rest = x - power * LN_2;
    let series = 1.0 + rest * (1.0 + rest * (0.5 + rest * (1.0 / 6.0 + rest * (1.0 / 24.0 + rest * (1.0 / 120.0)))));
    f32::from_bits(series.to_bits().wrapping_add((power as i32 as u32) << 23))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logarithm_and_exponential_are_exact_enough() {
        for i in 1..20_000 {
            let x = i as f32 * 1.25e-3;
            assert!((ln(x) - x.ln()).abs() < 5e-7 * x.ln().abs().max(1.0), "ln {x}: {} {}", ln(x), x.ln());
            let l = x - 12.5;
            assert!((exp(l) / l.exp() - 1.0).abs() < 4e-6, "exp {l}: {} {}", exp(l), l.exp());
        }
        assert_eq!((ln(1.0), exp(0.0)), (0.0, 1.0));
    }

    #[test]
    fn odds_are_bounded_and_turn_back() {
        assert!((logit(0.0) + logit(1.0)).abs() < 1e-6 && logit(1.0) < 3.1);
        assert_eq!(logit(0.5), 0.0);
        for p in [0.1f32, 0.3, 0.8] {
            let back = probability(logit(p));
            assert!((back - p).abs() < 2e-6, "{p} {back}");
        }
        assert!(sigmoid(-60.0) > 0.0 && sigmoid(60.0) == 1.0);
    }
}
