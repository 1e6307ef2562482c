//! A classifier that yields scores and input gradient from one run.

use std::path::Path;

use ort::session::Session;
use ort::value::TensorRef;
use prost::Message;
use sha2::{Digest, Sha256};

use super::probe::probe;
use crate::grad::{self, Options, Variant};
use crate::onnx::{self, DataType, ModelProto};
use crate::runtime::{Device, Runtime, SessionOptions};
use crate::{Error, Result};

/// The order of the axes of a model's picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// Batch, channels, height, width.
    Nchw,
    /// Batch, height, width, channels.
    Nhwc,
}

/// What one run yields for one picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Attribution {
    /// The logit of each class.
    pub scores: Vec<f32>,
    /// The class that was differentiated.
    pub class: usize,
    /// The gradient of that class's logit with respect to the input, in the input's layout.
    pub gradient: Vec<f32>,
}

/// A differentiated classifier in a session, for one picture at a time.
pub struct Classifier {
    session: Session,
    input: String,
    shape: [usize; 4],
    layout: Layout,
    classes: usize,
    sha256: String,
}

impl Classifier {
    /// Loads a classifier, differentiates it and opens it; a model that is already a gradient model is opened as it is.
    ///
    /// # Errors
    /// [`Error::Io`] or [`Error::Model`] where the file is unusable or cannot be differentiated; [`Error::Runtime`] where
    /// ONNX Runtime or the device is missing.
    pub fn open(path: &Path, options: &SessionOptions) -> Result<Self> {
        let variant = if options.device == Device::OpenVino { Variant::OpenVino } else { Variant::OnnxRuntime };
        let source = onnx::load(path)?;
        let sha256 = file_sha256(path)?;
        let model = match is_gradient_model(&source) {
            true => source,
            false => gradient_model(&source, path, &sha256, variant)?,
        };
        let session = Runtime::get()?.session(&model.encode_to_vec(), options)?;
        let unfit = || Error::model(path, "does not take one float32 picture at a time; export it so");
        let graph = model.graph.as_ref().ok_or_else(unfit)?;
        let sizes = |value: Option<&onnx::ValueInfoProto>| -> Option<Vec<usize>> {
            let (dtype, sizes) = value?.tensor()?;
            sizes.into_iter().collect::<Option<_>>().filter(|_| dtype == DataType::Float)
        };
        let image = graph.input.iter().find(|input| input.name() != grad::TARGET).ok_or_else(unfit)?;
        let shape: [usize; 4] = sizes(Some(image)).and_then(|shape| shape.try_into().ok()).ok_or_else(unfit)?;
        let scores = graph.output.iter().find(|output| output.name() == grad::SCORES);
        let classes = sizes(scores).and_then(|shape| shape.get(1).copied()).ok_or_else(unfit)?;
        let layout = if matches!(shape[1], 1 | 3) { Layout::Nchw } else { Layout::Nhwc };
        if shape[0] != 1 {
            return Err(unfit());
        }
        Ok(Self { session, input: image.name().into(), shape, layout, classes, sha256 })
    }

    /// Width and height of the picture that the model takes, in pixels.
    pub fn input_size(&self) -> (usize, usize) {
        match self.layout {
            Layout::Nchw => (self.shape[3], self.shape[2]),
            Layout::Nhwc => (self.shape[2], self.shape[1]),
        }
    }

    /// The number of colour channels, 3 or 1.
    pub fn channels(&self) -> usize {
        match self.layout {
            Layout::Nchw => self.shape[1],
            Layout::Nhwc => self.shape[3],
        }
    }

    /// The order of the axes of input and gradient.
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// The number of classes.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// SHA-256 of the model file, in hexadecimal.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// Scores of one preprocessed picture, and the gradient of the class `target`, or of the top class where it is none.
    ///
    /// # Errors
    /// [`Error::Graph`] where `input` has not one value for each pixel and channel, or the target is no class of this
    /// model; [`Error::Runtime`] where the run fails.
    pub fn run(&mut self, input: &[f32], target: Option<usize>) -> Result<Attribution> {
        let expected: usize = self.shape.iter().product();
        if input.len() != expected {
            return Err(Error::Graph(format!("the model takes {expected} values a picture, and got {}", input.len())));
        }
        if let Some(target) = target.filter(|target| *target >= self.classes) {
            let classes = self.classes;
            return Err(Error::Graph(format!("class {target} is none of the model's {classes}; ids start at 0")));
        }
        let target = [target.map_or(-1, |target| target as i64)];
        let values = self.session.run(ort::inputs![
            &*self.input => TensorRef::from_array_view((self.shape, input))?,
            grad::TARGET => TensorRef::from_array_view(([1], &target[..]))?,
        ])?;
        let (_, scores) = values[grad::SCORES].try_extract_tensor::<f32>()?;
        let (_, class) = values[grad::CLASS].try_extract_tensor::<i64>()?;
        let (_, gradient) = values[grad::GRADIENT].try_extract_tensor::<f32>()?;
        let class = class.first().and_then(|class| usize::try_from(*class).ok()).unwrap_or(0);
        Ok(Attribution { scores: scores.to_vec(), class, gradient: gradient.to_vec() })
    }
}

/// Differentiates the classifier in `input` and writes the gradient model to `output`, for stock ONNX Runtime.
///
/// # Errors
/// Those of [`Classifier::open`], and [`Error::Output`] where `output` exists and `overwrite` is not given, is the input
/// itself, or cannot be written.
pub fn write_gradient_model(input: &Path, output: &Path, overwrite: bool) -> Result<()> {
    let source = onnx::load(input)?;
    if output.exists() && output.canonicalize().ok() == input.canonicalize().ok() {
        return Err(Error::output(output, "is the input itself; name another file"));
    }
    if output.exists() && !overwrite {
        return Err(Error::output(output, "exists already; add -y to overwrite it"));
    }
    if is_gradient_model(&source) {
        return Err(Error::model(input, "is a gradient model already; use it as it is"));
    }
    onnx::save(&gradient_model(&source, input, &file_sha256(input)?, Variant::OnnxRuntime)?, output)
}

fn gradient_model(source: &ModelProto, path: &Path, sha256: &str, variant: Variant) -> Result<ModelProto> {
    Runtime::get()?;
    let options = Options { variant, source: sha256.into() };
    let differentiated = probe(source, 1).and_then(|shapes| grad::differentiate(source, &shapes, &options));
    differentiated.map_err(|e| match e {
        Error::Graph(problem) => Error::model(path, problem),
        Error::Runtime(problem) => Error::model(path, format!("does not run in ONNX Runtime: {problem}")),
        other => other,
    })
}

/// Whether the model has a gradient model's inputs and outputs.
fn is_gradient_model(model: &ModelProto) -> bool {
    let Some(graph) = &model.graph else { return false };
    let outputs: Vec<&str> = graph.output.iter().map(|output| output.name()).collect();
    graph.input.iter().any(|input| input.name() == grad::TARGET)
        && [grad::SCORES, grad::CLASS, grad::GRADIENT].iter().all(|name| outputs.contains(name))
}

fn file_sha256(path: &Path) -> Result<String> {
    let mut file = std::fs::File::open(path).map_err(Error::io(path))?;
    let mut hasher = Sha256::new();
    std::io::copy(&mut file, &mut hasher).map_err(Error::io(path))?;
    Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}
