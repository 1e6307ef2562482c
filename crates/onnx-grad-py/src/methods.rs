//! Attribution methods as Python names them.

use onnx_grad::{Baseline, Error, Layer, MAX_SEED, Method, Perturbation, Sampling, Statistic};
use pyo3::FromPyObject;

/// A method and its settings.
#[derive(FromPyObject)]
pub struct MethodArguments {
    name: String,
    samples: usize,
    noise: f32,
    baseline: Option<String>,
    colour: [f32; 3],
    layer: Option<String>,
    /// The seed of a sampled method.
    pub seed: u32,
}

/// The names of all methods.
pub const NAMES: [&str; 10] = [
    "gradient",
    "input-x-gradient",
    "smoothgrad",
    "smoothgrad-squared",
    "vargrad",
    "integrated-gradients",
    "guided",
    "grad-cam",
    "grad-cam++",
    "guided-grad-cam",
];

/// The most samples, each of which costs a run of the network.
const MAX_SAMPLES: usize = 100_000;

impl MethodArguments {
    /// The method.
    ///
    /// # Errors
    /// [`Error::Request`] if a name is unknown or a number is out of range.
    pub fn method(&self) -> Result<Method, Error> {
        if self.samples == 0 || self.samples > MAX_SAMPLES {
            return Err(Error::Request(format!("samples is {}; give 1 to {MAX_SAMPLES}", self.samples)));
        }
        if !(self.noise > 0.0 && self.noise.is_finite()) {
            return Err(Error::Request(format!(
                "noise is {}; give a share of the picture's range, such as 0.15",
                self.noise
            )));
        }
        if self.seed > MAX_SEED {
            return Err(Error::Request(format!("seed is {}; give 0 to {MAX_SEED}", self.seed)));
        }
        let layer = || self.layer.clone().map_or(Layer::Last, Layer::Named);
        let noisy = |statistic| self.sampled(Perturbation::Noise { level: self.noise, statistic });
        Ok(match self.name.as_str() {
            "gradient" => Method::Gradient,
            "input-x-gradient" => Method::InputXGradient,
            "smoothgrad" => noisy(Statistic::Mean),
            "smoothgrad-squared" => noisy(Statistic::MeanSquare),
            "vargrad" if self.samples == 1 => {
                return Err(Error::Request("samples is 1, and one sample has no variance; give 2 or more".into()));
            }
            "vargrad" => noisy(Statistic::Variance),
            "integrated-gradients" => self.sampled(Perturbation::Path(self.baseline()?)),
            "guided" => Method::Guided,
            "grad-cam" => Method::GradCam(layer()),
            "grad-cam++" => Method::GradCamPlusPlus(layer()),
            "guided-grad-cam" => Method::GuidedGradCam(layer()),
            name => return Err(Error::Request(format!("there is no method {name}, only: {}", NAMES.join(", ")))),
        })
    }

    fn sampled(&self, perturbation: Perturbation) -> Method {
        Method::Sampled(Sampling { samples: self.samples, perturbation })
    }

    fn baseline(&self) -> Result<Baseline, Error> {
        Ok(match self.baseline.as_deref() {
            None => Baseline::Colour(self.colour),
            Some("mean") => Baseline::Mean,
            Some("blurred") => Baseline::Blurred,
            Some(name) => {
                let problem = format!("there is no baseline {name}");
                return Err(Error::Request(format!("{problem}; give mean, blurred, or a number for each channel")));
            }
        })
    }
}
