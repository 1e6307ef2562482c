//! Reads the file of a resolved model.

use onnx_grad::Request;

use super::catalog::ResolvedModel;
use super::installed;
use super::metadata::named_classes;
use super::model_request::ModelRequest;
use super::source::ModelSource;
use crate::{Error, Result};

/// Reads a resolved model, and checks that it is whole if its checksum is known. The sidecar sets the image size if the
/// request does not.
///
/// # Errors
/// The same as [`ModelSource::load`]. [`Error::Model`] if the file is damaged. [`Error::Input`] if the sidecar's size
/// is not the model's size.
pub fn load(chosen: &ResolvedModel, model: &ModelRequest) -> Result<ModelSource> {
    let check = |sha256: &str| installed::check(chosen, sha256);
    let mut request = Request { classes: named_classes(chosen, &model.metadata), ..model.request.clone() };
    let sidecar = chosen.sidecar.as_ref().filter(|_| request.size.is_none());
    request.size = request.size.or_else(|| sidecar?.size);
    let loaded = ModelSource::load_checked(&chosen.path, &request, check).map_err(|error| match (error, sidecar) {
        (Error::Usage(problem), Some(sidecar)) => Error::input(&sidecar.path, problem.trim_start_matches("--")),
        (other, _) => other,
    });
    Ok(loaded?.explaining(model.explain))
}
