//! Means over pictures and videos.

use std::collections::BTreeMap;

/// The mean of the values that are defined; `None` if none is.
pub fn mean(values: impl IntoIterator<Item = Option<f64>>) -> Option<f64> {
    let (sum, count) = values.into_iter().flatten().fold((0.0, 0u32), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / f64::from(count))
}

/// The mean over groups of each group's [`mean`], as DHF1K does for videos and their frames: a long video counts as
/// much as a short one. A group without a defined value is ignored.
pub fn mean_of_groups<'a>(values: impl IntoIterator<Item = (&'a str, Option<f64>)>) -> Option<f64> {
    let mut groups: BTreeMap<&str, Vec<Option<f64>>> = BTreeMap::new();
    for (group, value) in values {
        groups.entry(group).or_default().push(value);
    }
    mean(groups.into_values().map(mean))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_defined_is_left_out() {
        assert_eq!(mean([Some(1.0), None, Some(2.0)]), Some(1.5));
        assert_eq!(mean([None]), None);
    }

    #[test]
    fn every_group_counts_alike() {
        let values = [("a", Some(1.0)), ("a", Some(3.0)), ("b", Some(6.0)), ("c", None), ("a", None)];
        assert_eq!(mean_of_groups(values), Some(4.0));
    }
}
