// ONNX Runtime for this crate's example and tests: sessions, and the run that finds shapes.

use std::error::Error;
use std::path::PathBuf;
use std::sync::OnceLock;

use onnx_grad::onnx::{DataType, ModelProto};
use onnx_grad::{Probe, ProbeInput, ProbedValue, TensorType};
use ort::environment::Environment;
use ort::ep::{self, ArbitrarilyConfigurableExecutionProvider};
use ort::session::Session;
use ort::value::{DynValue, PrimitiveTensorElementType, Tensor, TensorElementType, ValueType};
use prost::Message;

/// Where a session computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provider {
    Cpu,
    OpenVino,
}

/// ONNX Runtime's shared library: `ORT_DYLIB_PATH`, or the library installed by salstream's setup.
fn library() -> Option<PathBuf> {
    let given = std::env::var_os("ORT_DYLIB_PATH").map(PathBuf::from).filter(|path| !path.as_os_str().is_empty());
    let installed = || {
        let data = |name: &str, below: &str| Some(PathBuf::from(std::env::var_os(name)?).join(below));
        let home = data("SALSTREAM_HOME", "").or(data("XDG_DATA_HOME", "salstream"));
        Some(home.or(data("HOME", ".local/share/salstream"))?.join("lib"))
    };
    let place = given.or_else(installed)?;
    if place.is_file() {
        return Some(place);
    }
    let files = place.read_dir().ok()?.flatten().map(|entry| entry.path());
    let is_runtime =
        |path: &PathBuf| path.file_name().is_some_and(|n| n.to_string_lossy().starts_with("libonnxruntime.so"));
    files.filter(is_runtime).max()
}

/// The environment, created once per process.
fn environment() -> &'static Environment {
    static ENVIRONMENT: OnceLock<Environment> = OnceLock::new();
    ENVIRONMENT.get_or_init(|| {
        let library = library().expect("ONNX Runtime is found: set ORT_DYLIB_PATH to libonnxruntime.so, 1.24 or later");
        ort::init_from(&library).expect("it loads").with_telemetry(false).build().expect("it starts")
    })
}

/// Opens a session.
pub fn session(model: &ModelProto, provider: Provider) -> Result<Session, Box<dyn Error>> {
    let mut builder = Session::builder(environment())?.with_intra_threads(2)?;
    if provider == Provider::OpenVino {
        let exact = r#"{"CPU":{"INFERENCE_PRECISION_HINT":"f32"}}"#;
        let openvino = ep::OpenVINO::default().with_device_type("CPU").with_num_threads(2);
        let openvino = openvino.with_arbitrary_config("load_config", exact).build();
        builder = builder.with_execution_providers([openvino.error_on_failure()])?;
    }
    Ok(builder.commit_from_memory(&model.encode_to_vec())?)
}

/// Runs a probe, as [`onnx_grad::prepare`] requires.
pub fn run(probe: Probe) -> Result<Vec<ProbedValue>, Box<dyn Error>> {
    let mut session = session(&probe.model, Provider::Cpu)?;
    let inputs = probe.inputs.iter().map(|input| Ok((input.name.as_str(), sample(input)?)));
    let inputs: Vec<(&str, DynValue)> = inputs.collect::<Result<_, Box<dyn Error>>>()?;
    let values = session.run(inputs)?;
    Ok(values.iter().filter_map(|(name, value)| probed(name, &value.view())).collect())
}

/// The elements of an input, or zeros.
fn sample(input: &ProbeInput) -> Result<DynValue, Box<dyn Error>> {
    fn filled<T: PrimitiveTensorElementType + Clone + std::fmt::Debug + Default + 'static, const N: usize>(
        ProbeInput { kind, data, .. }: &ProbeInput,
        decode: fn([u8; N]) -> T,
    ) -> Result<DynValue, Box<dyn Error>> {
        let values = match data {
            Some(data) => data.as_chunks::<N>().0.iter().map(|bytes| decode(*bytes)).collect(),
            None => vec![T::default(); kind.shape.iter().product()],
        };
        Ok(Tensor::from_array((kind.shape.clone(), values))?.into_dyn())
    }
    match input.kind.dtype {
        DataType::Double => filled(input, f64::from_le_bytes),
        DataType::Int64 => filled(input, i64::from_le_bytes),
        DataType::Int32 => filled(input, i32::from_le_bytes),
        DataType::Uint8 => filled(input, u8::from_le_bytes),
        _ => filled(input, f32::from_le_bytes),
    }
}

fn probed(name: &str, value: &DynValue) -> Option<ProbedValue> {
    let ValueType::Tensor { ty, shape, .. } = value.dtype() else { return None };
    let shape = shape.iter().map(|size| *size as usize).collect();
    Some(ProbedValue { name: name.into(), kind: TensorType { dtype: dtype(*ty), shape }, data: bytes(value) })
}

/// The elements in little-endian bytes.
fn bytes(value: &DynValue) -> Option<Vec<u8>> {
    fn encoded<T: PrimitiveTensorElementType + Copy, const N: usize>(
        value: &DynValue,
        encode: fn(T) -> [u8; N],
    ) -> Option<Vec<u8>> {
        Some(value.try_extract_tensor::<T>().ok()?.1.iter().flat_map(|value| encode(*value)).collect())
    }
    encoded(value, i64::to_le_bytes)
        .or_else(|| encoded(value, i32::to_le_bytes))
        .or_else(|| encoded(value, f32::to_le_bytes))
        .or_else(|| encoded(value, f64::to_le_bytes))
        .or_else(|| encoded(value, |value: bool| [u8::from(value)]))
}

fn dtype(kind: TensorElementType) -> DataType {
    match kind {
        TensorElementType::Float32 => DataType::Float,
        TensorElementType::Float64 => DataType::Double,
        TensorElementType::Float16 => DataType::Float16,
        TensorElementType::Bfloat16 => DataType::Bfloat16,
        TensorElementType::Int64 => DataType::Int64,
        TensorElementType::Int32 => DataType::Int32,
        TensorElementType::Uint64 => DataType::Uint64,
        TensorElementType::Uint32 => DataType::Uint32,
        TensorElementType::Int16 => DataType::Int16,
        TensorElementType::Uint16 => DataType::Uint16,
        TensorElementType::Int8 => DataType::Int8,
        TensorElementType::Uint8 => DataType::Uint8,
        TensorElementType::Bool => DataType::Bool,
        _ => DataType::Undefined,
    }
}
