//! The steadiest sequence of good positions.

use std::ops::RangeInclusive;

use super::loss::POSITIONS;

/// How much more than at the target a position may lose and still be as good.
const TOLERANCE: f32 = 0.01;

/// The position of each frame for which the sum of all losses and of `price` per step from position to position is the
/// smallest: the exact minimum, by dynamic programming.
pub(super) fn steady_targets(losses: &[[f32; POSITIONS]], price: f32) -> Vec<usize> {
    let Some((first, rest)) = losses.split_first() else { return Vec::new() };
    let mut costs = *first;
    let mut origins: Vec<[u8; POSITIONS]> = Vec::with_capacity(rest.len());
    for losses in rest {
        let (arrived, origin) = travel(&costs, price);
        costs = std::array::from_fn(|index| arrived[index] + losses[index]);
        // Only differences matter. Sums over a long shot would lose their last digits.
        let least = costs.iter().copied().fold(f32::INFINITY, f32::min);
        costs.iter_mut().for_each(|cost| *cost -= least);
        origins.push(origin);
    }
    let mut at = (0..POSITIONS).min_by(|&a, &b| costs[a].total_cmp(&costs[b])).unwrap_or(0);
    let mut targets = vec![at];
    for origin in origins.iter().rev() {
        at = origin[at].into();
        targets.push(at);
    }
    targets.reverse();
    targets
}

/// The least cost at each position after travelling, and where the journey began. Staying wins a tie.
fn travel(costs: &[f32; POSITIONS], price: f32) -> ([f32; POSITIONS], [u8; POSITIONS]) {
    let mut arrived = *costs;
    let mut origin: [u8; POSITIONS] = std::array::from_fn(|index| index as u8);
    let mut relax = |to: usize, from: usize| {
        if arrived[from] + price < arrived[to] {
            arrived[to] = arrived[from] + price;
            origin[to] = origin[from];
        }
    };
    (1..POSITIONS).for_each(|index| relax(index, index - 1));
    (1..POSITIONS).rev().for_each(|index| relax(index - 1, index));
    (arrived, origin)
}

/// The positions around `target` that are about as good.
pub(super) fn free_range(losses: &[f32; POSITIONS], target: usize) -> RangeInclusive<usize> {
    let is_good = |index: &usize| losses[*index] <= losses[target] + TOLERANCE;
    let low = (0..=target).rev().take_while(is_good).last().unwrap_or(target);
    let high = (target..POSITIONS).take_while(is_good).last().unwrap_or(target);
    low..=high
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The losses of a frame that has an object of this weight at each position.
    fn frame(objects: &[(usize, f32)]) -> [f32; POSITIONS] {
        let all: f32 = objects.iter().map(|(_, weight)| weight).sum();
        std::array::from_fn(|index| {
            let kept = objects.iter().filter(|(at, _)| at.abs_diff(index) < 10).map(|(_, weight)| weight);
            all - kept.sum::<f32>()
        })
    }

    #[test]
    fn the_window_does_not_change_between_objects_of_changing_strength() {
        let losses: Vec<_> = (0..60).map(|i| frame(&[(40, 0.5 + 0.1 * (i % 2) as f32), (150, 0.55)])).collect();
        let targets = steady_targets(&losses, 0.05);
        assert!(targets.iter().all(|&at| at == targets[0]), "{targets:?}");
    }

    #[test]
    fn a_lasting_change_is_followed_once() {
        let losses: Vec<_> = (0..100).map(|i| frame(&[(if i < 50 { 40 } else { 150 }, 1.0)])).collect();
        let targets = steady_targets(&losses, 0.05);
        let changes: Vec<usize> = (1..100).filter(|&i| targets[i] != targets[i - 1]).collect();
        assert_eq!(changes, [50], "{targets:?}");
    }

    #[test]
    fn the_free_range_is_the_connected_part_around_the_target() {
        assert_eq!(free_range(&frame(&[(40, 1.0), (150, 1.0)]), 42), 31..=49);
        assert_eq!(free_range(&[0.0; POSITIONS], 5), 0..=POSITIONS - 1);
    }
}
