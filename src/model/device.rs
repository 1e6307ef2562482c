//! Chooses where a classifier runs, and checks that a fast path says what the CPU says.

use std::path::Path;

use super::{Attribution, Classifier};
use crate::Result;
use crate::runtime::{Device, Precision, Runtime, SessionOptions};

/// Least cosine similarity of a device's gradient with the CPU's, for exact arithmetic and for narrow.
const FAITHFUL: f64 = 0.999;
const FAITHFUL_NARROW: f64 = 0.9;

/// An opened classifier and where it runs.
pub struct Opened {
    /// The classifier.
    pub classifier: Classifier,
    /// Where it runs.
    pub device: Device,
    /// What the user should know.
    pub notes: Vec<String>,
}

/// Opens the classifier in `path` on `device`; `None` takes OpenVINO where it is installed, works and agrees with the
/// CPU, else the CPU.
///
/// # Errors
/// Those of [`Classifier::open`]; a device that was asked for and fails is an error, never replaced.
pub fn open(path: &Path, device: Option<Device>, precision: Precision, threads: usize) -> Result<Opened> {
    let options = |device| SessionOptions { device, precision, threads };
    let exact = SessionOptions { device: Device::Cpu, precision: Precision::F32, threads };
    let wanted = match device {
        Some(device) => device,
        None if precision == Precision::F16 => Device::TensorRt,
        None if Runtime::get()?.has(Device::OpenVino) => Device::OpenVino,
        None => Device::Cpu,
    };
    if wanted == Device::Cpu {
        let classifier = Classifier::open(path, &options(wanted))?;
        return Ok(Opened { classifier, device: wanted, notes: Vec::new() });
    }
    let mut reference = Classifier::open(path, &exact)?;
    let doubt = match Classifier::open(path, &options(wanted)) {
        Ok(mut classifier) => match disagreement(&mut reference, &mut classifier, precision)? {
            None => return Ok(Opened { classifier, device: wanted, notes: Vec::new() }),
            Some(doubt) if device.is_some() => {
                return Ok(Opened { classifier, device: wanted, notes: vec![format!("{wanted} {doubt}")] });
            }
            Some(doubt) => doubt,
        },
        Err(error) if device.is_some() || precision != Precision::F32 => return Err(error),
        Err(error) => format!("failed ({error})"),
    };
    Ok(Opened { classifier: reference, device: Device::Cpu, notes: vec![format!("{wanted} {doubt}; using the CPU")] })
}

/// How a device's answer differs from the CPU's on a test picture, where it differs too much.
fn disagreement(reference: &mut Classifier, other: &mut Classifier, precision: Precision) -> Result<Option<String>> {
    let (width, height) = reference.input_size();
    let input = test_picture(3 * width * height);
    let expected = reference.run(&input, None)?;
    let actual = other.run(&input, Some(expected.class))?;
    let least = if precision == Precision::F32 { FAITHFUL } else { FAITHFUL_NARROW };
    let similarity = cosine(&expected, &actual);
    // A similarity that is no number is no agreement either.
    let agrees = similarity >= least;
    Ok((!agrees).then(|| format!("gives other gradients than the CPU (similarity {similarity:.3})")))
}

/// Smooth waves of many lengths, within -1..1: neither flat nor noise.
fn test_picture(values: usize) -> Vec<f32> {
    (0..values)
        .map(|i| ((i as f32 * 0.37).sin() + (i as f32 * 0.011).sin() + (i as f32 * 0.0007).cos()) / 3.0)
        .collect()
}

fn cosine(a: &Attribution, b: &Attribution) -> f64 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
    let (a, b) = (&a.gradient, &b.gradient);
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}
