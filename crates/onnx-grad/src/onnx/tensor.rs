//! Access to tensors as plain vectors, independent of the field that stores their values.

use super::{DataType, TensorProto, TypeProto, ValueInfoProto, tensor_shape_proto, type_proto};
use crate::error::{Error, Result};

impl DataType {
    /// Whether values of this type are floating-point numbers.
    pub fn is_float(self) -> bool {
        matches!(self, Self::Float | Self::Double | Self::Float16 | Self::Bfloat16)
    }
}

impl DataType {
    /// The number of bits of one element. `None` for text and unknown types.
    fn bits(self) -> Option<u64> {
        Some(match self {
            Self::Undefined | Self::String => return None,
            Self::Complex128 => 128,
            Self::Double | Self::Int64 | Self::Uint64 | Self::Complex64 => 64,
            Self::Float | Self::Int32 | Self::Uint32 => 32,
            Self::Float16 | Self::Bfloat16 | Self::Int16 | Self::Uint16 => 16,
            Self::Float6e2m3 | Self::Float6e3m2 => 6,
            Self::Int4 | Self::Uint4 | Self::Float4e2m1 => 4,
            Self::Int2 | Self::Uint2 => 2,
            _ => 8,
        })
    }
}

impl TensorProto {
    /// Creates a tensor of `values` in the floating-point type `dtype`: double precision, or single
    /// precision for any other type.
    pub fn from_reals(name: &str, dtype: DataType, shape: &[usize], values: &[f64]) -> Self {
        let raw = match dtype {
            DataType::Double => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
            _ => values.iter().flat_map(|value| (*value as f32).to_le_bytes()).collect(),
        };
        let dtype = if dtype == DataType::Double { dtype } else { DataType::Float };
        Self::from_raw(name, dtype, shape, raw)
    }

    /// Creates a tensor of 64-bit integers.
    pub fn from_integers(name: &str, shape: &[usize], values: &[i64]) -> Self {
        Self::from_raw(name, DataType::Int64, shape, values.iter().flat_map(|value| value.to_le_bytes()).collect())
    }

    /// Creates a tensor of little-endian `raw` elements.
    pub fn from_raw(name: &str, dtype: DataType, shape: &[usize], raw: Vec<u8>) -> Self {
        Self {
            name: Some(name.into()),
            data_type: Some(dtype as i32),
            dims: shape.iter().map(|size| *size as i64).collect(),
            raw_data: Some(raw),
            ..Default::default()
        }
    }

    /// The element type.
    pub fn dtype(&self) -> DataType {
        DataType::try_from(self.data_type()).unwrap_or(DataType::Undefined)
    }

    /// The size along each axis.
    ///
    /// # Errors
    /// [`Error::Graph`] if a size is negative or the number of elements overflows.
    pub fn shape(&self) -> Result<Vec<usize>> {
        let shape: Option<Vec<usize>> = self.dims.iter().map(|size| usize::try_from(*size).ok()).collect();
        shape.filter(|shape| elements(shape).is_some()).ok_or_else(|| self.broken("has an impossible shape"))
    }

    /// The number of bytes that the values take in `raw_data`. `None` for text, or if the shape is impossible.
    pub fn byte_length(&self) -> Option<u64> {
        let count = u64::try_from(elements(&self.shape().ok()?)?).ok()?;
        Some(count.checked_mul(self.dtype().bits()?)?.div_ceil(8))
    }

    /// The same values with the axes in another order: axis `i` of the result is axis `order[i]` of
    /// `self`. `None` if the values are not stored in `raw_data` as whole bytes, or if the order
    /// does not fit.
    pub fn transposed(&self, order: &[usize]) -> Option<Self> {
        let (raw, shape) = (self.raw_data.as_ref()?, self.shape().ok()?);
        let count = elements(&shape).filter(|count| *count > 0)?;
        let mut sorted = order.to_vec();
        sorted.sort_unstable();
        if !sorted.into_iter().eq(0..shape.len()) || !raw.len().is_multiple_of(count) || raw.is_empty() {
            return None;
        }
        let size = raw.len() / count;
        let strides: Vec<usize> = (0..shape.len()).map(|axis| shape[axis + 1..].iter().product()).collect();
        let transposed: Vec<(usize, usize)> = order.iter().map(|axis| (shape[*axis], strides[*axis])).collect();
        let mut data = Vec::with_capacity(raw.len());
        for mut place in 0..count {
            let mut from = 0;
            for (size, stride) in transposed.iter().rev() {
                from += place % size * stride;
                place /= size;
            }
            data.extend_from_slice(&raw[from * size..][..size]);
        }
        let shape: Vec<usize> = transposed.iter().map(|(size, _)| *size).collect();
        Some(Self::from_raw(self.name(), self.dtype(), &shape, data))
    }

    /// All values as 64-bit floating-point numbers, in row-major order.
    ///
    /// # Errors
    /// [`Error::Graph`] if the type is not a number or the data do not match the shape.
    pub fn reals(&self) -> Result<Vec<f64>> {
        let values: Vec<f64> = match (self.dtype(), &self.raw_data) {
            (DataType::Float, Some(raw)) => each(raw, |bytes| f64::from(f32::from_le_bytes(bytes))),
            (DataType::Float, None) => self.float_data.iter().map(|value| f64::from(*value)).collect(),
            (DataType::Double, Some(raw)) => each(raw, f64::from_le_bytes),
            (DataType::Double, None) => self.double_data.clone(),
            (DataType::Float16, Some(raw)) => each(raw, |bytes| half::f16::from_le_bytes(bytes).to_f64()),
            (DataType::Float16, None) => {
                self.int32_data.iter().map(|bits| half::f16::from_bits(*bits as u16).to_f64()).collect()
            }
            (DataType::Bfloat16, Some(raw)) => each(raw, |bytes| half::bf16::from_le_bytes(bytes).to_f64()),
            (DataType::Bfloat16, None) => {
                self.int32_data.iter().map(|bits| half::bf16::from_bits(*bits as u16).to_f64()).collect()
            }
            _ => self.integers()?.into_iter().map(|value| value as f64).collect(),
        };
        self.checked(values)
    }

    /// All values as integers, in row-major order.
    ///
    /// # Errors
    /// [`Error::Graph`] if the type is not an integer type or the data do not match the shape.
    pub fn integers(&self) -> Result<Vec<i64>> {
        let values = match (self.dtype(), &self.raw_data) {
            (DataType::Int64, Some(raw)) => each(raw, i64::from_le_bytes),
            (DataType::Int64, None) => self.int64_data.clone(),
            (DataType::Int32, Some(raw)) => each(raw, |bytes| i64::from(i32::from_le_bytes(bytes))),
            (DataType::Uint8 | DataType::Bool, Some(raw)) => raw.iter().map(|byte| i64::from(*byte)).collect(),
            (DataType::Int8, Some(raw)) => raw.iter().map(|byte| i64::from(*byte as i8)).collect(),
            (DataType::Int32 | DataType::Uint8 | DataType::Int8 | DataType::Bool, None) => {
                self.int32_data.iter().map(|value| i64::from(*value)).collect()
            }
            _ => return Err(self.broken("has a type that is not supported")),
        };
        self.checked(values)
    }

    fn checked<T>(&self, values: Vec<T>) -> Result<Vec<T>> {
        if elements(&self.shape()?) == Some(values.len()) { Ok(values) } else { Err(self.broken("lacks data")) }
    }

    fn broken(&self, problem: &str) -> Error {
        Error::Graph(format!("tensor {} {problem}; export the model again", self.name()))
    }
}

impl ValueInfoProto {
    /// Creates a graph input or output of which only the name is given.
    pub fn named(name: impl Into<String>) -> Self {
        Self { name: Some(name.into()), ..Default::default() }
    }

    /// Creates a graph input or output with a fixed shape.
    pub fn fixed(name: &str, dtype: DataType, shape: &[usize]) -> Self {
        use tensor_shape_proto::{Dimension, dimension::Value};
        let dim = shape
            .iter()
            .map(|size| Dimension { value: Some(Value::DimValue(*size as i64)), denotation: None })
            .collect();
        let tensor = type_proto::Tensor { elem_type: Some(dtype as i32), shape: Some(super::TensorShapeProto { dim }) };
        let kind = TypeProto { value: Some(type_proto::Value::TensorType(tensor)), denotation: None };
        Self { name: Some(name.into()), r#type: Some(kind), ..Default::default() }
    }

    /// Element type and sizes, with `None` for a size that is not fixed. Returns `None` if this is
    /// not a tensor of known rank.
    pub fn tensor(&self) -> Option<(DataType, Vec<Option<usize>>)> {
        use tensor_shape_proto::dimension::Value;
        let Some(type_proto::Value::TensorType(tensor)) = &self.r#type.as_ref()?.value else { return None };
        let size = |value: &Option<Value>| match value {
            Some(Value::DimValue(size)) => usize::try_from(*size).ok().filter(|size| *size > 0),
            _ => None,
        };
        let sizes = tensor.shape.as_ref()?.dim.iter().map(|dim| size(&dim.value)).collect();
        Some((DataType::try_from(tensor.elem_type()).ok()?, sizes))
    }
}

fn elements(shape: &[usize]) -> Option<usize> {
    shape.iter().try_fold(1usize, |product, size| product.checked_mul(*size))
}

fn each<const N: usize, T>(raw: &[u8], value: impl Fn([u8; N]) -> T) -> Vec<T> {
    raw.as_chunks::<N>().0.iter().map(|bytes| value(*bytes)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_change_places() {
        let tensor = TensorProto::from_reals("w", DataType::Float, &[2, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        let transposed = tensor.transposed(&[1, 0]).unwrap();
        assert_eq!(
            (transposed.dims.as_slice(), transposed.reals().unwrap()),
            (&[3, 2][..], vec![1.0, 4.0, 2.0, 5.0, 3.0, 6.0])
        );
        assert_eq!(transposed.transposed(&[1, 0]), Some(tensor.clone()));
        assert_eq!(tensor.transposed(&[0, 0]), None);
    }

    #[test]
    fn data_that_do_not_fill_the_shape_are_an_error() {
        let mut tensor = TensorProto::from_reals("w", DataType::Float, &[2, 2], &[1.0, 2.0, 3.0, 4.0]);
        assert_eq!(tensor.reals().unwrap(), [1.0, 2.0, 3.0, 4.0]);
        tensor.dims = vec![3, 2];
        assert!(tensor.reals().unwrap_err().to_string().contains("tensor w lacks data"));
        tensor.dims = vec![-1, 2];
        assert!(tensor.reals().is_err());
    }
}
