//! Sessions on models in memory, of any size.

use ort::session::Session;
use prost::Message;

use crate::onnx::{self, ModelProto};
use crate::runtime::{Runtime, SessionOptions};
use crate::{Error, Result};

/// Opens a session on `model`, whose memory is freed before the session takes its own.
///
/// # Errors
/// Those of [`Runtime::session`]; [`Error::Output`] where a model that is too large for one message finds no room among
/// the temporary files.
pub fn session(model: ModelProto, options: &SessionOptions) -> Result<Session> {
    if !onnx::is_large(&model) {
        let bytes = model.encode_to_vec();
        drop(model);
        return Runtime::get()?.session(&bytes, options);
    }
    let folder = std::env::temp_dir();
    let folder =
        tempfile::tempdir_in(&folder).map_err(|e| Error::output(&folder, format!("cannot be written ({e})")))?;
    let path = folder.path().join("model.onnx");
    onnx::save(&model, &path)?;
    drop(model);
    Runtime::get()?.session_from_file(&path, options)
}
