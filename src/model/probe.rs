//! Finds the shapes of a classifier's values by running it once in ONNX Runtime.

use onnx_grad::onnx::{DataType, ModelProto};
use onnx_grad::{Probe, ProbedValue, Request, Shapes, TensorType};
use ort::session::RunOptions;
use ort::value::{DynValue, PrimitiveTensorElementType, Tensor, TensorElementType, ValueType};

use super::session::{run_once, session};
use crate::model::runtime::{Device, Precision, SessionOptions};
use crate::platform::machine::cores;
use crate::{Error, Result};

/// Prepares a classifier for [`differentiate`](onnx_grad::differentiate()): inlines its functions,
/// writes out its known branches and finds its shapes.
///
/// # Errors
/// [`Error::Graph`] or [`Error::Usage`] as in [`onnx_grad::prepare`], or if the model does not run
/// at this batch or size. [`Error::Runtime`] if ONNX Runtime is missing.
pub fn prepare(model: ModelProto, request: &Request) -> Result<(ModelProto, Shapes)> {
    onnx_grad::prepare(model, request, run)
}

/// The shapes of an unchanged classifier, found by running it on a black image.
///
/// # Errors
/// Those of [`prepare`].
pub fn find_shapes(model: &ModelProto, request: &Request) -> Result<Shapes> {
    onnx_grad::find_shapes(model, request, run)
}

/// The values of one run.
fn run(probe: Probe) -> Result<Vec<ProbedValue>> {
    let foreign = probe.foreign_operators();
    let Probe { model, inputs, remedy } = probe;
    let options = SessionOptions { device: Device::Cpu, precision: Precision::F32, threads: cores() };
    let refused = |error| foreign.map_or(error, Into::into);
    let mut session = session(model, &options).map_err(refused)?;
    let shape = inputs.first().map(|input| input.kind.shape.clone()).unwrap_or_default();
    let inputs = inputs.iter().map(|input| Ok((input.name.as_str(), black(&input.kind)?)));
    let inputs = inputs.collect::<Result<Vec<_>>>()?.into();
    let options = RunOptions::new()?;
    let values = run_once(&mut session, inputs, &options).map_err(|error| {
        let problem = crate::error::brief(&error);
        Error::Graph(format!("does not run on a picture of {shape:?}: {problem}; {remedy}"))
    })?;
    Ok(values.iter().filter_map(|(name, value)| probed(name, &value.view())).collect())
}

/// A black image.
fn black(kind: &TensorType) -> Result<DynValue> {
    let (shape, count) = (kind.shape.clone(), kind.shape.iter().product());
    Ok(match kind.dtype {
        DataType::Double => Tensor::from_array((shape, vec![0f64; count]))?.into_dyn(),
        _ => Tensor::from_array((shape, vec![0f32; count]))?.into_dyn(),
    })
}

fn probed(name: &str, value: &DynValue) -> Option<ProbedValue> {
    let ValueType::Tensor { ty, shape, .. } = value.dtype() else { return None };
    let shape: Vec<usize> = shape.iter().map(|size| usize::try_from(*size).unwrap_or(0)).collect();
    let is_small = shape.iter().product::<usize>() <= ProbedValue::MAX_ELEMENTS;
    let data = is_small.then(|| bytes(value)).flatten();
    Some(ProbedValue { name: name.into(), kind: TensorType { dtype: dtype(*ty), shape }, data })
}

/// The elements in little-endian bytes, or `None` for types that are not numbers.
fn bytes(value: &DynValue) -> Option<Vec<u8>> {
    encoded(value, |value: i64| value.to_le_bytes())
        .or_else(|| encoded(value, |value: i32| value.to_le_bytes()))
        .or_else(|| encoded(value, |value: f32| value.to_le_bytes()))
        .or_else(|| encoded(value, |value: f64| value.to_le_bytes()))
        .or_else(|| encoded(value, |value: bool| [u8::from(value)]))
}

fn encoded<T: PrimitiveTensorElementType + Copy, const N: usize>(
    value: &DynValue,
    encode: impl Fn(T) -> [u8; N],
) -> Option<Vec<u8>> {
    Some(value.try_extract_tensor::<T>().ok()?.1.iter().flat_map(|value| encode(*value)).collect())
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
