//! The gradient of one node test with respect to one input, against finite differences.

use std::error::Error;

use onnx_grad::{Options, Request, differentiate, prepare};
use ort::session::Session;
use ort::value::Tensor;

use super::case::FreeInput;
use crate::common::{Random, reals, try_session, value};
use crate::runtime;

/// How a gradient compares.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    Agrees,
    /// Stated and measured.
    Wrong(String),
    /// The compiler's error.
    Refused(String),
    /// The results do not depend on the input.
    NoDependence,
    /// Every difference is at a kink or a jump, or does not converge.
    Unmeasurable,
    /// The runtime does not run the operator.
    NotRun,
}

/// The accuracy of derivatives, relative to the largest one.
const TOLERANCE: f64 = 1e-2;

/// Derivatives below this are as good as 0 in single precision.
const LEAST: f64 = 1e-2;

/// Distances for differences. The first at which rounding does not matter and both sides agree counts.
const STEPS: [f64; 4] = [1e-2, 1e-1, 1e-3, 1.0];

/// Inputs with up to this many elements are moved one by one; of longer ones, as many elements are.
const MAX_MOVED: usize = 32;

/// Masks in single precision are as good as infinite.
const HUGE: f64 = 1e30;

/// The results weighted and added up, as a function of the free input.
struct Score<'a> {
    input: &'a FreeInput<'a>,
    session: Session,
    weights: Vec<[Vec<f64>; 2]>,
    /// How far rounding may move it.
    noise: f64,
}

impl<'a> Score<'a> {
    fn new(input: &'a FreeInput<'a>) -> Result<Self, Box<dyn Error>> {
        let mut score = Self { input, session: try_session(&input.forward())?, weights: Vec::new(), noise: 0.0 };
        let results = score.results(&input.values)?;
        let mut random = Random(3);
        // What is not finite, or stands for that, has no slope.
        let mut weights = |result: &Vec<f64>| {
            result.iter().map(|y| if y.abs() < HUGE { random.next() } else { 0.0 }).collect::<Vec<f64>>()
        };
        score.weights = results.iter().map(|result| [weights(result), weights(result)]).collect();
        let terms = results.iter().zip(&score.weights).flat_map(|(result, weights)| result.iter().zip(&weights[0]));
        let squares = terms.filter(|(_, weight)| **weight != 0.0).map(|(y, weight)| (y * weight).powi(2));
        score.noise = 2.0 * input.rounding() * squares.sum::<f64>().sqrt();
        Ok(score)
    }

    fn results(&mut self, x: &[f64]) -> Result<Vec<Vec<f64>>, Box<dyn Error>> {
        let x = value(self.input.dtype(), &self.input.shape(), x);
        let results = self.session.run(ort::inputs!["wrapper/x" => x])?;
        Ok(results.values().map(|result| reals(&result.view())).collect())
    }

    fn at(&mut self, x: &[f64]) -> Option<f64> {
        let results = self.results(x).ok()?;
        let fits = results.iter().zip(&self.weights).all(|(result, weights)| result.len() == weights[0].len());
        let terms = results.iter().zip(&self.weights).flat_map(|(result, weights)| result.iter().zip(&weights[0]));
        let sum: f64 = terms.filter(|(_, weight)| **weight != 0.0).map(|(y, weight)| y * weight).sum();
        (fits && sum.is_finite()).then_some(sum)
    }

    /// The derivative along one coordinate, if differences to both sides converge to the same.
    fn slope(&mut self, place: usize, scale: f64) -> Option<f64> {
        STEPS.into_iter().find_map(|step| self.slope_by(place, step, scale))
    }

    fn slope_by(&mut self, place: usize, step: f64, scale: f64) -> Option<f64> {
        let allowed = TOLERANCE / 4.0 * scale.max(LEAST);
        if self.noise / step > allowed {
            return None;
        }
        let centre = self.at(&self.input.values)?;
        let mut side = |by: f64| {
            let mut x = self.input.values.clone();
            x[place] = self.input.rounded(x[place] + by);
            let moved = x[place] - self.input.values[place];
            (moved != 0.0).then_some(())?;
            Some((moved, self.at(&x)?))
        };
        let [(a, far), (b, farther), (c, near), (d, nearer)] =
            [side(step)?, side(-step)?, side(step / 2.0)?, side(-step / 2.0)?];
        let wide = (far - farther) / (a - b);
        let narrow = (near - nearer) / (c - d);
        let bend = ((far - centre) / a - (farther - centre) / b).abs();
        let bend_nearby = ((near - centre) / c - (nearer - centre) / d).abs();
        let allowed = allowed.max(TOLERANCE / 4.0 * narrow.abs());
        let kink = bend_nearby > allowed && bend_nearby > 0.7 * bend;
        ((wide - narrow).abs() <= allowed && !kink).then_some(narrow)
    }
}

/// Compares the gradient of one input.
pub fn compare(input: &FreeInput) -> Outcome {
    let mut score = match Score::new(input) {
        Ok(score) => score,
        Err(_) => return Outcome::NotRun,
    };
    let places = places(input.values.len());
    let gradient = match gradient(input, &score.weights) {
        Ok(gradient) => gradient,
        Err(problem) if problem.contains("the score does not depend on the image") => {
            let zeros = vec![0.0; input.values.len()];
            return match verdict(&mut score, &places, &zeros) {
                Outcome::Agrees => Outcome::NoDependence,
                other => other,
            };
        }
        Err(problem) if problem.starts_with("the gradient does not run") => return Outcome::Wrong(problem),
        Err(problem) => return Outcome::Refused(problem),
    };
    verdict(&mut score, &places, &gradient)
}

/// The coordinates to move.
fn places(count: usize) -> Vec<usize> {
    let mut random = Random(count as u64);
    if count <= MAX_MOVED {
        return (0..count).collect();
    }
    (0..MAX_MOVED).map(|_| ((random.next() + 1.0) / 2.0 * count as f64) as usize).collect()
}

fn verdict(score: &mut Score, places: &[usize], gradient: &[f64]) -> Outcome {
    let scale = gradient.iter().filter(|slope| slope.is_finite()).fold(0.0, |most: f64, slope| most.max(slope.abs()));
    let mut measured = 0;
    for place in places {
        let Some(slope) = score.slope(*place, scale) else { continue };
        measured += 1;
        let stated = gradient[*place];
        let near = (stated - slope).abs() <= TOLERANCE * scale.max(slope.abs()).max(LEAST);
        if !near {
            return Outcome::Wrong(format!("element {place}: {stated}, measured {slope}"));
        }
    }
    if measured == 0 { Outcome::Unmeasurable } else { Outcome::Agrees }
}

/// The gradient that the compiler states.
fn gradient(input: &FreeInput, weights: &[[Vec<f64>; 2]]) -> Result<Vec<f64>, String> {
    let compile = || -> Result<_, Box<dyn Error>> {
        let (model, shapes) = prepare(input.classifier(weights), &Request::default(), runtime::run)?;
        Ok(differentiate(&model, &shapes, &Options::default())?)
    };
    let made = compile().map_err(|problem| problem.to_string())?;
    let run = || -> Result<_, Box<dyn Error>> {
        let shape = input.image();
        let mut pixels = input.values.clone();
        pixels.resize(shape.iter().product(), 0.0);
        let (image, target) = (value(input.dtype(), &shape, &pixels), Tensor::from_array(([1], vec![0i64]))?);
        let values = try_session(&made)?
            .run(ort::inputs!["wrapper/image" => image, "target" => target])
            .map(|values| reals(&values["gradient"]))?;
        Ok(values)
    };
    run().map_err(|problem| format!("the gradient does not run: {problem}"))
}
