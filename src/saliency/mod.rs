//! Static saliency: a frame's gradient of a class score with respect to its pixels (Simonyan, Vedaldi and Zisserman,
//! "Deep Inside Convolutional Networks", 2013).

mod fit;
mod method;
mod noise;
mod sampler;
mod target;

use std::ops::Deref;

use opencv::core::{CV_32FC1, Mat, MatTraitConst, MatTraitManual, Size};

pub use fit::Fit;
pub use method::{BaselineName, MethodChoice, MethodName};
pub use sampler::{Sampler, baseline};
pub use target::{Target, TargetName};

use self::fit::FramePlacement;
use self::noise::SpreadNoise;
use crate::choice::choices;
use crate::frame::{Features, Frame, Gradient, Prediction};
use crate::model::metadata::MetadataFlags;
use crate::model::{
    Attribution, ClassLabels, Classifier, ExecutionRequest, FRAMES_AT_ONCE, Layout, ModelMetadata, ModelName,
    PreparedModel, Preprocessor,
};
use crate::platform::machine::trim_heap;
use crate::{Error, Result};
use onnx_grad::Request;

choices! {
    /// How the gradient's colour channels become one map.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Channels {
        /// The largest absolute value: how strongly any colour matters
        Max = "max",
        /// The signed sum: the method's classic figure
        Sum = "sum",
    }
}

impl Channels {
    /// Combines the result so far, which starts at 0, with the value of one more channel.
    fn combine(self, so_far: f32, value: f32) -> f32 {
        match self {
            Self::Max => so_far.max(value.abs()),
            Self::Sum => so_far + value,
        }
    }
}

/// The classifier, and how to run and explain it.
#[derive(Debug, Clone)]
pub struct ModelConfig {
    /// The model.
    pub name: ModelName,
    /// The metadata set by the user.
    pub metadata: MetadataFlags,
    /// The requested device and precision.
    pub wish: ExecutionRequest,
    /// Whether frames may wait for each other, if the model takes several at once.
    pub several: bool,
    /// Whether to measure the fastest configuration again instead of using the cached result.
    pub remeasure: bool,
    /// The classes to explain, at least one. All but the first must be ids or names.
    pub targets: Vec<TargetName>,
    /// Values for what the model's file leaves open.
    pub request: Request,
    /// The attribution method.
    pub method: MethodChoice,
    /// How the gradient's channels become one map.
    pub channels: Channels,
    /// How a frame fills the classifier's input image.
    pub fit: Fit,
}

impl ModelConfig {
    /// Whether a frame needs only one run of the model.
    pub fn explains_one_run(&self) -> bool {
        self.targets.len() == 1 && self.method.runs_once()
    }
}

/// The factor by which a new class must be more probable than the displayed one to replace it.
const HYSTERESIS: f32 = 2.0;

/// Computes static saliency frame by frame.
pub struct StaticSaliency {
    classifier: Classifier,
    batch: usize,
    /// Draws the samples of a sampled method.
    sampler: Option<Sampler>,
    /// The number of samples per frame, at least 1.
    samples: usize,
    /// Adds noise to some frames, if the samples are spread over a clip.
    noise: Option<SpreadNoise>,
    preprocessor: Preprocessor,
    labels: ClassLabels,
    channels: Channels,
    fit: Fit,
    target: Target,
    /// The target as entered by the user.
    aim: TargetName,
    /// The further classes to explain.
    others: Vec<usize>,
    /// The scores of the last frame without noise, by class.
    scores: Vec<f32>,
    /// The class explained last, if later frames keep it.
    held: Option<usize>,
    name: String,
    notes: Vec<String>,
}

impl StaticSaliency {
    /// Resolves, differentiates and opens the classifier in `config`.
    ///
    /// # Errors
    /// [`Usage`](crate::Error::Usage) for an unknown model or target,
    /// [`Model`](crate::Error::Model) for a file that cannot be used,
    /// [`Runtime`](crate::Error::Runtime) if ONNX Runtime or the device fails.
    pub fn open(config: &ModelConfig) -> Result<Self> {
        let chosen = config.name.choose()?;
        let (one_run, sampled) = (config.method.of_one_run(), !config.method.runs_once());
        let prepared = PreparedModel::new(&chosen, &config.request, &one_run, sampled, config.wish, config.remeasure)?;
        let metadata = ModelMetadata::find(&chosen, &config.metadata, &prepared.source.facts()?)?;
        let mut notes = [&*chosen.notes, &*metadata.notes].concat();
        let ((preprocessor, _), (labels, _)) = (metadata.preprocessor, metadata.labels);
        let method = config.method.method(&preprocessor);
        let (classifier, choice) = prepared.open(&chosen, &method, &preprocessor)?;
        trim_heap();
        let name = format!("{} on {}", chosen.name, choice.candidate);
        notes.extend(choice.notes);
        let (target, others) = targets(&config.targets, &labels)?;
        let batch = if config.several { classifier.batch().min(FRAMES_AT_ONCE) } else { 1 };
        Ok(Self {
            classifier,
            batch,
            sampler: Sampler::of(&method),
            samples: if sampled { config.method.samples } else { 1 },
            noise: config.method.spread.then(|| SpreadNoise::new(config.method.noise)),
            preprocessor,
            labels,
            channels: config.channels,
            fit: config.fit,
            target,
            aim: config.targets.first().cloned().unwrap_or(TargetName::Top1),
            others,
            scores: Vec::new(),
            held: target.fixed(),
            name,
            notes,
        })
    }

    /// Model, device and precision, such as `efficientnet-lite0 on openvino f32`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Notes for the user, one line each.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// The names of the model's classes.
    pub fn labels(&self) -> &ClassLabels {
        &self.labels
    }

    /// Explains another class from the next frame on. `locked` keeps the class explained last.
    ///
    /// # Errors
    /// [`Usage`](crate::Error::Usage) for a class that the model does not have; the previous target
    /// is kept.
    pub fn aim(&mut self, name: &TargetName) -> Result<()> {
        if *name != self.aim {
            self.target = Target::resolve(name, &self.labels)?;
            self.aim = name.clone();
            self.held = self.target.fixed().or(self.held);
        }
        Ok(())
    }

    /// The best classes of the last frame, best first, at most `count`.
    pub fn best(&self, count: usize) -> Vec<Prediction> {
        let mut classes: Vec<usize> = (0..self.scores.len()).collect();
        classes.sort_unstable_by(|&a, &b| self.scores[b].total_cmp(&self.scores[a]));
        let predict = |&class: &usize| Prediction {
            class,
            label: self.labels.name(class).to_owned(),
            probability: probability(&self.scores, class),
        };
        classes.iter().take(count).map(predict).collect()
    }

    /// Resets the state: the next frame is the first one of another clip.
    pub fn restart(&mut self) {
        self.held = self.target.fixed();
        self.sampler.iter_mut().for_each(Sampler::restart);
        self.noise.iter_mut().for_each(SpreadNoise::restart);
    }

    /// The best number of frames per call of [`gradients`](Self::gradients).
    pub fn batch(&self) -> usize {
        self.batch
    }

    /// The gradient of the target class's score for each of `frames`, in order, with the model's
    /// prediction. Takes at most as many frames as the model's batch.
    ///
    /// # Errors
    /// [`Runtime`](crate::Error::Runtime) if ONNX Runtime fails, [`OpenCv`](crate::Error::OpenCv)
    /// for an impossible frame.
    pub fn gradients(&mut self, frames: &[impl Deref<Target = Frame>]) -> Result<Vec<Gradient>> {
        if frames.is_empty() {
            return Ok(Vec::new());
        }
        let (mut inputs, mut noisy) = (Vec::new(), Vec::new());
        for frame in frames {
            let mut input = self.input(frame)?;
            noisy.push(self.noise.as_mut().is_some_and(|noise| noise.add(&mut input, frame.time)));
            inputs.extend(input);
        }
        let size = inputs.len() / frames.len();
        // The last frames of a clip may not fill a batch.
        for _ in frames.len()..self.classifier.batch() {
            inputs.extend_from_within(inputs.len() - size..);
        }
        let mut found = self.classifier.run_batch(&inputs, self.held)?;
        let mut gradients = Vec::new();
        for (index, frame) in frames.iter().enumerate() {
            let class = match self.held {
                Some(held) if noisy[index] => held,
                _ => self.wanted(&found[index]),
            };
            if found[index].class != class {
                found = self.classifier.run_batch(&inputs, Some(class))?;
            }
            if !matches!(self.target, Target::Class(_)) {
                self.held = Some(class);
            }
            let plain = std::mem::take(&mut found[index]);
            if !noisy[index] {
                self.scores.clone_from(&plain.scores);
            }
            let gradient = self.explain(frame, &inputs[index * size..(index + 1) * size], plain)?;
            gradients.push(if noisy[index] { self.of_noisy(gradient) } else { gradient });
        }
        Ok(gradients)
    }

    /// The class to explain, given the model's prediction.
    fn wanted(&self, said: &Attribution) -> usize {
        match self.held {
            Some(held) if self.target != Target::Top1 || !outweighed(&said.scores, held) => held,
            _ => said.top(),
        }
    }

    /// The attribution of a frame, from its `input` and one run.
    fn explain(&mut self, frame: &Frame, input: &[f32], plain: Attribution) -> Result<Gradient> {
        let place = self.place(frame);
        let mut result = self.attribution(input, plain)?;
        let mut found = self.explained(frame.index, &result, place)?;
        let crop = |features: Option<Features>| features.map(|features| place.crop_features(features)).transpose();
        (found.features, found.activation) = (crop(result.features.take())?, crop(result.activation.take())?);
        for class in self.others.clone() {
            let plain = self.classifier.run(input, Some(class))?;
            let other = self.attribution(input, plain)?;
            found.others.push(self.explained(frame.index, &other, place)?);
        }
        Ok(found)
    }

    /// The gradient of a noisy frame, with the prediction of the previous frame.
    fn of_noisy(&self, gradient: Gradient) -> Gradient {
        let prediction =
            Prediction { probability: probability(&self.scores, gradient.prediction.class), ..gradient.prediction };
        Gradient { noisy: true, prediction, features: None, activation: None, ..gradient }
    }

    /// Whether the target is the class that is best in most frames.
    pub fn wants_survey(&self) -> bool {
        self.target == Target::Frequent
    }

    /// Whether the target is the best class of the clip's first frame.
    pub fn wants_first(&self) -> bool {
        self.target == Target::Locked
    }

    /// The best class of a frame.
    ///
    /// # Errors
    /// Those of [`gradients`](Self::gradients).
    pub fn top(&mut self, frame: &Frame) -> Result<usize> {
        let input = self.input(frame)?;
        Ok(self.classifier.run(&input, None)?.class)
    }

    /// Explains only `class` from now on.
    pub fn hold(&mut self, class: usize) {
        self.held = Some(class);
    }

    fn input(&self, frame: &Frame) -> Result<Vec<f32>> {
        let picture = self.place(frame).picture(&frame.image, self.preprocessor.neutral())?;
        self.preprocessor.tensor(&picture, picture.size()?, self.classifier.layout())
    }

    /// The frame's position in the classifier's input image.
    fn place(&self, frame: &Frame) -> FramePlacement {
        let (width, height) = self.classifier.input_size();
        self.fit.place(frame.size(), Size::new(width as i32, height as i32))
    }

    /// The map of the frame, which is at `place` in the input image.
    fn explained(&self, index: u64, found: &Attribution, place: FramePlacement) -> Result<Gradient> {
        let class = found.class;
        let label = self.labels.name(class).to_owned();
        let map = self.combine(&found.gradient, self.classifier.layout(), self.classifier.input_size())?;
        Ok(Gradient {
            index,
            map: place.crop(&map)?,
            prediction: Prediction { class, label, probability: probability(&found.scores, class) },
            noisy: false,
            samples: self.samples,
            features: None,
            activation: None,
            others: Vec::new(),
        })
    }

    /// The attribution that the method computes from one run.
    fn attribution(&mut self, input: &[f32], plain: Attribution) -> Result<Attribution> {
        match &mut self.sampler {
            Some(sampler) => sampler.run(&mut self.classifier, input, plain),
            None => Ok(plain),
        }
    }

    fn combine(&self, gradient: &[f32], layout: Layout, (width, height): (usize, usize)) -> Result<Mat> {
        let mut map = Mat::new_rows_cols_with_default(height as i32, width as i32, CV_32FC1, 0.into())?;
        let area = width * height;
        let values = map.data_typed_mut::<f32>()?;
        let combine = |out: &mut f32, value: &f32| *out = self.channels.combine(*out, *value);
        match layout {
            Layout::Nchw => {
                let planes = gradient.chunks_exact(area);
                planes.for_each(|plane| values.iter_mut().zip(plane).for_each(|(out, value)| combine(out, value)));
            }
            Layout::Nhwc => {
                let pixels = gradient.chunks_exact(gradient.len() / area);
                values.iter_mut().zip(pixels).for_each(|(out, pixel)| pixel.iter().for_each(|v| combine(out, v)));
            }
        }
        Ok(map)
    }
}

/// The first target, and the further classes.
fn targets(names: &[TargetName], labels: &ClassLabels) -> Result<(Target, Vec<usize>)> {
    let targets = names.iter().map(|name| Target::resolve(name, labels)).collect::<Result<Vec<_>>>()?;
    let class = |target: &Target| match target {
        Target::Class(class) => Ok(*class),
        _ => Err(Error::Usage("--target: all classes after the first must be ids or names".into())),
    };
    let (first, others) = targets.split_first().map_or((Target::Top1, &[][..]), |(first, others)| (*first, others));
    Ok((first, others.iter().map(class).collect::<Result<_>>()?))
}

/// Whether another class is more than [`HYSTERESIS`] times as probable as `class`.
fn outweighed(scores: &[f32], class: usize) -> bool {
    let top = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    match are_probabilities(scores) {
        true => top > HYSTERESIS * scores[class],
        false => top - scores[class] > HYSTERESIS.ln(),
    }
}

/// The probability of `class`: softmax of the scores, unless they are probabilities already.
fn probability(scores: &[f32], class: usize) -> f32 {
    match are_probabilities(scores) {
        true => scores[class],
        false => 1.0 / scores.iter().map(|score| (score - scores[class]).exp()).sum::<f32>(),
    }
}

/// Whether the scores are outputs of a softmax: some models end in one that cannot be removed.
fn are_probabilities(scores: &[f32]) -> bool {
    scores.iter().all(|score| *score >= 0.0) && (scores.iter().sum::<f32>() - 1.0).abs() < 1e-3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_are_softmax_even_of_large_scores() {
        assert!((probability(&[0.0, 0.0], 1) - 0.5).abs() < 1e-6);
        assert!((probability(&[1000.0, 0.0], 0) - 1.0).abs() < 1e-6);
        assert_eq!(probability(&[1000.0, 0.0], 1), 0.0);
        assert_eq!(probability(&[0.25, 0.75], 1), 0.75);
    }

    #[test]
    fn a_class_is_kept_until_another_is_twice_as_probable() {
        assert!(!outweighed(&[1.0, 1.6], 0));
        assert!(outweighed(&[1.0, 1.8], 0));
        assert!(!outweighed(&[1.0, 1.8], 1));
        assert!(outweighed(&[0.3, 0.7], 0) && !outweighed(&[0.4, 0.6], 0));
    }

    #[test]
    fn channels_combine_as_named() {
        let values = [-3.0, 1.0, 2.5];
        let combined =
            |channels: Channels| values.into_iter().fold(0.0, |so_far, value| channels.combine(so_far, value));
        assert_eq!((combined(Channels::Max), combined(Channels::Sum)), (3.0, 0.5));
    }
}
