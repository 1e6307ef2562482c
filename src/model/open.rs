//! Opens a model: resolves its name, reads its file and finds its metadata.

use onnx_grad::Method;

use super::autotune::{ExecutionRequest, PreparedModel};
use super::catalog::ResolvedModel;
use super::classifier::Classifier;
use super::labels::ClassLabels;
use super::load::load;
use super::metadata::ModelMetadata;
use super::model_request::ModelRequest;
use super::preprocess::Preprocessor;
use super::source::ModelSource;
use crate::Result;
use crate::platform::machine::trim_heap;

/// A model that was resolved and read.
pub struct OpenedModel {
    /// The resolved file.
    pub chosen: ResolvedModel,
    /// The file in memory.
    pub source: ModelSource,
    /// The expected preprocessing and the class names.
    pub metadata: ModelMetadata,
}

/// Finds and reads a model.
///
/// # Errors
/// [`Error::Usage`](crate::Error::Usage) for an unknown name, [`Error::Model`](crate::Error::Model) for
/// a file that cannot be used, and the errors of [`ModelSource::load`] and [`ModelMetadata::find`].
pub fn open(model: &ModelRequest) -> Result<OpenedModel> {
    let chosen = model.name.choose()?;
    let source = load(&chosen, model)?;
    let metadata = ModelMetadata::find(&chosen, &model.metadata, &source.facts()?)?;
    Ok(OpenedModel { chosen, source, metadata })
}

/// Which classifier to open, and how to run it.
#[derive(Debug, Clone)]
pub struct ClassifierRequest {
    /// The model.
    pub model: ModelRequest,
    /// The requested device and precision.
    pub execution: ExecutionRequest,
    /// Whether to measure the fastest configuration again instead of using the cached result.
    pub remeasure: bool,
}

/// A classifier that is ready to run.
pub struct OpenedClassifier {
    /// The classifier.
    pub classifier: Classifier,
    /// What it expects of its pixels.
    pub preprocessor: Preprocessor,
    /// The attribution method, for these pixels.
    pub method: Method,
    /// The names of its classes.
    pub labels: ClassLabels,
    /// Model, device and precision, such as `efficientnet-lite0 on openvino f32`.
    pub name: String,
    /// Notes for the user, one line each.
    pub notes: Vec<String>,
}

/// Finds, differentiates and opens a classifier, in the fastest way that the request allows: as it
/// was measured before, or else measured now. `one_run` is what one run computes, `sampled` tells
/// whether an image takes many runs, and `method` is the attribution method, which may depend on
/// the pixels that the model expects.
///
/// # Errors
/// Those of [`open`]; [`Error::Runtime`](crate::Error::Runtime) if ONNX Runtime or the device fails.
pub fn open_classifier(
    request: &ClassifierRequest,
    one_run: &Method,
    sampled: bool,
    method: impl FnOnce(&Preprocessor) -> Method,
) -> Result<OpenedClassifier> {
    let ClassifierRequest { model, execution, remeasure } = request;
    let chosen = model.name.choose()?;
    let prepared = PreparedModel::new(&chosen, model, one_run, sampled, *execution, *remeasure)?;
    let metadata = ModelMetadata::find(&chosen, &model.metadata, &prepared.source.facts()?)?;
    let mut notes = [&*chosen.notes, &*metadata.notes].concat();
    let ((preprocessor, _), (labels, _)) = (metadata.preprocessor, metadata.labels);
    let method = method(&preprocessor);
    let (classifier, choice) = prepared.open(&chosen, &method, &preprocessor)?;
    trim_heap();
    notes.extend(choice.notes);
    let name = format!("{} on {}", chosen.name, choice.candidate);
    Ok(OpenedClassifier { classifier, preprocessor, method, labels, name, notes })
}
