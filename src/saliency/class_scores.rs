//! What a classifier's scores say of a class.

use crate::model::ClassTarget;
use onnx_grad::Probabilities;

/// The factor by which a new class must be more probable than the displayed one to replace it.
const HYSTERESIS: f32 = 2.0;

/// How to read a classifier's scores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ClassScores(Probabilities);

impl ClassScores {
    /// `probabilities` is `None` if the model does not say it, as files of earlier versions.
    pub fn new(probabilities: Option<Probabilities>, scores: &[f32]) -> Self {
        Self(match probabilities {
            Some(known) => known,
            None if are_probabilities(scores) => Probabilities::Scores,
            None => Probabilities::Softmax,
        })
    }

    /// Whether another class is more than [`HYSTERESIS`] times as probable as `class`; for scores without
    /// probabilities, whether it has a higher one.
    pub fn outweighed(self, scores: &[f32], class: usize) -> bool {
        let top = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        match self.0 {
            Probabilities::Scores => top > HYSTERESIS * scores[class],
            Probabilities::Softmax | Probabilities::Sigmoid => top - scores[class] > HYSTERESIS.ln(),
            Probabilities::None => top > scores[class],
        }
    }

    /// The probability of the target, 0..=1. `None` if the scores have none.
    pub fn probability(self, scores: &[f32], target: ClassTarget) -> Option<f32> {
        let ClassTarget { class, opposite } = target;
        let own = *scores.get(class)?;
        let sign = if opposite { -1.0 } else { 1.0 };
        match self.0 {
            Probabilities::Softmax => {
                let share = 1.0 / scores.iter().map(|score| (score - own).exp()).sum::<f32>();
                Some(if opposite { 1.0 - share } else { share })
            }
            Probabilities::Sigmoid => Some(1.0 / (1.0 + (-sign * own).exp())),
            Probabilities::Scores => Some(if opposite { 1.0 - own } else { own }),
            Probabilities::None => None,
        }
    }

    /// The score of the target before Softmax or Sigmoid; `None` if the scores are probabilities already.
    pub fn logit(self, scores: &[f32], target: ClassTarget) -> Option<f32> {
        let own = *scores.get(target.class).filter(|_| self.0 != Probabilities::Scores)?;
        Some(if target.opposite { -own } else { own })
    }
}

/// Whether the scores are outputs of a Softmax.
fn are_probabilities(scores: &[f32]) -> bool {
    scores.iter().all(|score| *score >= 0.0) && (scores.iter().sum::<f32>() - 1.0).abs() < 1e-3
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(known: Probabilities, scores: &[f32], class: usize, opposite: bool) -> Option<f32> {
        ClassScores::new(Some(known), scores).probability(scores, ClassTarget { class, opposite })
    }

    #[test]
    fn probabilities_are_softmax_even_of_large_scores() {
        let near = |found: Option<f32>, wanted: f32| assert!((found.unwrap() - wanted).abs() < 1e-6, "{found:?}");
        near(read(Probabilities::Softmax, &[0.0, 0.0], 1, false), 0.5);
        near(read(Probabilities::Softmax, &[1000.0, 0.0], 0, false), 1.0);
        near(read(Probabilities::Softmax, &[1000.0, 0.0], 1, false), 0.0);
        near(read(Probabilities::Softmax, &[0.25, 0.75], 1, false), 0.6224593);
        near(read(Probabilities::Softmax, &[0.0, 0.0, 0.0], 1, true), 2.0 / 3.0);
    }

    #[test]
    fn classes_that_do_not_exclude_each_other_have_a_sigmoid_each() {
        let near = |found: Option<f32>, wanted: f32| assert!((found.unwrap() - wanted).abs() < 1e-6, "{found:?}");
        for class in 0..2 {
            near(read(Probabilities::Sigmoid, &[20.0, 20.0], class, false), 1.0);
        }
        near(read(Probabilities::Sigmoid, &[-1.0, 1.0], 1, false), 0.7310586);
        near(read(Probabilities::Sigmoid, &[-1.0, 1.0], 1, true), 0.26894143);
        near(read(Probabilities::Sigmoid, &[-1.0, 1.0], 0, false), 0.26894143);
    }

    #[test]
    fn scores_without_probabilities_have_none() {
        assert_eq!(read(Probabilities::None, &[0.2, 0.3, -0.1], 1, false), None);
        assert_eq!(read(Probabilities::Scores, &[0.9, 0.1, 0.3, 0.7], 0, false), Some(0.9));
        let old = ClassScores::new(None, &[0.25, 0.75]);
        assert_eq!(old.probability(&[0.25, 0.75], 1.into()), Some(0.75));
    }

    #[test]
    fn a_logit_is_a_score_that_is_no_probability() {
        let logit = |known, scores: &[f32]| ClassScores::new(Some(known), scores).logit(scores, 1.into());
        assert_eq!(logit(Probabilities::Softmax, &[-1.0, 7.5]), Some(7.5));
        assert_eq!(logit(Probabilities::Scores, &[0.25, 0.75]), None);
    }

    #[test]
    fn a_class_is_kept_until_another_is_twice_as_probable() {
        let outweighed = |known, scores: &[f32], class| ClassScores::new(Some(known), scores).outweighed(scores, class);
        assert!(!outweighed(Probabilities::Softmax, &[1.0, 1.6], 0));
        assert!(outweighed(Probabilities::Softmax, &[1.0, 1.8], 0));
        assert!(!outweighed(Probabilities::Softmax, &[1.0, 1.8], 1));
        assert!(
            outweighed(Probabilities::Scores, &[0.3, 0.7], 0) && !outweighed(Probabilities::Scores, &[0.4, 0.6], 0)
        );
        assert!(outweighed(Probabilities::None, &[0.11, 0.12], 0), "similarities differ by little");
    }
}
