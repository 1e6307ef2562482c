//! Confidence intervals of means, and tests of differences between methods.
//!
//! Resampling takes whole sequences (or blocks of a single one), not frames. Neighbouring frames are nearly the same;
//! as independent draws, they would suggest a certainty that does not exist.

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use serde::Serialize;

/// Number of resamples.
pub const RESAMPLES: usize = 10_000;
/// The share of the distribution of means that an interval covers.
const COVERED: f64 = 0.95;
/// The maximum number of pairs for which all patterns of signs are tried; 2^13 is about [`RESAMPLES`].
const EXACT: usize = 13;
/// Sums that differ by less than this are ties: the difference comes from the order of addition.
const TIE: f64 = 1e-12;

/// Bounds of a mean.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Interval {
    pub low: f64,
    pub high: f64,
}

/// The comparison of two methods on the same sequences.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Comparison {
    /// The mean of the first minus that of the second.
    pub difference: f64,
    /// Its 95 % interval.
    pub interval: Option<Interval>,
    /// The probability of a difference at least this large, of either sign, if the methods are equally good.
    pub p: f64,
    /// Whether all patterns of signs were tried, rather than a random selection.
    pub exact: bool,
    /// The number of pairs.
    pub pairs: usize,
}

/// The 95 % bootstrap interval of the mean of `values`, by percentiles (Efron and Tibshirani, "An Introduction to the
/// Bootstrap", 1993, chapter 13). The same in every run. `None` for fewer than two values.
///
/// With few values, it is too narrow: with six values, it covers about 85 %.
pub fn interval(values: &[f64]) -> Option<Interval> {
    if values.len() < 2 {
        return None;
    }
    let mut random = SmallRng::seed_from_u64(0);
    let mut draw = || values[random.random_range(0..values.len())];
    let count = values.len() as f64;
    let mut means: Vec<f64> = (0..RESAMPLES).map(|_| (0..values.len()).map(|_| draw()).sum::<f64>() / count).collect();
    means.sort_by(f64::total_cmp);
    let tail = (1.0 - COVERED) / 2.0;
    let at = |share: f64| means[(share * (RESAMPLES - 1) as f64).round() as usize];
    Some(Interval { low: at(tail), high: at(1.0 - tail) })
}

/// Compares two methods by a sign-flip permutation test of their paired differences (Fisher, "The Design of
/// Experiments", 1935, section 21; Good, "Permutation, Parametric and Bootstrap Tests of Hypotheses", 2005). Up to 13
/// pairs, it tries all patterns of signs, else 10,000 random ones, of which the observed pattern counts as one. `None`
/// without pairs.
pub fn compare(first: &[f64], second: &[f64]) -> Option<Comparison> {
    let differences: Vec<f64> = first.iter().zip(second).map(|(first, second)| first - second).collect();
    let pairs = differences.len();
    if pairs == 0 {
        return None;
    }
    let sum: f64 = differences.iter().sum();
    let as_large = |signs: &mut dyn FnMut(usize) -> bool| {
        let flipped: f64 = differences.iter().enumerate().map(|(i, d)| if signs(i) { -d } else { *d }).sum();
        flipped.abs() >= sum.abs() - TIE
    };
    let exact = pairs <= EXACT;
    let p = if exact {
        let patterns = 1_usize << pairs;
        let count = (0..patterns).filter(|pattern| as_large(&mut |i| pattern >> i & 1 == 1)).count();
        count as f64 / patterns as f64
    } else {
        let mut random = SmallRng::seed_from_u64(0);
        let count = (0..RESAMPLES).filter(|_| as_large(&mut |_| random.random())).count();
        (count + 1) as f64 / (RESAMPLES + 1) as f64
    };
    Some(Comparison { difference: sum / pairs as f64, interval: interval(&differences), p, exact, pairs })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_leave_no_doubt_and_one_value_says_nothing() {
        assert_eq!(interval(&[0.5; 5]), Some(Interval { low: 0.5, high: 0.5 }));
        assert_eq!(interval(&[0.5]), None);
        assert_eq!(interval(&[]), None);
    }

    #[test]
    fn the_interval_is_that_of_the_normal_approximation_for_many_values() {
        let values: Vec<f64> = (0..400).map(|i| f64::from(i % 20) / 19.0).collect();
        let mean = values.iter().sum::<f64>() / 400.0;
        let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / 400.0;
        let half = 1.96 * (variance / 400.0).sqrt();
        let found = interval(&values).unwrap();
        assert!((found.low - (mean - half)).abs() < 2e-3 && (found.high - (mean + half)).abs() < 2e-3, "{found:?}");
    }

    #[test]
    fn two_values_give_their_range() {
        // A quarter of the resamples is (0, 0), a quarter (1, 1).
        assert_eq!(interval(&[0.0, 1.0]), Some(Interval { low: 0.0, high: 1.0 }));
    }

    #[test]
    fn six_wins_of_six_are_one_pattern_and_its_mirror_of_64() {
        let comparison = compare(&[0.9, 0.8, 0.7, 0.6, 0.5, 0.4], &[0.1; 6]).unwrap();
        assert_eq!((comparison.p, comparison.exact, comparison.pairs), (2.0 / 64.0, true, 6));
        assert!((comparison.difference - 0.55).abs() < 1e-12);
    }

    #[test]
    fn known_patterns_are_counted() {
        // Sums of (1, 2, -3): of the 8 patterns, all reach |0|.
        assert_eq!(compare(&[1.0, 2.0, -3.0], &[0.0; 3]).unwrap().p, 1.0);
        // Sums of (1, 2, 3): only 6 and -6 reach |6|.
        assert_eq!(compare(&[1.0, 2.0, 3.0], &[0.0; 3]).unwrap().p, 0.25);
        // Sums of (3, 2, -1): 6, 4, 0, 2 and their mirrors; |4| is reached by two and their mirrors.
        assert_eq!(compare(&[3.0, 2.0, -1.0], &[0.0; 3]).unwrap().p, 0.5);
        assert_eq!(compare(&[0.5; 4], &[0.5; 4]).unwrap().p, 1.0);
        assert_eq!(compare(&[], &[]), None);
    }

    #[test]
    fn many_pairs_are_sampled_and_agree_with_the_exact_test() {
        let differences: Vec<f64> = (0..14).map(|i| f64::from(i % 5) - 1.5).collect();
        let sampled = compare(&differences, &[0.0; 14]).unwrap();
        assert!(!sampled.exact);
        let sum: f64 = differences.iter().sum();
        let reaches = |pattern: usize| {
            let signed = differences.iter().enumerate().map(|(i, d)| if pattern >> i & 1 == 1 { -d } else { *d });
            signed.sum::<f64>().abs() >= sum.abs() - 1e-12
        };
        let exact = (0..1 << 14).filter(|&pattern| reaches(pattern)).count() as f64 / f64::from(1 << 14);
        assert!((sampled.p - exact).abs() < 0.015, "{} against {exact}", sampled.p);
    }
}
