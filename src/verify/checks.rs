//! Checks of what an attribution should depend on.

use super::maps::{cosine, difference, is_empty};
use super::{CheckSubject, Verdict, VerifyCheck};
use crate::Result;
use crate::model::{Attribution, Classifier, Selection};
use onnx_grad::{Method, Perturbation, Sampling};

/// Maps differ if they differ by more than this share of their norm.
const MIN_DIFFERENCE: f64 = 0.01;

/// How much a score may differ from that of a linear model, as a share of its change.
const MAX_CURVATURE: f64 = 1e-2;

const EMPTY: &str = "the map is empty, because the score does not change with the picture here";

/// Maps that are the same for every image explain nothing about the image, unless the score is
/// linear between the images. `plain` computes gradients.
pub fn two_pictures(
    plain: &mut CheckSubject,
    subject: &mut CheckSubject,
    pictures: [&[f32]; 2],
) -> Result<VerifyCheck> {
    let first = subject.run(pictures[0], None)?;
    let second = subject.run(pictures[1], Some(first.class))?;
    let apart = difference(&first, &second);
    let detail = format!("the maps of two pictures differ by {apart:.3} of their norm");
    let check = VerifyCheck::new("two pictures", apart, apart > MIN_DIFFERENCE, detail);
    if is_empty(&first) && is_empty(&second) {
        return Ok(check.skipped(EMPTY));
    }
    if check.verdict == Verdict::Fail && is_linear(plain, pictures, first.class)? {
        return Ok(check.skipped("the score is linear between the two pictures, so one map is right for both"));
    }
    Ok(check)
}

/// Whether the gradient at the first picture predicts the score of the second.
fn is_linear(plain: &mut CheckSubject, pictures: [&[f32]; 2], class: usize) -> Result<bool> {
    let [first, second] = [plain.run(pictures[0], Some(class))?, plain.run(pictures[1], Some(class))?];
    let steps = pictures[0].iter().zip(pictures[1]).map(|(a, b)| f64::from(*b) - f64::from(*a));
    let predicted: f64 = steps.zip(&first.gradient).map(|(step, slope)| step * f64::from(*slope)).sum();
    let found = plain.value(&second, class) - plain.value(&first, class);
    Ok((found - predicted).abs() <= MAX_CURVATURE * found.abs().max(predicted.abs()))
}

/// Maps that are the same for every class explain nothing about the class.
pub fn two_classes(subject: &mut CheckSubject, method: &Method, picture: &[f32]) -> Result<VerifyCheck> {
    let first = subject.run(picture, None)?;
    let second = subject.run(picture, Some(second_best(&first)))?;
    let apart = difference(&first, &second);
    let detail = format!("the maps of the two best classes differ by {apart:.3} of their norm");
    let mut check = VerifyCheck::new("two classes", apart, apart > MIN_DIFFERENCE, detail);
    if is_empty(&first) && is_empty(&second) {
        return Ok(check.skipped(EMPTY));
    }
    if *method == Method::Guided && check.verdict == Verdict::Fail {
        check.verdict = Verdict::Known;
    }
    Ok(check)
}

/// Integrated gradients sum to the difference between the scores of image and baseline.
pub fn completeness(subject: &mut CheckSubject, method: &Method, picture: &[f32]) -> Result<Option<VerifyCheck>> {
    let Method::Sampled(Sampling { perturbation: Perturbation::Path(baseline), samples }) = method else {
        return Ok(None);
    };
    let found = subject.run(picture, None)?;
    let start = crate::saliency::baseline(&subject.classifier, picture, baseline)?;
    let at_start = subject.classifier.run(&start, Some(found.class))?;
    let expected = subject.value(&found, found.class) - subject.value(&at_start, found.class);
    let sum: f64 = found.gradient.iter().map(|value| f64::from(*value)).sum();
    let off = ((sum - expected) / expected).abs();
    let detail = format!(
        "sums to {sum:.3}, the scores differ by {expected:.3}: {:.2} % off; raise --samples above {samples}",
        off * 100.0
    );
    let check = VerifyCheck::new("completeness", off, off < 0.02, detail);
    Ok(Some(if expected == 0.0 && sum == 0.0 { check.skipped(EMPTY) } else { check }))
}

/// Compares the chosen device with the CPU in float32.
pub fn devices(
    choice: &Selection,
    chosen: &mut Classifier,
    reference: &mut Classifier,
    picture: &[f32],
) -> Result<VerifyCheck> {
    let theirs = chosen.run(picture, None)?;
    let ours = reference.run(picture, Some(theirs.class))?;
    let similarity = cosine(&ours, &theirs);
    let unfit = choice.trials.iter().filter(|trial| trial.matches_reference().is_none());
    let notes: String = unfit.map(|trial| format!("; {trial}")).collect();
    let detail = format!("{} computes the CPU's map with a similarity of {similarity:.5}{notes}", choice.candidate);
    Ok(VerifyCheck::new("device", similarity, similarity >= 0.99, detail))
}

fn second_best(found: &Attribution) -> usize {
    let others = found.scores.iter().enumerate().filter(|(class, _)| *class != found.class);
    others.max_by(|a, b| a.1.total_cmp(b.1)).map_or(found.class, |(class, _)| class)
}
