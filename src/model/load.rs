//! Reads the file of a resolved model.

use onnx_grad::Request;

use super::catalog::ResolvedModel;
use super::installed;
use super::source::ModelSource;
use crate::{Error, Result};

/// Reads a resolved model, and checks that it is whole if its checksum is known. The sidecar sets the image size if `request` does not.
///
/// # Errors
/// The same as [`ModelSource::load`]. [`Error::Model`] if the file is damaged. [`Error::Input`] if the sidecar's size is not the model's
/// size.
pub fn load(chosen: &ResolvedModel, request: &Request) -> Result<ModelSource> {
    let check = |sha256: &str| installed::check(chosen, sha256);
    let (None, Some(sidecar)) = (request.size, &chosen.sidecar) else {
        return ModelSource::load_checked(&chosen.path, request, check);
    };
    let request = Request { size: sidecar.size, ..request.clone() };
    ModelSource::load_checked(&chosen.path, &request, check).map_err(|error| match error {
        Error::Usage(problem) => Error::input(&sidecar.path, problem.trim_start_matches("--")),
        other => other,
    })
}
