//! Chooses where a classifier runs, and checks that a fast path says what the CPU says.

use super::{Attribution, Classifier, Compiled, Source};
use crate::Result;
use crate::grad::Method;
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
    /// In what arithmetic.
    pub precision: Precision,
    /// What the user should know.
    pub notes: Vec<String>,
}

/// Where and how to compute.
#[derive(Debug, Clone, Copy)]
pub struct Wish {
    /// The device; none takes OpenVINO where it is installed, works and agrees with the CPU, else the CPU.
    pub device: Option<Device>,
    /// The arithmetic.
    pub precision: Precision,
    /// Threads, at least 1.
    pub threads: usize,
}

/// How many samples a graphics card gets at a time; processors gain nothing from more than one.
const SAMPLES_AT_ONCE: usize = 8;

/// Opens the classifier for `method`; for a sampled one, with the plain gradient, of several pictures where that pays.
///
/// # Errors
/// Those of [`Source::compile`] and [`Compiled::open`]; a device or precision that was asked for and fails is an error,
/// never replaced. A device that was not asked for, and whose answer differs from the CPU's, is replaced whatever the
/// precision.
pub fn open(source: Source, method: &Method, wish: &Wish) -> Result<Opened> {
    let Wish { device, precision, threads } = *wish;
    let options = |device, precision| SessionOptions { device, precision, threads };
    let wanted = match device {
        Some(device) => device,
        None if precision == Precision::F16 => Device::TensorRt,
        None if Runtime::get()?.has(Device::OpenVino) => Device::OpenVino,
        None => Device::Cpu,
    };
    let sampled = matches!(method, Method::Sampled(_));
    let method = method.of_one_run();
    let reference = source.compile(Device::Cpu, method)?;
    if wanted == Device::Cpu {
        drop(source);
        let classifier = reference.open(&options(wanted, precision))?;
        return Ok(Opened { classifier, device: wanted, precision, notes: Vec::new() });
    }
    let source = match wanted {
        Device::Cuda | Device::TensorRt if sampled => source.batched(SAMPLES_AT_ONCE).unwrap_or(source),
        _ => source,
    };
    let compiled = source.compile(wanted, method);
    // Its weights go before the sessions take their memory.
    drop(source);
    let mut reference = reference.open(&options(Device::Cpu, Precision::F32))?;
    let tried = compiled.and_then(|compiled| try_out(compiled, &options(wanted, precision), &mut reference));
    let doubt = match tried {
        Ok((classifier, None)) => return Ok(Opened { classifier, device: wanted, precision, notes: Vec::new() }),
        Ok((classifier, Some(doubt))) if device.is_some() => {
            return Ok(Opened { classifier, device: wanted, precision, notes: vec![format!("{wanted} {doubt}")] });
        }
        Ok((_, Some(doubt))) => doubt,
        Err(error) if device.is_some() || precision != Precision::F32 => return Err(error),
        Err(error) => format!("failed ({error})"),
    };
    let notes = vec![format!("{wanted} {doubt}; using the CPU")];
    Ok(Opened { classifier: reference, device: Device::Cpu, precision: Precision::F32, notes })
}

/// Opens the model, and tells how its answer on a test picture differs from the reference's, where it differs too much.
fn try_out(
    compiled: Compiled,
    options: &SessionOptions,
    reference: &mut Classifier,
) -> Result<(Classifier, Option<String>)> {
    let mut classifier = compiled.open(options)?;
    let (width, height) = reference.input_size();
    let input = test_picture(3 * width * height);
    let expected = reference.run(&input, None)?;
    let actual = classifier.run(&input, Some(expected.class))?;
    let least = if options.precision == Precision::F32 { FAITHFUL } else { FAITHFUL_NARROW };
    let similarity = cosine(&expected, &actual);
    // A similarity that is no number is no agreement either.
    let agrees = similarity >= least;
    let doubt = (!agrees).then(|| format!("gives other gradients than the CPU (similarity {similarity:.3})"));
    Ok((classifier, doubt))
}

/// Smooth waves of many lengths, within -1..1: neither flat nor noise.
fn test_picture(values: usize) -> Vec<f32> {
    (0..values)
        .map(|i| ((i as f32 * 0.37).sin() + (i as f32 * 0.011).sin() + (i as f32 * 0.0007).cos()) / 3.0)
        .collect()
}

/// The cosine of the angle between two maps.
pub(crate) fn cosine(a: &Attribution, b: &Attribution) -> f64 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
    let (a, b) = (&a.gradient, &b.gradient);
    // Two empty maps, as a class activation map without positive parts, agree.
    if dot(a, a) + dot(b, b) == 0.0 { 1.0 } else { dot(a, b) / (dot(a, a) * dot(b, b)).sqrt() }
}
