//! What a classifier's scores say of a class.

/// The factor by which a new class must be more probable than the displayed one to replace it.
const HYSTERESIS: f32 = 2.0;

/// Whether another class is more than [`HYSTERESIS`] times as probable as `class`.
pub(super) fn outweighed(scores: &[f32], class: usize) -> bool {
    let top = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    match are_probabilities(scores) {
        true => top > HYSTERESIS * scores[class],
        false => top - scores[class] > HYSTERESIS.ln(),
    }
}

/// The probability of `class`: softmax of the scores, unless they are probabilities already.
pub(super) fn probability(scores: &[f32], class: usize) -> f32 {
    match are_probabilities(scores) {
        true => scores[class],
        false => 1.0 / scores.iter().map(|score| (score - scores[class]).exp()).sum::<f32>(),
    }
}

/// The score of `class` before Softmax; `None` if the scores are probabilities already.
pub(super) fn logit(scores: &[f32], class: usize) -> Option<f32> {
    scores.get(class).copied().filter(|_| !are_probabilities(scores))
}

/// Whether the scores are outputs of a softmax: some models end in one that cannot be removed.
fn are_probabilities(scores: &[f32]) -> bool {
    scores.iter().all(|score| *score >= 0.0) && (scores.iter().sum::<f32>() - 1.0).abs() < 1e-3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_are_softmax_even_of_large_scores() {
        assert!((probability(&[0.0, 0.0], 1) - 0.5).abs() < 1e-6);
        assert!((probability(&[1000.0, 0.0], 0) - 1.0).abs() < 1e-6);
        assert_eq!(probability(&[1000.0, 0.0], 1), 0.0);
        assert_eq!(probability(&[0.25, 0.75], 1), 0.75);
    }

    #[test]
    fn a_logit_is_a_score_that_is_no_probability() {
        assert_eq!([logit(&[-1.0, 7.5], 1), logit(&[0.25, 0.75], 1)], [Some(7.5), None]);
    }

    #[test]
    fn a_class_is_kept_until_another_is_twice_as_probable() {
        assert!(!outweighed(&[1.0, 1.6], 0));
        assert!(outweighed(&[1.0, 1.8], 0));
        assert!(!outweighed(&[1.0, 1.8], 1));
        assert!(outweighed(&[0.3, 0.7], 0) && !outweighed(&[0.4, 0.6], 0));
    }
}
