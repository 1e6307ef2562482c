//! A classifier's file, read and probed once, from which gradient models are compiled for any
//! device.

use std::path::{Path, PathBuf};

use onnx_grad::onnx::{self, GraphProto, ModelProto};
use onnx_grad::{
    self as grad, Explain, Method, Options, Probabilities, Request, ScoreCandidate, ScoreOutput, Shapes, Variant,
    note_on_scores, note_on_size,
};

use super::Layout;
use super::interface::{ModelInterface, explained, interface, is_gradient_model, layout, metadata_value};
use super::metadata::{FileFacts, embedded_names};
use super::probe::{find_shapes, prepare};
use crate::model::runtime::{Device, Runtime};
use crate::platform::checksum::file_sha256;
use crate::{Error, Result};

const UNFIT: &str = "does not take float32 colour pictures; export it with such an input";

/// A classifier's file in memory, ready to be differentiated.
pub struct ModelSource {
    path: PathBuf,
    sha256: String,
    model: ModelProto,
    request: Request,
    explain: Explain,
    /// The shapes of the classifier, or `None` if the file is already a gradient model.
    shapes: Option<Shapes>,
    notes: Vec<String>,
}

/// A gradient model that is ready to be opened in a session.
pub struct CompiledGradient {
    /// The file that it was compiled from.
    pub(super) path: PathBuf,
    /// SHA-256 of that file, in hexadecimal.
    pub(super) sha256: String,
    pub(super) interface: ModelInterface,
    pub(super) model: ModelProto,
}

impl ModelSource {
    /// Reads the file and, unless it is already a gradient model, runs it once to find its shapes.
    ///
    /// # Errors
    /// [`Error::Io`] or [`Error::Model`] if the file is unusable or lacks what `request` asks for.
    /// [`Error::Runtime`] if ONNX Runtime is missing.
    pub fn load(path: &Path, request: &Request) -> Result<Self> {
        Self::load_checked(path, request, |_| Ok(()))
    }

    /// Like [`load`](Self::load), if `check` accepts the SHA-256 of the file.
    ///
    /// # Errors
    /// Those of [`load`](Self::load) and `check`.
    pub fn load_checked(path: &Path, request: &Request, check: impl FnOnce(&str) -> Result<()>) -> Result<Self> {
        let model = onnx::load(path)?;
        let sha256 = file_sha256(path)?;
        check(&sha256)?;
        Runtime::get()?;
        let mut notes = Vec::new();
        let mut request = request.clone();
        let (model, shapes) = match is_gradient_model(&model) {
            true => {
                notes.extend(metadata_value(&model, grad::SCORES_NOTE).map(str::to_owned));
                (model, None)
            }
            false => {
                notes.extend(model.graph.as_ref().and_then(|graph| note_on_size(graph, &request)));
                request.classes = request.classes.or_else(|| Some(embedded_names(&model.metadata())?.len()));
                let (model, shapes) = prepare(model, &request).map_err(about(path))?;
                notes.extend(note_on_scores(&shapes));
                (model, Some(shapes))
            }
        };
        Ok(Self { path: path.into(), sha256, model, request, explain: Explain::default(), shapes, notes })
    }

    /// The same classifier, of which gradient models explain the logit or the probability.
    #[must_use]
    pub fn explaining(self, explain: Explain) -> Self {
        Self { explain, ..self }
    }

    /// The outputs that may hold class scores, as far as they were considered.
    pub fn candidates(&self) -> &[ScoreCandidate] {
        self.shapes.as_ref().map_or(&[], |shapes| &shapes.candidates)
    }

    /// Notes for the user, one line each.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// The classifier's graph.
    pub fn graph(&self) -> Option<&GraphProto> {
        self.model.graph.as_ref()
    }

    /// A copy of the classifier with changed values in its graph. Shapes must not change.
    pub fn with_graph(&self, change: impl FnOnce(&mut GraphProto)) -> Self {
        let mut changed = self.copy(self.request.clone(), self.shapes.clone());
        if let Some(graph) = &mut changed.model.graph {
            change(graph);
        }
        changed
    }

    fn copy(&self, request: Request, shapes: Option<Shapes>) -> Self {
        let (path, sha256, model) = (self.path.clone(), self.sha256.clone(), self.model.clone());
        Self { path, sha256, model, request, explain: self.explain, shapes, notes: Vec::new() }
    }

    /// The metadata, layout and number of classes that the file declares.
    ///
    /// # Errors
    /// [`Error::Model`] if the model does not take images.
    pub fn facts(&self) -> Result<FileFacts> {
        let metadata = self.model.metadata();
        let found = match &self.shapes {
            Some(shapes) => declared(shapes).map(|(layout, classes)| FileFacts {
                metadata,
                layout,
                classes,
                answers: shapes.answers,
            }),
            None => interface(&self.model).map(|interface| {
                let ModelInterface { layout, classes, probabilities, .. } = interface;
                let answers = classes == 2 && probabilities == Some(Probabilities::Sigmoid);
                FileFacts { metadata, layout, classes, answers }
            }),
        };
        found.ok_or_else(|| Error::model(&self.path, UNFIT))
    }

    /// Width and height of the model's input image, in pixels.
    ///
    /// # Errors
    /// [`Error::Model`] if the model does not take colour images.
    pub fn input_size(&self) -> Result<(usize, usize)> {
        let shape = match &self.shapes {
            Some(shapes) => shapes.tensors.get(&shapes.image).and_then(|kind| kind.shape.clone().try_into().ok()),
            None => interface(&self.model).map(|interface| interface.shape),
        };
        let unfit = || Error::model(&self.path, UNFIT);
        match shape.ok_or_else(unfit)? {
            [_, 3, height, width] | [_, height, width, 3] => Ok((width, height)),
            _ => Err(unfit()),
        }
    }

    /// Compiles the gradient model for stock ONNX Runtime. `seed` says which random samples a sampled method draws.
    ///
    /// # Errors
    /// [`Error::Model`] if the classifier cannot be differentiated with this method, or is already
    /// a gradient model.
    pub fn gradient_model(&self, method: &Method, seed: u32) -> Result<ModelProto> {
        let made = || Error::model(&self.path, "is already a gradient model; use it as it is");
        let shapes = self.shapes.as_ref().ok_or_else(made)?;
        self.differentiate(shapes, Options { method: method.clone(), seed, ..Options::default() })
    }

    /// Compiles the gradient model in the variant that is usually fastest on `device`.
    ///
    /// # Errors
    /// Those of [`compile_as`](Self::compile_as).
    pub fn compile(&self, device: Device, method: &Method) -> Result<CompiledGradient> {
        self.compile_as(device.variant(), method)
    }

    /// Compiles the gradient model in one variant, with a feature map as a further output if the
    /// classifier has one.
    ///
    /// # Errors
    /// [`Error::Model`] if the classifier cannot be differentiated with this method, or the file is
    /// a gradient model of another method.
    pub fn compile_as(&self, variant: Variant, method: &Method) -> Result<CompiledGradient> {
        let model = match &self.shapes {
            Some(shapes) => self.differentiate(
                shapes,
                Options { variant, method: method.clone(), features: true, ..Options::default() },
            )?,
            None => self.as_it_is(method)?,
        };
        let unfit = || Error::model(&self.path, UNFIT);
        let interface = interface(&model).ok_or_else(unfit)?;
        let (path, sha256) = (self.path.clone(), self.sha256.clone());
        Ok(CompiledGradient { path, sha256, interface, model })
    }

    /// Whether the batch size may be changed: the file is not a gradient model yet, and the user
    /// has not set a batch size.
    pub fn takes_batches(&self) -> bool {
        self.shapes.is_some() && self.request.batch == 1
    }

    /// The same classifier with a batch size of `batch`, or `None` if the model does not support
    /// it.
    pub fn batched(&self, batch: usize) -> Option<Self> {
        let Shapes { output, candidates, answers, .. } = self.shapes.clone()?;
        let request = Request { batch, ..self.request.clone() };
        let whole = ScoreOutput { name: output, index: Vec::new() };
        let shapes = find_shapes(&self.model, &Request { output: Some(whole), ..request.clone() }).ok()?;
        let shapes = Shapes { candidates, answers, ..shapes };
        let fits = shapes.tensors.get(&shapes.output)?.shape.first() == Some(&batch);
        fits.then(|| self.copy(request, Some(shapes)))
    }

    fn differentiate(&self, shapes: &Shapes, options: Options) -> Result<ModelProto> {
        let options = Options { source: self.sha256.clone(), explain: self.explain, ..options };
        grad::differentiate(&self.model, shapes, &options).map_err(|error| about(&self.path)(error.into()))
    }

    /// The file itself, if it is a gradient model of `method`.
    fn as_it_is(&self, method: &Method) -> Result<ModelProto> {
        if self.explain == Explain::Probability && explained(&self.model) != Explain::Probability {
            let problem = "is a gradient model of the logit; use the classifier itself for --explain probability";
            return Err(Error::model(&self.path, problem));
        }
        let made = metadata_value(&self.model, grad::METHOD);
        match made {
            Some(made) if *method != Method::Gradient && made != method.name() => {
                let problem = format!("is a gradient model of {made}; use the classifier itself for {}", method.name());
                Err(Error::model(&self.path, problem))
            }
            _ => Ok(self.model.clone()),
        }
    }
}

/// Converts errors about a graph to errors about the file `path`.
fn about(path: &Path) -> impl Fn(Error) -> Error {
    move |error| match error {
        Error::Graph(problem) => Error::model(path, problem),
        Error::Runtime(problem) => Error::model(path, format!("does not run in ONNX Runtime: {problem}")),
        other => other,
    }
}

/// The layout of the image and the number of classes.
fn declared(shapes: &Shapes) -> Option<(Layout, usize)> {
    let shape = |name: &str| shapes.tensors.get(name).map(|kind| kind.shape.as_slice());
    Some((layout(shape(&shapes.image)?)?, *shape(&shapes.output)?.get(1)?))
}
