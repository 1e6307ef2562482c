//! A classifier that computes scores and input gradient in one run.

use std::path::Path;

use ort::session::Session;
use ort::value::TensorRef;

use super::class_target::ClassTarget;
use super::interface::ModelInterface;
use super::preprocess::Layout;
use super::session::session;
use super::source::{CompiledGradient, ModelSource};
use crate::frame::Features;
use crate::model::runtime::SessionOptions;
use crate::{Error, Result};
use onnx_grad::{self as grad, Explain, Method, Probabilities, Request};

/// The result of one run for one image.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Attribution {
    /// The logit of each class.
    pub scores: Vec<f32>,
    /// The class that was differentiated.
    pub class: usize,
    /// Whether its opposite was differentiated: the negative logit, or 1 minus the probability.
    pub opposite: bool,
    /// The gradient of that class's logit or probability with respect to the input, or the
    /// attribution that the method computes from it, in the input's layout.
    pub gradient: Vec<f32>,
    /// A feature map of the classifier, if it has that output.
    pub features: Option<Features>,
    /// The class activation map, if the classifier has that output.
    pub activation: Option<Features>,
}

impl Attribution {
    /// What was differentiated.
    pub fn target(&self) -> ClassTarget {
        ClassTarget { class: self.class, opposite: self.opposite }
    }

    /// The class with the highest score; the first one if several tie.
    pub fn top(&self) -> usize {
        let higher = |best, (class, score): (usize, &f32)| if *score > self.scores[best] { class } else { best };
        self.scores.iter().enumerate().fold(0, higher)
    }
}

/// A differentiated classifier in a session.
pub struct Classifier {
    session: Session,
    interface: ModelInterface,
    sha256: String,
}

impl CompiledGradient {
    /// Opens a session on the model.
    ///
    /// # Errors
    /// [`Error::Model`] if ONNX Runtime refuses the model on this device. [`Error::Runtime`] if
    /// ONNX Runtime or the device is missing. [`Error::Usage`] if the device cannot compute in this
    /// precision.
    pub fn open(self, options: &SessionOptions) -> Result<Classifier> {
        let session = session(self.model, options).map_err(|error| match error {
            Error::Graph(problem) => Error::model(&self.path, problem),
            other => other,
        })?;
        Ok(Classifier { session, interface: self.interface, sha256: self.sha256 })
    }
}

impl Classifier {
    /// Loads a classifier, differentiates it and opens a session. A file that is already a gradient
    /// model is opened unchanged.
    ///
    /// # Errors
    /// Those of [`ModelSource::load`], [`ModelSource::compile`] and [`CompiledGradient::open`].
    pub fn open(path: &Path, options: &SessionOptions) -> Result<Self> {
        // A separate statement, so that the source's weights are freed before the session allocates
        // its memory.
        let compiled = ModelSource::load(path, &Request::default())?.compile(options.device, &Method::Gradient)?;
        compiled.open(options)
    }

    /// The batch size of [`run_batch`](Self::run_batch).
    pub fn batch(&self) -> usize {
        self.interface.shape[0]
    }

    /// Width and height of the model's input image, in pixels.
    pub fn input_size(&self) -> (usize, usize) {
        let [_, a, b, c] = self.interface.shape;
        match self.interface.layout {
            Layout::Nchw => (c, b),
            Layout::Nhwc => (b, a),
        }
    }

    /// The axis order of input and gradient.
    pub fn layout(&self) -> Layout {
        self.interface.layout
    }

    /// The number of classes.
    pub fn classes(&self) -> usize {
        self.interface.classes
    }

    /// How probabilities follow from the scores; `None` if the model does not say it, as files of
    /// earlier versions.
    pub fn probabilities(&self) -> Option<Probabilities> {
        self.interface.probabilities
    }

    /// What of the class is explained.
    pub fn explain(&self) -> Explain {
        self.interface.explain
    }

    /// SHA-256 of the model file, in hexadecimal.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// Scores of one preprocessed image, and the gradient of the class `target`, or of the top
    /// class if it is `None`.
    ///
    /// # Errors
    /// [`Error::Graph`] if `input` does not have one value per pixel and channel, if the target is
    /// not a class of this model, or if the scores are not finite. [`Error::Runtime`] if the run
    /// fails.
    pub fn run(&mut self, input: &[f32], target: Option<usize>) -> Result<Attribution> {
        self.run_target(input, target.map(ClassTarget::from))
    }

    /// Like [`run`](Self::run) for a class or its opposite.
    ///
    /// # Errors
    /// Those of [`run`](Self::run).
    pub fn run_target(&mut self, input: &[f32], target: Option<ClassTarget>) -> Result<Attribution> {
        let mut found = match self.batch() {
            1 => self.run_batch(input, target)?,
            batch => self.run_batch(&input.repeat(batch), target)?,
        };
        Ok(found.swap_remove(0))
    }

    /// Like [`run`](Self::run) for a full batch of images, concatenated in `inputs`.
    ///
    /// # Errors
    /// Those of [`run`](Self::run).
    pub fn run_batch(&mut self, inputs: &[f32], target: Option<ClassTarget>) -> Result<Vec<Attribution>> {
        let ModelInterface { input: name, shape, classes, .. } = &self.interface;
        let batch = shape[0];
        let expected: usize = shape.iter().product();
        if inputs.len() != expected {
            let (expected, given) = (expected / batch, inputs.len() / batch);
            return Err(Error::Graph(format!("the model takes {expected} values per picture, but got {given}")));
        }
        if let Some(target) = target.filter(|target| target.class >= *classes) {
            return Err(Error::Graph(format!(
                "class {} is not one of the model's {classes} classes; ids start at 0",
                target.class
            )));
        }
        let targets = vec![target.map_or(-1, ClassTarget::number); batch];
        let values = self.session.run(ort::inputs![
            &**name => TensorRef::from_array_view((*shape, inputs))?,
            grad::TARGET => TensorRef::from_array_view(([batch], &*targets))?,
        ])?;
        let (_, scores) = values[grad::SCORES].try_extract_tensor::<f32>()?;
        let (_, class) = values[grad::CLASS].try_extract_tensor::<i64>()?;
        let (_, gradient) = values[grad::GRADIENT].try_extract_tensor::<f32>()?;
        if scores.iter().any(|score| !score.is_finite()) {
            let problem = "the model's scores are not finite; its weights are damaged, or its preprocessing is wrong";
            return Err(Error::Graph(format!("{problem} (see --preprocess)")));
        }
        let grids = |name: &str, shape: Option<[usize; 3]>| -> Result<Vec<Option<Features>>> {
            let Some([channels, height, width]) = shape else { return Ok(vec![None; batch]) };
            let (_, values) = values[name].try_extract_tensor::<f32>()?;
            let picture = values.chunks_exact(channels * height * width);
            Ok(picture.map(|values| Some(Features { channels, height, width, values: values.to_vec() })).collect())
        };
        let beside = grids(grad::FEATURES, self.interface.features)?
            .into_iter()
            .zip(grids(grad::ACTIVATION, self.interface.activation)?);
        let each = class.iter().zip(scores.chunks(*classes)).zip(gradient.chunks(expected / batch));
        let found = each.zip(beside).map(|(((class, scores), gradient), (features, activation))| Attribution {
            scores: scores.to_vec(),
            class: usize::try_from(*class).unwrap_or(0),
            opposite: target.is_some_and(|target| target.opposite),
            gradient: gradient.to_vec(),
            features,
            activation,
        });
        Ok(found.collect())
    }
}
