//! Checks of a derivative, and of what it should depend on.

use rand::SeedableRng;
use rand::rngs::SmallRng;
use rand_distr::{Distribution, StandardNormal};

use super::{CheckSubject, Verdict, VerifyCheck};
use crate::Result;
use crate::model::{Attribution, Classifier, Selection};
use onnx_grad::{Method, Perturbation, Sampling};

/// The number of directions for finite differences.
const DIRECTIONS: u64 = 8;

/// Step sizes of the finite differences, as fractions of the image's norm. Long steps cross the
/// network's kinks, and short steps are lost in float32 noise; one of these sizes is suitable.
const DIFFERENCE_STEPS: [f64; 6] = [1e-2, 1e-3, 1e-4, 1e-5, 3e-6, 1e-6];

/// Central differences of the score along random directions that lean towards the gradient, so that
/// a step changes the score by more than rounding does. Errors at right angles to the gradient are
/// hardly visible with few directions.
pub fn finite_differences(subject: &mut CheckSubject, picture: &[f32]) -> Result<VerifyCheck> {
    let found = subject.run(picture, None)?;
    let class = found.class;
    let (size, slope) = (norm(picture), norm(&found.gradient));
    let mut worst: f64 = 0.0;
    for seed in 0..DIRECTIONS {
        let noise: Vec<f32> = StandardNormal.sample_iter(SmallRng::seed_from_u64(seed)).take(picture.len()).collect();
        let (along, aside) = (1.0 / slope, 1.0 / norm(&noise));
        let leaning = found.gradient.iter().zip(&noise).map(|(g, n)| f64::from(*g) * along + f64::from(*n) * aside);
        let direction: Vec<f64> = leaning.collect();
        let stated: f64 = direction.iter().zip(&found.gradient).map(|(d, g)| d * f64::from(*g)).sum();
        let mut least = f64::INFINITY;
        for step in DIFFERENCE_STEPS.map(|step| step * size) {
            let mut at = |sign: f64| -> Result<f64> {
                let moved = picture.iter().zip(&direction).map(|(x, d)| (f64::from(*x) + sign * step * d) as f32);
                Ok(f64::from(subject.run(&moved.collect::<Vec<_>>(), Some(class))?.scores[class]))
            };
            let measured = (at(1.0)? - at(-1.0)?) / (2.0 * step);
            least = least.min(((measured - stated) / stated).abs());
        }
        worst = worst.max(least);
    }
    let detail =
        format!("the score's measured slope along {DIRECTIONS} directions is at most {:.2} % off", worst * 100.0);
    Ok(VerifyCheck::new("finite differences", worst, worst < 0.05, detail))
}

/// Maps that are the same for every image explain nothing about the image.
pub fn two_pictures(subject: &mut CheckSubject, pictures: [&[f32]; 2]) -> Result<VerifyCheck> {
    let first = subject.run(pictures[0], None)?;
    let second = subject.run(pictures[1], Some(first.class))?;
    let apart = difference(&first, &second);
    let detail = format!("the maps of two pictures differ by {apart:.3} of their norm");
    Ok(VerifyCheck::new("two pictures", apart, apart > 0.01, detail))
}

/// Maps that are the same for every class explain nothing about the class.
pub fn two_classes(subject: &mut CheckSubject, method: &Method, picture: &[f32]) -> Result<VerifyCheck> {
    let first = subject.run(picture, None)?;
    let second = second_best(&first);
    let apart = difference(&first, &subject.run(picture, Some(second))?);
    let detail = format!("the maps of the two best classes differ by {apart:.3} of their norm");
    let mut check = VerifyCheck::new("two classes", apart, apart > 0.01, detail);
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
    let expected = f64::from(found.scores[found.class] - at_start.scores[found.class]);
    let sum: f64 = found.gradient.iter().map(|value| f64::from(*value)).sum();
    let off = ((sum - expected) / expected).abs();
    let detail = format!(
        "sums to {sum:.3}, the scores differ by {expected:.3}: {:.2} % off; raise --samples above {samples}",
        off * 100.0
    );
    Ok(Some(VerifyCheck::new("completeness", off, off < 0.02, detail)))
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

/// The cosine of the angle between two maps.
fn cosine(a: &Attribution, b: &Attribution) -> f64 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
    let (a, b) = (&a.gradient, &b.gradient);
    // Two empty maps agree, such as class activation maps without positive parts.
    if dot(a, a) + dot(b, b) == 0.0 { 1.0 } else { dot(a, b) / (dot(a, a) * dot(b, b)).sqrt() }
}

/// |a - b| / |a|, for maps scaled to the same norm.
fn difference(a: &Attribution, b: &Attribution) -> f64 {
    let (size_a, size_b) = (norm(&a.gradient), norm(&b.gradient));
    let apart =
        a.gradient.iter().zip(&b.gradient).map(|(x, y)| (f64::from(*x) / size_a - f64::from(*y) / size_b).powi(2));
    apart.sum::<f64>().sqrt()
}

fn norm(values: &[f32]) -> f64 {
    values.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt()
}
