//! A classifier's file, read and probed once, from which gradient models are made for any device.

use std::path::{Path, PathBuf};

use prost::Message;
use sha2::{Digest, Sha256};

use super::Layout;
use super::probe::probe;
use crate::grad::{self, Options, Shapes, Variant};
use crate::onnx::{self, DataType, GraphProto, ModelProto, ValueInfoProto};
use crate::runtime::{Device, Runtime};
use crate::{Error, Result};

/// A classifier's file in memory.
pub struct Source {
    path: PathBuf,
    sha256: String,
    model: ModelProto,
    /// What was learnt of the classifier; none where the file is a gradient model already.
    shapes: Option<Shapes>,
}

/// A gradient model that waits for a session.
pub struct Compiled {
    /// The file that it was made from.
    pub(super) path: PathBuf,
    /// SHA-256 of that file, in hexadecimal.
    pub(super) sha256: String,
    pub(super) interface: Interface,
    /// The serialised model.
    pub(super) bytes: Vec<u8>,
}

/// What goes into a gradient model and comes out of it.
pub(super) struct Interface {
    /// The name of the image input.
    pub input: String,
    /// Its shape: one picture.
    pub shape: [usize; 4],
    pub layout: Layout,
    pub classes: usize,
}

impl Source {
    /// Reads the file and, unless it is a gradient model already, runs it once to learn its shapes.
    ///
    /// # Errors
    /// [`Error::Io`] or [`Error::Model`] where the file is unusable, [`Error::Runtime`] where ONNX Runtime is missing.
    pub fn load(path: &Path) -> Result<Self> {
        let model = onnx::load(path)?;
        let sha256 = file_sha256(path)?;
        Runtime::get()?;
        let shapes = match is_gradient_model(&model) {
            true => None,
            false => Some(probe(&model, 1).map_err(about(path))?),
        };
        Ok(Self { path: path.into(), sha256, model, shapes })
    }

    /// Makes the gradient model that is fastest on `device`.
    ///
    /// # Errors
    /// [`Error::Model`] where the classifier cannot be differentiated.
    pub fn compile(&self, device: Device) -> Result<Compiled> {
        let variant = if device == Device::OpenVino { Variant::OpenVino } else { Variant::OnnxRuntime };
        let made = self.differentiated(variant)?;
        let model = made.as_ref().unwrap_or(&self.model);
        let unfit = || Error::model(&self.path, "does not take one float32 colour picture at a time; export it so");
        let interface = model.graph.as_ref().and_then(interface).ok_or_else(unfit)?;
        let (path, sha256) = (self.path.clone(), self.sha256.clone());
        Ok(Compiled { path, sha256, interface, bytes: model.encode_to_vec() })
    }

    /// The gradient model; none where the file is one already.
    fn differentiated(&self, variant: Variant) -> Result<Option<ModelProto>> {
        let options = Options { variant, source: self.sha256.clone() };
        let model = self.shapes.as_ref().map(|shapes| grad::differentiate(&self.model, shapes, &options));
        model.transpose().map_err(about(&self.path))
    }
}

/// Differentiates the classifier in `input` and writes the gradient model to `output`, for stock ONNX Runtime.
///
/// # Errors
/// Those of [`Source::load`] and [`Source::compile`]; [`Error::Usage`] where `output` exists and `overwrite` is not
/// given, or is the input itself; [`Error::Output`] where it cannot be written.
pub fn write_gradient_model(input: &Path, output: &Path, overwrite: bool) -> Result<()> {
    crate::sink::check(output, Some(input), overwrite)?;
    match Source::load(input)?.differentiated(Variant::OnnxRuntime)? {
        Some(model) => onnx::save(&model, output),
        None => Err(Error::model(input, "is a gradient model already; use it as it is")),
    }
}

/// Turns problems of a graph into problems of the file `path`.
fn about(path: &Path) -> impl Fn(Error) -> Error {
    move |error| match error {
        Error::Graph(problem) => Error::model(path, problem),
        Error::Runtime(problem) => Error::model(path, format!("does not run in ONNX Runtime: {problem}")),
        other => other,
    }
}

/// Whether the model has a gradient model's inputs and outputs.
fn is_gradient_model(model: &ModelProto) -> bool {
    let Some(graph) = &model.graph else { return false };
    let outputs: Vec<&str> = graph.output.iter().map(|output| output.name()).collect();
    graph.input.iter().any(|input| input.name() == grad::TARGET)
        && [grad::SCORES, grad::CLASS, grad::GRADIENT].iter().all(|name| outputs.contains(name))
}

/// The interface of a gradient model; none where it does not take one colour picture.
fn interface(graph: &GraphProto) -> Option<Interface> {
    let image = graph.input.iter().find(|input| input.name() != grad::TARGET)?;
    let shape: [usize; 4] = sizes(image)?.try_into().ok()?;
    let layout = match shape {
        [1, 3, _, _] => Layout::Nchw,
        [1, _, _, 3] => Layout::Nhwc,
        _ => return None,
    };
    let scores = graph.output.iter().find(|output| output.name() == grad::SCORES)?;
    Some(Interface { input: image.name().into(), shape, layout, classes: *sizes(scores)?.get(1)? })
}

/// The fixed sizes of a float32 tensor.
fn sizes(value: &ValueInfoProto) -> Option<Vec<usize>> {
    let (dtype, sizes) = value.tensor()?;
    sizes.into_iter().collect::<Option<_>>().filter(|_| dtype == DataType::Float)
}

fn file_sha256(path: &Path) -> Result<String> {
    let mut file = std::fs::File::open(path).map_err(Error::io(path))?;
    let mut hasher = Sha256::new();
    std::io::copy(&mut file, &mut hasher).map_err(Error::io(path))?;
    Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}
