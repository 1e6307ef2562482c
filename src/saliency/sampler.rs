//! Attribution from the gradients of many samples: SmoothGrad and its variants, and integrated
//! gradients.

use opencv::core::{BORDER_REPLICATE, Mat, MatTraitConst, MatTraitConstManual, Size};
use opencv::imgproc;
use rand::SeedableRng;
use rand::rngs::SmallRng;

use super::noise::{add_noise, range};
use crate::Result;
use crate::model::{Attribution, Classifier, Layout};
use onnx_grad::{self as grad, Baseline, Method, Perturbation, Sampling, Statistic};

/// Draws samples and accumulates the classifier's gradients.
///
/// The noise sequence continues from frame to frame, so averaging along the motion averages over
/// the noise too. A clip needs fewer samples per frame than a single image.
pub struct Sampler {
    sampling: Sampling,
    /// The position of each sample between baseline (0) and image (1), and its weight. For noise,
    /// only the weight is used.
    places: Vec<(f32, f32)>,
    random: SmallRng,
}

impl Sampler {
    /// Creates a sampler whose noise is the same in every run of the program.
    pub fn new(sampling: Sampling) -> Self {
        let places = match sampling.perturbation {
            Perturbation::Path(_) => grad::gauss_legendre(sampling.samples),
            Perturbation::Noise { .. } => vec![(1.0, 1.0 / sampling.samples as f64); sampling.samples],
        };
        let places = places.into_iter().map(|(place, weight)| (place as f32, weight as f32)).collect();
        Self { sampling, places, random: SmallRng::seed_from_u64(0) }
    }

    /// The sampler for `method`, or `None` if the method needs only one run.
    pub fn of(method: &Method) -> Option<Self> {
        match method {
            Method::Sampled(sampling) => Some(Self::new(sampling.clone())),
            _ => None,
        }
    }

    /// Restarts the noise sequence from its beginning.
    pub fn restart(&mut self) {
        self.random = SmallRng::seed_from_u64(0);
    }

    /// The attribution of the class of `clean`, which is the classifier's result for the image
    /// itself.
    ///
    /// # Errors
    /// Those of [`Classifier::run`].
    pub fn run(&mut self, classifier: &mut Classifier, input: &[f32], clean: Attribution) -> Result<Attribution> {
        let line = self.line(classifier, input)?;
        let (mut sum, mut squares) = (vec![0.0; input.len()], vec![0.0; input.len()]);
        let batch = classifier.batch();
        for start in (0..self.sampling.samples).step_by(batch) {
            let pictures: Vec<f32> =
                (start..start + batch).flat_map(|sample| self.picture(input, &line, sample)).collect();
            let found = classifier.run_batch(&pictures, Some(clean.target()))?;
            // Samples that fill up the last batch have no weight, so `zip` skips them.
            for ((_, weight), found) in self.places[start..].iter().zip(found) {
                for ((sum, square), slope) in sum.iter_mut().zip(&mut squares).zip(found.gradient) {
                    *sum += weight * slope;
                    *square += weight * slope * slope;
                }
            }
        }
        let combine = |((sum, square), step): ((f32, f32), f32)| match self.sampling.perturbation {
            Perturbation::Path(_) => sum * step,
            Perturbation::Noise { statistic: Statistic::Mean, .. } => sum,
            Perturbation::Noise { statistic: Statistic::MeanSquare, .. } => square,
            Perturbation::Noise { statistic: Statistic::Variance, .. } => (square - sum * sum).max(0.0),
        };
        let gradient = sum.into_iter().zip(squares).zip(line.steps).map(combine).collect();
        Ok(Attribution { gradient, ..clean })
    }

    fn line(&self, classifier: &Classifier, input: &[f32]) -> Result<SamplePath> {
        match &self.sampling.perturbation {
            Perturbation::Noise { level, .. } => {
                let (deviation, steps) = (level * range(input), vec![0.0; input.len()]);
                Ok(SamplePath { deviation, steps })
            }
            Perturbation::Path(baseline) => {
                let start = self::baseline(classifier, input, baseline)?;
                let steps = input.iter().zip(start).map(|(value, start)| value - start).collect();
                Ok(SamplePath { deviation: 0.0, steps })
            }
        }
    }

    fn picture(&mut self, input: &[f32], line: &SamplePath, sample: usize) -> Vec<f32> {
        match self.sampling.perturbation {
            Perturbation::Noise { .. } => {
                let mut picture = input.to_vec();
                add_noise(&mut picture, line.deviation, &mut self.random);
                picture
            }
            Perturbation::Path(_) => {
                // After the last sample, a batch is filled up with the image itself.
                let rest = 1.0 - self.places.get(sample).map_or(1.0, |place| place.0);
                input.iter().zip(&line.steps).map(|(value, step)| value - rest * step).collect()
            }
        }
    }
}

/// Parameters of the samples of one image.
struct SamplePath {
    /// Standard deviation of the noise.
    deviation: f32,
    /// The difference between image and baseline.
    steps: Vec<f32>,
}

/// The baseline of an image, as an input tensor.
///
/// # Errors
/// [`OpenCv`](crate::Error::OpenCv) if OpenCV cannot blur the image.
pub fn baseline(classifier: &Classifier, input: &[f32], baseline: &Baseline) -> Result<Vec<f32>> {
    let (width, height) = classifier.input_size();
    let area = width * height;
    let channel = |index: usize| match classifier.layout() {
        Layout::Nchw => index / area,
        Layout::Nhwc => index % 3,
    };
    Ok(match baseline {
        Baseline::Colour(colour) => (0..input.len()).map(|index| colour[channel(index)]).collect(),
        Baseline::Mean => {
            let mut sums = [0.0; 3];
            input.iter().enumerate().for_each(|(index, value)| sums[channel(index)] += value);
            (0..input.len()).map(|index| sums[channel(index)] / area as f32).collect()
        }
        Baseline::Blurred => match classifier.layout() {
            Layout::Nchw => blurred(input, 1, (width, height))?,
            Layout::Nhwc => blurred(input, 3, (width, height))?,
        },
    })
}

/// The blurred image, with `channels` values per position, plane by plane.
fn blurred(input: &[f32], channels: usize, (width, height): (usize, usize)) -> Result<Vec<f32>> {
    let (across, down) = (grad::blur_deviation(width), grad::blur_deviation(height));
    let kernel = |deviation: f64| 2 * (3.0 * deviation).ceil() as i32 + 1;
    let size = Size::new(kernel(across), kernel(down));
    let mut result = Vec::with_capacity(input.len());
    for plane in input.chunks_exact(width * height * channels) {
        let plane = Mat::from_slice(plane)?;
        let plane = plane.reshape(channels as i32, height as i32)?;
        let mut soft = Mat::default();
        imgproc::gaussian_blur(&plane, &mut soft, size, across, down, BORDER_REPLICATE)?;
        let flat = soft.reshape(1, 1)?;
        result.extend_from_slice(flat.data_typed::<f32>()?);
    }
    Ok(result)
}
