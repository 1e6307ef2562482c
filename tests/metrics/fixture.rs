//! Readers for the files that tests/references/metrics.py writes.

use std::collections::BTreeMap;

use ndarray::{Array2, Array3};
use salstream::commands::eval::metric::mask::Curve;
use serde::Deserialize;

#[derive(Deserialize)]
pub struct Fixture {
    pub threshold: f64,
    pub step: usize,
    pub cases: Vec<Case>,
    pub pooled: Pooled,
    pub real: Vec<Real>,
    pub warpings: Vec<Warping>,
    pub series: Vec<Series>,
}

impl Fixture {
    pub fn read() -> Self {
        serde_json::from_str(include_str!("../fixtures/metrics.json")).unwrap()
    }
}

#[derive(Deserialize)]
pub struct Case {
    pub name: String,
    width: usize,
    height: usize,
    digits: usize,
    map: String,
    truth: String,
    pub scores: Expected,
}

impl Case {
    pub fn map(&self) -> Array2<f64> {
        hexadecimal(&self.map, self.digits, (self.height, self.width))
    }

    pub fn truth(&self) -> Array2<bool> {
        let truth = self.truth.chars().map(|digit| digit == '1').collect();
        Array2::from_shape_vec((self.height, self.width), truth).unwrap()
    }

    pub fn is_of_8_bits(&self) -> bool {
        self.digits == 2
    }
}

/// The hexadecimal numbers of `digits` digits each, divided by the largest such number.
fn hexadecimal(text: &str, digits: usize, shape: (usize, usize)) -> Array2<f64> {
    let largest = f64::from((1_u32 << (4 * digits)) - 1);
    let numbers = integers(text, digits).map(|number| f64::from(number) / largest).collect();
    Array2::from_shape_vec(shape, numbers).unwrap()
}

fn integers(text: &str, digits: usize) -> impl Iterator<Item = u32> {
    text.as_bytes().chunks(digits).map(|digits| u32::from_str_radix(str::from_utf8(digits).unwrap(), 16).unwrap())
}

#[derive(Deserialize)]
pub struct Expected {
    pub fixed: Segmentation,
    pub otsu: Segmentation,
    pub region_curve: ExpectedCurve,
    pub as_is: Saliency,
    pub min_max: Option<Saliency>,
}

#[derive(Deserialize)]
pub struct Segmentation {
    pub region: f64,
    pub boundary: f64,
}

#[derive(Deserialize)]
pub struct Saliency {
    pub mae: f64,
    pub f_weighted: f64,
    pub s_measure: f64,
    pub f_adaptive: f64,
    pub f_curve: ExpectedCurve,
    pub e_adaptive: f64,
    pub e_curve: ExpectedCurve,
    pub precision: ExpectedCurve,
    pub recall: ExpectedCurve,
}

#[derive(Deserialize)]
pub struct ExpectedCurve {
    at: Vec<f64>,
    max: f64,
    mean: f64,
}

#[derive(Deserialize)]
pub struct Pooled {
    pub f_curve: ExpectedCurve,
    pub e_curve: ExpectedCurve,
    pub f_adaptive: f64,
    pub s_measure: f64,
}

#[derive(Deserialize)]
pub struct Real {
    pub name: String,
    pub scores: Expected,
}

#[derive(Deserialize)]
pub struct Warping {
    width: usize,
    height: usize,
    map: String,
    previous: String,
    backward: String,
    forward: Option<String>,
    pub error: f64,
    pub valid: f64,
}

impl Warping {
    pub fn maps(&self) -> [Array2<f64>; 2] {
        [&self.map, &self.previous].map(|map| hexadecimal(map, 4, (self.height, self.width)))
    }

    pub fn backward(&self) -> Array3<f64> {
        self.flow(&self.backward)
    }

    pub fn forward(&self) -> Option<Array3<f64>> {
        self.forward.as_deref().map(|flow| self.flow(flow))
    }

    fn flow(&self, text: &str) -> Array3<f64> {
        let vectors = integers(text, 4).map(|number| (f64::from(number) - 32768.0) / 64.0).collect();
        Array3::from_shape_vec((self.height, self.width, 2), vectors).unwrap()
    }
}

#[derive(Deserialize)]
pub struct Series {
    pub values: Vec<f64>,
    pub statistics: [f64; 3],
}

/// The largest difference from the reference for each measure.
#[derive(Default)]
pub struct Differences(BTreeMap<&'static str, (f64, String)>);

impl Differences {
    pub fn number(&mut self, measure: &'static str, case: &str, ours: f64, expected: f64) {
        let off = (ours - expected).abs();
        assert!(off.is_finite(), "{measure}: {ours} instead of {expected} in: {case}");
        let largest = self.0.entry(measure).or_default();
        if off > largest.0 {
            *largest = (off, case.to_owned());
        }
    }

    pub fn curve(&mut self, measure: &'static str, case: &str, ours: &Curve, expected: &ExpectedCurve, step: usize) {
        assert_eq!(ours.0.len(), 256);
        let at: Vec<f64> = ours.0.iter().copied().step_by(step).collect();
        assert_eq!(at.len(), expected.at.len());
        at.iter().zip(&expected.at).for_each(|(&ours, &expected)| self.number(measure, case, ours, expected));
        self.number(measure, case, ours.max(), expected.max);
        self.number(measure, case, ours.mean(), expected.mean);
    }

    /// Prints all differences, and fails if any is above `tolerance`.
    pub fn check(&self, tolerance: f64) {
        for (measure, (off, case)) in &self.0 {
            eprintln!("{measure}: at most {off:.1e} off{}{case}", if case.is_empty() { "" } else { ", in: " });
        }
        assert!(!self.0.is_empty());
        for (measure, (off, case)) in &self.0 {
            assert!(*off <= tolerance, "{measure} is off by {off:e} in: {case}");
        }
    }
}
