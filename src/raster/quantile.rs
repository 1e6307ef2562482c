//! Quantiles by selection, with linear interpolation between neighbouring values.

/// The quantiles `q` (each in 0..=1, ascending) of `values`; zeros if `values` is empty.
pub(crate) fn quantiles<T: RasterValue, const N: usize>(values: &[T], q: [f64; N]) -> [T; N] {
    let mut sorted = values.to_vec();
    let mut from = 0;
    q.map(|q| {
        let Some(last) = sorted.len().checked_sub(1) else { return T::default() };
        let position = q.clamp(0.0, 1.0) * last as f64;
        let index = position as usize;
        // Earlier selections left everything below the previous quantile on its left, so only the rest needs a search.
        let (_, &mut low, above) = sorted[from..].select_nth_unstable_by(index - from, T::total_cmp);
        from = index;
        let high = above.iter().copied().min_by(T::total_cmp).unwrap_or(low);
        T::mix(low, high, position - index as f64)
    })
}

/// The middle value.
pub(crate) fn median<T: RasterValue>(values: &[T]) -> T {
    let [median] = quantiles(values, [0.5]);
    median
}

/// A floating-point number that can be ordered and interpolated.
pub(crate) trait RasterValue: Copy + Default {
    fn total_cmp(&self, other: &Self) -> std::cmp::Ordering;
    /// `low + (high - low) * t`.
    fn mix(low: Self, high: Self, t: f64) -> Self;
}

impl RasterValue for f32 {
    fn total_cmp(&self, other: &Self) -> std::cmp::Ordering {
        f32::total_cmp(self, other)
    }
    fn mix(low: Self, high: Self, t: f64) -> Self {
        low + (high - low) * t as f32
    }
}

impl RasterValue for f64 {
    fn total_cmp(&self, other: &Self) -> std::cmp::Ordering {
        f64::total_cmp(self, other)
    }
    fn mix(low: Self, high: Self, t: f64) -> Self {
        low + (high - low) * t
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interpolates_between_neighbours() {
        let values = [4.0f32, 1.0, 3.0, 2.0, 5.0];
        assert_eq!(quantiles(&values, [0.0, 0.3, 0.5, 1.0]), [1.0, 2.2, 3.0, 5.0]);
        assert_eq!(median(&[4.0f64, 1.0, 2.0, 3.0]), 2.5);
    }

    #[test]
    fn nothing_has_zero_quantiles() {
        assert_eq!(quantiles::<f32, 2>(&[], [0.1, 0.9]), [0.0, 0.0]);
    }
}
