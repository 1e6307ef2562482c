//! Measures one execution configuration: how fast it is, and whether it matches the reference.

use std::fmt;
use std::time::{Duration, Instant};

use opencv::core::{BORDER_REPLICATE, CV_32FC1, Mat, MatTraitConstManual, MatTraitManual, Size};
use opencv::imgproc;
use serde::{Deserialize, Serialize};

use super::execution_config::ExecutionConfig;
use crate::Result;
use crate::model::runtime::Precision;
use crate::model::{Attribution, Classifier, Layout};
use crate::platform::cpu_time::CpuTime;

/// The smallest accepted correlation of the smoothed maps with the reference's, for exact and for
/// narrow arithmetic.
const FAITHFUL: f64 = 0.999;
const FAITHFUL_NARROW: f64 = 0.93;

/// Standard deviation of the smoothing as a fraction of the image's side, the same as for the
/// static map.
const SMOOTHING: f64 = 5.0 / 224.0;

/// The largest number of timed runs, and the time after which no further run starts.
const RUNS: usize = 9;
const MAX_TIMING_DURATION: Duration = Duration::from_secs(1);

/// The result of trying a configuration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrialResult {
    /// The configuration.
    pub candidate: ExecutionConfig,
    /// The measurement, or the reason why it does not work.
    pub result: std::result::Result<TrialMeasurement, String>,
}

/// The measurement of a configuration.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TrialMeasurement {
    /// Milliseconds for the scores and the gradient of one image: the shortest of several runs,
    /// which other programs disturb least.
    pub milliseconds: f64,
    /// The smallest correlation of its smoothed maps with the reference's, from -1 to 1.
    pub correlation: f64,
    /// Whether its top classes equal those of the reference.
    pub same_classes: bool,
    /// The share of the time, 0 to 1, in which its threads waited for a core that other programs used; `None` if the
    /// system does not tell.
    pub waiting: Option<f64>,
}

impl TrialResult {
    /// Milliseconds, if it works and matches the reference: the same top classes and nearly the
    /// same maps.
    pub fn matches_reference(&self) -> Option<f64> {
        let least = if self.candidate.precision == Precision::F32 { FAITHFUL } else { FAITHFUL_NARROW };
        let found = self.result.as_ref().ok()?;
        (found.same_classes && found.correlation >= least).then_some(found.milliseconds)
    }
}

impl fmt::Display for TrialResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let candidate = &self.candidate;
        match &self.result {
            Ok(found) if self.matches_reference().is_some() => write!(f, "{candidate} {:.1} ms", found.milliseconds),
            Ok(TrialMeasurement { same_classes: false, .. }) => {
                write!(f, "{candidate} predicts other classes than the CPU")
            }
            Ok(found) => {
                write!(f, "{candidate} computes other maps than the CPU (correlation {:.3})", found.correlation)
            }
            Err(problem) => write!(f, "{candidate} fails ({problem})"),
        }
    }
}

/// The reference's results for the calibration images.
pub struct ReferenceRun {
    classes: Vec<usize>,
    maps: Vec<Mat>,
}

impl ReferenceRun {
    /// Runs the reference.
    ///
    /// # Errors
    /// Those of [`Classifier::run`].
    pub fn of(classifier: &mut Classifier, pictures: &[Vec<f32>]) -> Result<Self> {
        let found = pictures.iter().map(|picture| classifier.run(picture, None)).collect::<Result<Vec<_>>>()?;
        let maps = found.iter().map(|found| smoothed(found, classifier)).collect::<Result<_>>()?;
        Ok(Self { classes: found.iter().map(|found| found.class).collect(), maps })
    }

    /// Compares `classifier` with the reference, and measures its speed.
    ///
    /// # Errors
    /// Those of [`Classifier::run`].
    pub fn measure(&self, classifier: &mut Classifier, pictures: &[Vec<f32>]) -> Result<TrialMeasurement> {
        let (mut correlation, mut same_classes) = (1.0f64, true);
        for ((picture, class), map) in pictures.iter().zip(&self.classes).zip(&self.maps) {
            let found = classifier.run(picture, Some(*class))?;
            same_classes &= found.top() == *class;
            correlation = correlation.min(correlate(map, &smoothed(&found, classifier)?)?);
        }
        let before = CpuTime::of_this_process();
        let milliseconds = milliseconds(classifier, pictures)?;
        let waiting = before.zip(CpuTime::of_this_process()).and_then(|(before, after)| after.waiting_since(&before));
        Ok(TrialMeasurement { milliseconds, correlation, same_classes, waiting })
    }
}

/// Milliseconds per image, after warm-up.
fn milliseconds(classifier: &mut Classifier, pictures: &[Vec<f32>]) -> Result<f64> {
    let started = Instant::now();
    let mut least = f64::INFINITY;
    for picture in pictures.iter().cycle().take(RUNS) {
        let began = Instant::now();
        classifier.run(picture, None)?;
        least = least.min(began.elapsed().as_secs_f64() * 1e3 / classifier.batch() as f64);
        if started.elapsed() > MAX_TIMING_DURATION {
            break;
        }
    }
    Ok(least)
}

/// The largest absolute value over the channels, blurred like the static map.
fn smoothed(found: &Attribution, classifier: &Classifier) -> Result<Mat> {
    let (width, height) = classifier.input_size();
    let area = width * height;
    let channels = found.gradient.len() / area;
    let mut map = Mat::new_rows_cols_with_default(height as i32, width as i32, CV_32FC1, 0.into())?;
    for (place, out) in map.data_typed_mut::<f32>()?.iter_mut().enumerate() {
        let value = |channel: usize| match classifier.layout() {
            Layout::Nchw => found.gradient[channel * area + place],
            Layout::Nhwc => found.gradient[place * channels + channel],
        };
        *out = (0..channels).fold(0.0, |most, channel| value(channel).abs().max(most));
    }
    let mut soft = Mat::default();
    let (across, down) = (SMOOTHING * width as f64, SMOOTHING * height as f64);
    imgproc::gaussian_blur(&map, &mut soft, Size::default(), across, down, BORDER_REPLICATE)?;
    Ok(soft)
}

/// Pearson's correlation of two maps: 1 if both are flat, 0 if only one is flat or one is not
/// finite.
fn correlate(a: &Mat, b: &Mat) -> Result<f64> {
    let (a, b) = (a.data_typed::<f32>()?, b.data_typed::<f32>()?);
    let mean = |map: &[f32]| map.iter().map(|value| f64::from(*value)).sum::<f64>() / map.len() as f64;
    let (mean_a, mean_b) = (mean(a), mean(b));
    let pairs = || a.iter().zip(b).map(|(a, b)| (f64::from(*a) - mean_a, f64::from(*b) - mean_b));
    let (aa, bb) = pairs().fold((0.0, 0.0), |(aa, bb), (a, b)| (aa + a * a, bb + b * b));
    if aa == 0.0 && bb == 0.0 {
        return Ok(1.0);
    }
    let correlation = pairs().map(|(a, b)| a * b).sum::<f64>() / (aa * bb).sqrt();
    Ok(if correlation.is_finite() { correlation } else { 0.0 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::runtime::Device;
    use crate::raster::from_values;
    use onnx_grad::Variant;

    fn trial(precision: Precision, correlation: f64, same_classes: bool) -> TrialResult {
        let candidate =
            ExecutionConfig { device: Device::OpenVino, precision, variant: Variant::OpenVino, threads: 2, batch: 1 };
        TrialResult {
            candidate,
            result: Ok(TrialMeasurement { milliseconds: 9.5, correlation, same_classes, waiting: None }),
        }
    }

    #[test]
    fn narrow_arithmetic_may_differ_more_but_not_in_the_class() {
        assert_eq!(trial(Precision::Bf16, 0.95, true).matches_reference(), Some(9.5));
        assert_eq!(trial(Precision::F32, 0.95, true).matches_reference(), None);
        assert_eq!(trial(Precision::Bf16, 0.92, true).matches_reference(), None);
        let other = trial(Precision::Bf16, 0.99, false);
        assert_eq!(other.matches_reference(), None);
        assert_eq!(other.to_string(), "openvino bf16 predicts other classes than the CPU");
        assert_eq!(trial(Precision::F32, 1.0, true).to_string(), "openvino f32 9.5 ms");
    }

    #[test]
    fn maps_correlate_by_shape_not_by_scale() {
        let map = |values: [f32; 4]| from_values(Size::new(2, 2), &values).unwrap();
        let wave = map([0.0, 1.0, 0.0, 1.0]);
        assert!((correlate(&wave, &map([1.0, 5.0, 1.0, 5.0])).unwrap() - 1.0).abs() < 1e-9);
        assert!((correlate(&wave, &map([1.0, 0.0, 1.0, 0.0])).unwrap() + 1.0).abs() < 1e-9);
        assert_eq!(correlate(&wave, &map([2.0; 4])).unwrap(), 0.0);
        assert_eq!(correlate(&map([0.0; 4]), &map([2.0; 4])).unwrap(), 1.0);
        assert_eq!(correlate(&wave, &map([f32::NAN; 4])).unwrap(), 0.0);
    }
}
