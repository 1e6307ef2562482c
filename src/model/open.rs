//! Opens a model: resolves its name, reads its file and finds its metadata.

use onnx_grad::Request;

use super::catalog::{ModelName, ResolvedModel};
use super::metadata::{MetadataFlags, ModelMetadata};
use super::source::ModelSource;
use crate::{Error, Result};

/// Which model to open.
#[derive(Debug, Clone)]
pub struct ModelRequest {
    /// The model.
    pub name: ModelName,
    /// The metadata set by the user.
    pub metadata: MetadataFlags,
    /// Values for what the file leaves open.
    pub request: Request,
}

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
/// [`Error::Usage`] for an unknown name, [`Error::Model`] for a file that cannot be used, and the
/// errors of [`ModelSource::load`] and [`ModelMetadata::find`].
pub fn open(model: &ModelRequest) -> Result<OpenedModel> {
    let chosen = model.name.choose()?;
    let source = load(&chosen, &model.request)?;
    let metadata = ModelMetadata::find(&chosen, &model.metadata, &source.facts()?)?;
    Ok(OpenedModel { chosen, source, metadata })
}

/// Reads a resolved model. The sidecar sets the image size if `request` does not.
///
/// # Errors
/// The same as [`ModelSource::load`]. [`Error::Input`] if the sidecar's size is not the model's
/// size.
pub fn load(chosen: &ResolvedModel, request: &Request) -> Result<ModelSource> {
    let (None, Some(sidecar)) = (request.size, &chosen.sidecar) else {
        return ModelSource::load(&chosen.path, request);
    };
    let request = Request { size: sidecar.size, ..request.clone() };
    ModelSource::load(&chosen.path, &request).map_err(|error| match error {
        Error::Usage(problem) => Error::input(&sidecar.path, problem.trim_start_matches("--")),
        other => other,
    })
}
