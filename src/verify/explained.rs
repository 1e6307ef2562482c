//! The value whose slope a gradient model computes, from its scores.

use crate::model::{Attribution, Classifier};
use onnx_grad::{Explain, Probabilities};

/// The explained value of a class: its logit, or its probability. Probabilities above one half are given as p - 1,
/// which has the same slope and keeps its digits.
pub fn value(classifier: &Classifier, found: &Attribution, class: usize) -> f64 {
    let own = f64::from(found.scores[class]);
    match (classifier.explain(), classifier.probabilities()) {
        (Explain::Probability, Some(Probabilities::Softmax)) => {
            let weight = |other: usize| (f64::from(found.scores[other]) - own).exp();
            let others: f64 = (0..found.scores.len()).filter(|other| *other != class).map(weight).sum();
            if others < 1.0 { -others / (1.0 + others) } else { 1.0 / (1.0 + others) }
        }
        (Explain::Probability, Some(Probabilities::Sigmoid)) => {
            let share = |z: f64| 1.0 / (1.0 + (-z).exp());
            if own > 0.0 { -share(-own) } else { share(own) }
        }
        _ => own,
    }
}
