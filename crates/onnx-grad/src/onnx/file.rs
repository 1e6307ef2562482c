//! Reads a model with its external data, and writes one atomically.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Component, Path, PathBuf};

use prost::Message;

use super::tensor_proto::DataLocation;
use super::{DataType, GraphProto, ModelProto, NodeProto, NotAModel, StringStringEntryProto, TensorProto, Version};
use crate::error::{Error, Result};

/// The newest IR version whose fields are all known to this program. Newer files are refused,
/// because unknown fields would be lost.
pub const MAX_IR_VERSION: i64 = Version::IrVersion as i64;

/// Reads a model and all of its external data into memory.
///
/// # Errors
/// [`Error::Io`] if a file cannot be read. [`Error::Model`] if it is empty, not ONNX, truncated, in
/// a newer format, without a graph, or refers to data outside its own folder.
pub fn load(path: &Path) -> Result<ModelProto> {
    let metadata = std::fs::metadata(path).map_err(Error::io(path))?;
    if !metadata.is_file() {
        return Err(Error::model(path, "is not a file; name an ONNX file"));
    }
    if metadata.len() > i32::MAX as u64 {
        return Err(Error::model(path, "is over 2 GB, which no ONNX file can be; export it with external data"));
    }
    let bytes = std::fs::read(path).map_err(Error::io(path))?;
    let mut model = decode(&bytes).map_err(|problem| Error::model(path, problem))?;
    let folder = folder(path);
    if let Some(graph) = &mut model.graph {
        read_external(graph, folder).map_err(|problem| Error::model(path, problem))?;
        check_numbers(graph).map_err(|problem| Error::model(path, problem))?;
    }
    Ok(model)
}

/// Parses the bytes of a model file. External data are not loaded.
///
/// # Errors
/// A message that explains why the bytes are not a usable model.
pub fn decode(bytes: &[u8]) -> Result<ModelProto, String> {
    if bytes.is_empty() {
        return Err("is empty; download or export the model again".into());
    }
    if let Some(kind) = NotAModel::sniff(bytes) {
        return Err(format!("is {kind}, not a model; download the file itself"));
    }
    let model = ModelProto::decode(bytes)
        .map_err(|e| format!("is not an ONNX model, or is truncated ({e}); download or export it again"))?;
    let Some(version) = model.ir_version.filter(|version| *version > 0) else {
        return Err("is not an ONNX model (it has no ir_version); download or export it again".into());
    };
    if version > MAX_IR_VERSION {
        return Err(format!(
            "has ir_version {version}, newer than the supported {MAX_IR_VERSION}; export it with an older ir_version"
        ));
    }
    if model.graph.as_ref().is_none_or(|graph| graph.node.is_empty()) {
        return Err("has no graph; export the model again".into());
    }
    Ok(model)
}

/// Whether the model is over 2 GB, which one ONNX file cannot hold.
pub fn is_large(model: &ModelProto) -> bool {
    model.encoded_len() > i32::MAX as usize
}

/// Writes `model` to `path` through a temporary file in the same folder, so that `path` is never
/// half-written. The weights of a model over 2 GB are written beside it, to `NAME.onnx.data`.
///
/// # Errors
/// [`Error::Output`] if the folder is not writable or the disk is full.
pub fn save(model: &ModelProto, path: &Path) -> Result<()> {
    if !is_large(model) {
        return write(path, |file| file.write_all(&model.encode_to_vec()));
    }
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".data");
    let mut model = model.clone();
    write(&path.with_file_name(&name), |file| move_out(&mut model, &name.to_string_lossy(), file))?;
    write(path, |file| file.write_all(&model.encode_to_vec()))
}

/// The parent folder of `path`.
fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Writes a file atomically.
fn write(path: &Path, fill: impl FnOnce(&mut dyn Write) -> std::io::Result<()>) -> Result<()> {
    let failed = |e: std::io::Error| Error::output(path, format!("cannot be written ({e})"));
    let folder = folder(path);
    let mut builder = tempfile::Builder::new();
    builder.prefix(".salstream-");
    // Temporary files are private by default; the model should be as readable as the umask allows.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.tempfile_in(folder).map_err(failed)?;
    fill(&mut file).map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    file.persist(path).map_err(|e| failed(e.error))?;
    Ok(())
}

/// Smaller tensors stay in the model.
const MIN_EXTERNAL_BYTES: usize = 1024;

/// Moves the weights into `file`, which the model refers to as `location`.
fn move_out(model: &mut ModelProto, location: &str, file: &mut dyn Write) -> std::io::Result<()> {
    let mut offset = 0;
    for tensor in model.graph.iter_mut().flat_map(|graph| &mut graph.initializer) {
        let Some(data) = tensor.raw_data.take_if(|data| data.len() >= MIN_EXTERNAL_BYTES) else { continue };
        file.write_all(&data)?;
        let entries =
            [("location", location.to_owned()), ("offset", offset.to_string()), ("length", data.len().to_string())];
        let entry = |(key, value): (&str, String)| StringStringEntryProto { key: Some(key.into()), value: Some(value) };
        tensor.external_data = entries.map(entry).into();
        tensor.data_location = Some(DataLocation::External as i32);
        offset += data.len();
    }
    Ok(())
}

/// Returns an error if a weight is NaN, which would make every result NaN.
fn check_numbers(graph: &GraphProto) -> Result<(), String> {
    let attributes = || graph.node.iter().flat_map(|node| node.attribute.iter().map(move |own| (node, own)));
    let constants = attributes().flat_map(|(node, own)| own.t.iter().chain(&own.tensors).map(|t| (node.label(), t)));
    let mut weights = graph.initializer.iter().map(|tensor| (tensor.name(), tensor)).chain(constants);
    if let Some((name, _)) = weights.find(|(_, tensor)| has_nan(tensor)) {
        return Err(format!("has a NaN value in {name}; train or export it again"));
    }
    graph.node.iter().flat_map(NodeProto::subgraphs).try_for_each(check_numbers)
}

fn has_nan(tensor: &TensorProto) -> bool {
    match (tensor.dtype(), &tensor.raw_data) {
        (DataType::Float, Some(raw)) => raw.as_chunks().0.iter().any(|bytes| f32::from_le_bytes(*bytes).is_nan()),
        (DataType::Double, Some(raw)) => raw.as_chunks().0.iter().any(|bytes| f64::from_le_bytes(*bytes).is_nan()),
        _ => {
            tensor.float_data.iter().any(|value| value.is_nan())
                || tensor.double_data.iter().any(|value| value.is_nan())
        }
    }
}

/// Whether part of the model is stored in other files.
pub fn has_external_data(path: &Path) -> bool {
    let decoded = std::fs::read(path).ok().and_then(|bytes| decode(&bytes).ok());
    decoded.and_then(|model| model.graph).is_some_and(|graph| refers_outside(&graph))
}

fn refers_outside(graph: &GraphProto) -> bool {
    let attributes = || graph.node.iter().flat_map(|node| &node.attribute);
    let tensors = attributes().flat_map(|attribute| attribute.t.iter().chain(&attribute.tensors));
    let outside = |tensor: &TensorProto| tensor.data_location() == DataLocation::External;
    graph.initializer.iter().chain(tensors).any(outside)
        || attributes().flat_map(|attribute| attribute.g.iter().chain(&attribute.graphs)).any(refers_outside)
}

fn read_external(graph: &mut GraphProto, folder: &Path) -> Result<(), String> {
    for tensor in &mut graph.initializer {
        resolve(tensor, folder)?;
    }
    for attribute in graph.node.iter_mut().flat_map(|node| &mut node.attribute) {
        for tensor in attribute.t.iter_mut().chain(&mut attribute.tensors) {
            resolve(tensor, folder)?;
        }
    }
    graph.node.iter_mut().flat_map(NodeProto::subgraphs_mut).try_for_each(|graph| read_external(graph, folder))
}

/// The most bytes that one tensor may have: more than any weights that a runtime can use.
const MAX_TENSOR_BYTES: u64 = 1 << 34;

/// Replaces a reference to external data with the data. How much to read follows from the tensor's type and shape.
fn resolve(tensor: &mut TensorProto, folder: &Path) -> Result<(), String> {
    if tensor.data_location() != DataLocation::External {
        return Ok(());
    }
    let entry = |key| tensor.external_data.iter().find(|entry| entry.key() == key).map(|entry| entry.value());
    let location = entry("location").ok_or_else(|| format!("tensor {} names no external file", tensor.name()))?;
    let number = |key| -> Result<Option<u64>, String> {
        let parse = |value: &str| value.parse().map_err(|_| format!("tensor {} has {key} {value}", tensor.name()));
        entry(key).map(parse).transpose()
    };
    let (offset, stated) = (number("offset")?.unwrap_or(0), number("length")?);
    let unknown = || format!("tensor {} has a type or a shape that external data cannot have", tensor.name());
    let length = tensor.byte_length().ok_or_else(unknown)?;
    if let Some(stated) = stated.filter(|stated| *stated != length) {
        return Err(format!("tensor {} has {length} bytes, and its external data {stated}", tensor.name()));
    }
    if length > MAX_TENSOR_BYTES {
        return Err(format!("tensor {} has {length} bytes, and the limit is {MAX_TENSOR_BYTES}", tensor.name()));
    }
    let data = read_range(&inside(folder, location)?, offset, length)?;
    tensor.raw_data = Some(data);
    tensor.external_data.clear();
    tensor.data_location = None;
    Ok(())
}

/// The path of `location`, which must be inside `folder` after links are resolved.
fn inside(folder: &Path, location: &str) -> Result<PathBuf, String> {
    let outside = || format!("its external data {location} are outside the model's folder; put them beside the model");
    if !Path::new(location).components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
        return Err(outside());
    }
    let missing = |e: std::io::Error| format!("its external data {location} cannot be read ({e})");
    let path = folder.join(location).canonicalize().map_err(missing)?;
    let folder = folder.canonicalize().map_err(missing)?;
    if path.starts_with(folder) { Ok(path) } else { Err(outside()) }
}

fn read_range(path: &Path, offset: u64, length: u64) -> Result<Vec<u8>, String> {
    let failed = |e: std::io::Error| format!("its external data {} cannot be read ({e})", path.display());
    if !path.is_file() {
        return Err(format!("its external data {} are not a file; put them there", path.display()));
    }
    let mut file = File::open(path).map_err(failed)?;
    let size = file.metadata().map_err(failed)?.len();
    if offset.checked_add(length).is_none_or(|end| end > size) {
        return Err(format!("its external data {} are shorter than the model says", path.display()));
    }
    file.seek(SeekFrom::Start(offset)).map_err(failed)?;
    let mut data = Vec::new();
    file.take(length).read_to_end(&mut data).map_err(failed)?;
    Ok(data)
}
