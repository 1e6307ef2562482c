//! Static saliency: a frame's gradient of a class score with respect to its pixels (Simonyan, Vedaldi and Zisserman,
//! "Deep Inside Convolutional Networks", 2013).

mod channels;
mod class_scores;
mod config;
mod fit;
mod method;
mod noise;
mod sampler;
mod target;

use std::ops::Deref;

use opencv::core::{MatTraitConst, Size};

pub use channels::Channels;
pub use config::ModelConfig;
pub use fit::Fit;
pub use method::{BaselineName, MethodChoice, MethodName};
pub use sampler::{Sampler, baseline};
pub use target::{Target, TargetName};

use self::class_scores::ClassScores;
use self::fit::FramePlacement;
use self::noise::SpreadNoise;
use crate::frame::{Features, Frame, Gradient, Prediction};
use crate::model::{
    self, Attribution, ClassLabels, ClassTarget, Classifier, FRAMES_AT_ONCE, OpenedClassifier, Preprocessor,
};
use crate::{Error, Result};
use onnx_grad::Probabilities;

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
    target_name: TargetName,
    /// The further classes to explain.
    others: Vec<ClassTarget>,
    /// The scores of the last frame without noise, by class.
    scores: Vec<f32>,
    /// The class explained last, if later frames keep it.
    target_class: Option<ClassTarget>,
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
        let (one_run, sampled) = (config.method.of_one_run(), !config.method.runs_once());
        let opened =
            model::open_classifier(&config.classifier, &one_run, sampled, |pixels| config.method.method(pixels))?;
        let OpenedClassifier { classifier, preprocessor, method, labels, name, mut notes } = opened;
        if classifier.probabilities() == Some(Probabilities::None) {
            notes.push("the model's scores are neither logits nor probabilities, so no percentages are shown".into());
        }
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
            target_name: config.targets.first().cloned().unwrap_or(TargetName::Top1),
            others,
            scores: Vec::new(),
            target_class: target.fixed(),
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
    pub fn set_target(&mut self, name: &TargetName) -> Result<()> {
        if *name != self.target_name {
            self.target = Target::resolve(name, &self.labels)?;
            self.target_name = name.clone();
            self.target_class = self.target.fixed().or(self.target_class);
        }
        Ok(())
    }

    /// The best classes of the last frame, best first, at most `count`.
    pub fn best(&self, count: usize) -> Vec<Prediction> {
        let mut classes: Vec<usize> = (0..self.scores.len()).collect();
        classes.sort_unstable_by(|&a, &b| self.scores[b].total_cmp(&self.scores[a]));
        classes.iter().take(count).map(|&class| self.prediction(&self.scores, class.into())).collect()
    }

    /// Resets the state: the next frame is the first one of another clip.
    pub fn restart(&mut self) {
        self.target_class = self.target.fixed();
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
        let mut found = self.classifier.run_batch(&inputs, self.target_class)?;
        let mut gradients = Vec::new();
        for (index, frame) in frames.iter().enumerate() {
            let class = match self.target_class {
                Some(held) if noisy[index] => held,
                _ => self.target_class(&found[index]),
            };
            if found[index].target() != class {
                found = self.classifier.run_batch(&inputs, Some(class))?;
            }
            if !matches!(self.target, Target::Class(_)) {
                self.target_class = Some(class);
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
    fn target_class(&self, said: &Attribution) -> ClassTarget {
        let is_outweighed = |class: usize| self.read(&said.scores).outweighed(&said.scores, class);
        match self.target_class {
            Some(target) if self.target != Target::Top1 || !is_outweighed(target.class) => target,
            _ => said.top().into(),
        }
    }

    /// How to read the model's scores.
    fn read(&self, scores: &[f32]) -> ClassScores {
        ClassScores::new(self.classifier.probabilities(), scores)
    }

    /// The attribution of a frame, from its `input` and one run.
    fn explain(&mut self, frame: &Frame, input: &[f32], plain: Attribution) -> Result<Gradient> {
        let place = self.place(frame);
        let mut result = self.attribution(input, plain)?;
        let mut found = self.explained(frame.index, &result, place)?;
        let crop = |features: Option<Features>| features.map(|features| place.crop_features(features)).transpose();
        (found.features, found.activation) = (crop(result.features.take())?, crop(result.activation.take())?);
        for class in self.others.clone() {
            let plain = self.classifier.run_target(input, Some(class))?;
            let other = self.attribution(input, plain)?;
            found.others.push(self.explained(frame.index, &other, place)?);
        }
        Ok(found)
    }

    /// The gradient of a noisy frame, with the prediction of the previous frame.
    fn of_noisy(&self, gradient: Gradient) -> Gradient {
        let Prediction { class, opposite, .. } = gradient.prediction;
        let prediction = self.prediction(&self.scores, ClassTarget { class, opposite });
        Gradient { noisy: true, prediction, features: None, activation: None, ..gradient }
    }

    /// Whether the target is the class that is best in most frames.
    pub fn needs_frequent_class(&self) -> bool {
        self.target == Target::Frequent
    }

    /// Whether the target is the best class of the clip's first frame.
    pub fn needs_first_class(&self) -> bool {
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
    pub fn set_target_class(&mut self, class: usize) {
        self.target_class = Some(class.into());
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
        let map = self.channels.combine(&found.gradient, self.classifier.layout(), self.classifier.input_size())?;
        Ok(Gradient {
            index,
            map: place.crop(&map)?,
            prediction: self.prediction(&found.scores, found.target()),
            noisy: false,
            samples: self.samples,
            features: None,
            activation: None,
            others: Vec::new(),
        })
    }

    /// What `scores` say of the target.
    fn prediction(&self, scores: &[f32], target: ClassTarget) -> Prediction {
        let ClassTarget { class, opposite } = target;
        let name = self.labels.name(class);
        let label = if opposite { format!("not {name}") } else { name.to_owned() };
        let read = self.read(scores);
        let (probability, logit) = (read.probability(scores, target), read.logit(scores, target));
        Prediction { class, opposite, label, probability, logit }
    }

    /// The attribution that the method computes from one run.
    fn attribution(&mut self, input: &[f32], plain: Attribution) -> Result<Attribution> {
        match &mut self.sampler {
            Some(sampler) => sampler.run(&mut self.classifier, input, plain),
            None => Ok(plain),
        }
    }
}

/// The first target, and the further classes.
fn targets(names: &[TargetName], labels: &ClassLabels) -> Result<(Target, Vec<ClassTarget>)> {
    let targets = names.iter().map(|name| Target::resolve(name, labels)).collect::<Result<Vec<_>>>()?;
    let class = |target: &Target| match target {
        Target::Class(class) => Ok(*class),
        _ => Err(Error::Usage("--target: all classes after the first must be ids or names".into())),
    };
    let (first, others) = targets.split_first().map_or((Target::Top1, &[][..]), |(first, others)| (*first, others));
    Ok((first, others.iter().map(class).collect::<Result<_>>()?))
}
