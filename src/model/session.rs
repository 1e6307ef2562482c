//! Opens sessions on models in memory, of any size, and runs them with a time limit.

use std::time::Duration;

use crossbeam_channel::{RecvTimeoutError, bounded};
use ort::session::{RunOptions, Session, SessionInputs, SessionOutputs};
use prost::Message;

use crate::model::runtime::{Runtime, SessionOptions};
use crate::platform::temporary;
use crate::{Error, Result};
use onnx_grad::onnx::{self, ModelProto};

/// Opens a session on `model`. The memory of `model` is freed before the session allocates its own.
///
/// # Errors
/// The same as [`Runtime::session`]. [`Error::Output`] if a model that is too large for one message
/// does not fit in the temporary folder.
pub fn session(model: ModelProto, options: &SessionOptions) -> Result<Session> {
    if !onnx::is_large(&model) {
        let bytes = model.encode_to_vec();
        drop(model);
        return Runtime::get()?.session(&bytes, options);
    }
    let unwritable = |e| Error::output(std::env::temp_dir(), format!("cannot be written ({e})"));
    let folder = temporary::system_folder().map_err(unwritable)?;
    let path = folder.path().join("model.onnx");
    onnx::save(&model, &path)?;
    drop(model);
    Runtime::get()?.session_from_file(&path, options)
}

/// The time limit of one run. Nested loops take only a few bytes to write and could run forever.
const RUN_TIMEOUT: Duration = Duration::from_secs(120);

/// Runs a session once, and terminates it if that takes too long.
///
/// # Errors
/// The errors of ONNX Runtime.
pub fn run_once<'r>(
    session: &'r mut Session,
    inputs: SessionInputs<'_, '_>,
    options: &'r RunOptions,
) -> ort::Result<SessionOutputs<'r>> {
    let (running, over) = bounded::<()>(0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            if over.recv_timeout(RUN_TIMEOUT) == Err(RecvTimeoutError::Timeout) {
                // If terminating fails too, nothing else can be done.
                let _ = options.terminate();
            }
        });
        let found = session.run_with_options(inputs, options);
        drop(running);
        found
    })
}
