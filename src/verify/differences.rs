//! The gradient against finite differences of what it explains.

use rand::SeedableRng;
use rand::rngs::SmallRng;
use rand_distr::{Distribution, StandardNormal};

use super::maps::norm;
use super::{CheckSubject, VerifyCheck};
use crate::Result;
use crate::model::Attribution;

const NAME: &str = "finite differences";

/// The number of directions for finite differences.
const DIRECTIONS: u64 = 8;

/// Step sizes of the finite differences, as fractions of the image's norm. Long steps cross the
/// network's kinks, and short steps are lost in float32 noise; one of these sizes is suitable.
const DIFFERENCE_STEPS: [f64; 6] = [1e-2, 1e-3, 1e-4, 1e-5, 3e-6, 1e-6];

/// Steps along which a score does not change if its slope is 0, and the change that rounding makes.
const STILL_STEPS: [f64; 2] = [1e-2, 1e-3];
const ROUNDING: f64 = 1e-6;

/// The largest error of a right gradient; and of one that ignores how the model rounds, whose direction must be right.
const MAX_ERROR: f64 = 0.05;
const MAX_ROUNDED_ERROR: f64 = 0.8;

/// Central differences of the score along random directions that lean towards the gradient, so that
/// a step changes the score by more than rounding does. Errors at right angles to the gradient are
/// hardly visible with few directions.
pub fn check(subject: &mut CheckSubject, picture: &[f32], rounds: Option<&str>) -> Result<VerifyCheck> {
    let found = subject.run(picture, None)?;
    if found.gradient.iter().any(|slope| !slope.is_finite()) {
        return Ok(VerifyCheck::new(NAME, f64::NAN, false, "the gradient is not finite".into()));
    }
    if norm(&found.gradient) == 0.0 {
        return still(subject, picture, &found, rounds);
    }
    let worst = worst_error(subject, picture, &found)?;
    let percent = worst * 100.0;
    let detail = format!("the score's measured slope along {DIRECTIONS} directions is at most {percent:.2} % off");
    let check = VerifyCheck::new(NAME, worst, worst < MAX_ERROR, detail);
    Ok(match rounds {
        Some(op) if (MAX_ERROR..MAX_ROUNDED_ERROR).contains(&worst) => check.skipped(&format!(
            "the model rounds values on the way ({op}), so its score changes in steps; the gradient is that of the \
             model without rounding, and differences cannot measure it ({percent:.0} % off)"
        )),
        _ => check,
    })
}

fn worst_error(subject: &mut CheckSubject, picture: &[f32], found: &Attribution) -> Result<f64> {
    let class = found.class;
    let (size, slope) = (norm(picture), norm(&found.gradient));
    let mut worst: f64 = 0.0;
    for seed in 0..DIRECTIONS {
        let noise = direction(seed, picture.len());
        let (along, aside) = (1.0 / slope, 1.0 / norm(&noise));
        let leaning = found.gradient.iter().zip(&noise).map(|(g, n)| f64::from(*g) * along + f64::from(*n) * aside);
        let direction: Vec<f64> = leaning.collect();
        let stated: f64 = direction.iter().zip(&found.gradient).map(|(d, g)| d * f64::from(*g)).sum();
        let mut least = f64::INFINITY;
        for step in DIFFERENCE_STEPS.map(|step| step * size) {
            let measured = change(subject, (picture, &direction), step, class)? / (2.0 * step);
            least = least.min(((measured - stated) / stated).abs());
        }
        worst = worst.max(least);
    }
    Ok(worst)
}

/// The check where the gradient is 0: right if the score does not change near the picture.
fn still(
    subject: &mut CheckSubject,
    picture: &[f32],
    found: &Attribution,
    rounds: Option<&str>,
) -> Result<VerifyCheck> {
    let size = norm(picture);
    let unit = subject.value(found, found.class).abs().max(f64::MIN_POSITIVE);
    let mut changes = [0.0_f64; STILL_STEPS.len()];
    for seed in 0..DIRECTIONS {
        let noise = direction(seed, picture.len());
        let length = norm(&noise);
        let direction: Vec<f64> = noise.iter().map(|value| f64::from(*value) / length).collect();
        for (change_here, step) in changes.iter_mut().zip(STILL_STEPS) {
            let by = change(subject, (picture, &direction), step * size, found.class)?;
            *change_here = change_here.max(by.abs() / unit);
        }
    }
    let least = changes.into_iter().fold(f64::INFINITY, f64::min);
    let is_still = least <= ROUNDING;
    let detail = format!("the gradient is 0, but small changes of the picture change the score by {least:.1e} of it");
    let check = VerifyCheck::new(NAME, least, false, detail);
    Ok(match (is_still, rounds) {
        (true, _) => check.skipped("the gradient is 0, and the score does not change with the picture here"),
        (false, Some(op)) => check.skipped(&format!(
            "the gradient is 0, and the model rounds values on the way ({op}), so differences cannot measure it"
        )),
        (false, None) => check,
    })
}

/// The change of the explained value from one step back to one step ahead.
fn change(subject: &mut CheckSubject, (picture, direction): (&[f32], &[f64]), step: f64, class: usize) -> Result<f64> {
    let mut at = |sign: f64| -> Result<f64> {
        let moved = picture.iter().zip(direction).map(|(x, d)| (f64::from(*x) + sign * step * d) as f32);
        let found = subject.run(&moved.collect::<Vec<_>>(), Some(class))?;
        Ok(subject.value(&found, class))
    };
    Ok(at(1.0)? - at(-1.0)?)
}

fn direction(seed: u64, length: usize) -> Vec<f32> {
    StandardNormal.sample_iter(SmallRng::seed_from_u64(seed)).take(length).collect()
}
