//! The receiver operating characteristic at given thresholds.

/// The area under the curve, by the trapezoidal rule. The curve starts at (0, 0), goes through the rates of false and
/// true positives at each of the `thresholds`, which must fall, and ends at (1, 1). A value equal to a threshold counts
/// as above it.
///
/// `None` without positives or without negatives.
pub fn area(thresholds: &[f64], positives: &[f64], negatives: &[f64]) -> Option<f64> {
    if positives.is_empty() || negatives.is_empty() {
        return None;
    }
    let (hits, alarms) = (rates(thresholds, positives), rates(thresholds, negatives));
    let ends = |rates: Vec<f64>| [0.0].into_iter().chain(rates).chain([1.0]).collect::<Vec<_>>();
    let (hits, alarms) = (ends(hits), ends(alarms));
    let trapezoids = alarms.windows(2).zip(hits.windows(2)).map(|(x, y)| (x[1] - x[0]) * (y[0] + y[1]) / 2.0);
    Some(trapezoids.sum())
}

/// The share of `values` at or above each threshold.
fn rates(thresholds: &[f64], values: &[f64]) -> Vec<f64> {
    let mut counts = vec![0usize; thresholds.len()];
    for value in values {
        let first = thresholds.partition_point(|threshold| threshold > value);
        if let Some(count) = counts.get_mut(first) {
            *count += 1;
        }
    }
    let above = counts.into_iter().scan(0, |sum, count| {
        *sum += count;
        Some(*sum)
    });
    above.map(|count| count as f64 / values.len() as f64).collect()
}
