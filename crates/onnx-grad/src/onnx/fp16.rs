//! Stores weights in half precision.

use super::{AttributeProto, DataType, GraphProto, NodeProto, TensorProto};

/// Smaller tensors are not converted.
const MIN_TENSOR_BYTES: usize = 1024;

/// Stores large float32 weights in half precision, each followed by a Cast, which runtimes fold
/// when they load the model. Weights outside the range of half precision are not converted.
pub fn store_in_half(graph: &mut GraphProto) {
    let mut casts = Vec::new();
    for tensor in &mut graph.initializer {
        let Some(raw) = halved(tensor) else { continue };
        let name = tensor.name().to_owned();
        let stored = format!("{name}/half");
        tensor.name = Some(stored.clone());
        tensor.data_type = Some(DataType::Float16 as i32);
        tensor.raw_data = Some(raw);
        let cast = NodeProto::new("Cast", &stored, vec![stored.clone()], vec![name]);
        casts.push(NodeProto { attribute: vec![AttributeProto::int("to", DataType::Float as i64)], ..cast });
    }
    graph.node.splice(0..0, casts);
    graph.node.iter_mut().flat_map(NodeProto::subgraphs_mut).for_each(store_in_half);
}

/// The values in half precision, or `None` for small tensors and values that do not fit.
fn halved(tensor: &TensorProto) -> Option<Vec<u8>> {
    let raw =
        tensor.raw_data.as_ref().filter(|raw| tensor.dtype() == DataType::Float && raw.len() >= MIN_TENSOR_BYTES)?;
    let values = raw.as_chunks().0.iter().map(|bytes| half::f16::from_f32(f32::from_le_bytes(*bytes)));
    let values: Vec<half::f16> = values.collect();
    let fits = values.iter().all(|value| value.is_finite());
    fits.then(|| values.into_iter().flat_map(half::f16::to_le_bytes).collect())
}
