//! The one way from a model's name to its file in memory and to what is known of it.

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
    /// What the user says of it.
    pub card: MetadataFlags,
    /// What to settle if its file leaves it open.
    pub request: Request,
}

/// A model that was found and read.
pub struct OpenedModel {
    /// Its file, and where that was found.
    pub chosen: ResolvedModel,
    /// The file in memory.
    pub source: ModelSource,
    /// What it expects of its pixels, and what its classes are called.
    pub card: ModelMetadata,
}

/// Finds and reads a model.
///
/// # Errors
/// [`Error::Usage`] for an unknown name, [`Error::Model`] for a file that cannot be used, and those of [`load`] and
/// [`ModelMetadata::find`].
pub fn open(model: &ModelRequest) -> Result<OpenedModel> {
    let chosen = model.name.choose()?;
    let source = load(&chosen, &model.request)?;
    let card = ModelMetadata::find(&chosen, &model.card, &source.facts()?)?;
    Ok(OpenedModel { chosen, source, card })
}

/// Reads a model that was found; its sidecar says the size of the picture if `request` does not.
///
/// # Errors
/// Those of [`ModelSource::load`]; [`Error::Input`] if the sidecar's size is not the model's.
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
