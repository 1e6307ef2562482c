//! The kinds of constants that three batch sizes decide.

use crate::onnx::{DataType, TensorProto};

/// The batch sizes to compile for.
pub const SIZES: [usize; 3] = [2, 3, 5];

/// `start` and `growth` of values that grow evenly with the batch.
pub fn even([a, b, c]: [&[i64]; 3]) -> Option<[Vec<i64>; 2]> {
    let [first, second, third] = SIZES.map(|size| size as i64);
    let mut found = [Vec::new(), Vec::new()];
    for ((a, b), c) in a.iter().zip(b).zip(c) {
        let growth = b.checked_sub(*a)?.checked_div_euclid(second - first)?;
        let start = a.checked_sub(growth.checked_mul(first)?)?;
        let at = |size: i64| growth.checked_mul(size)?.checked_add(start);
        if at(second) != Some(*b) || at(third) != Some(*c) {
            return None;
        }
        found[0].push(start);
        found[1].push(growth);
    }
    Some(found)
}

/// The first `own` positions along an axis.
pub fn block(tensor: &TensorProto, axis: usize, own: usize) -> Option<TensorProto> {
    let mut shape = tensor.shape().ok()?;
    let raw = tensor.raw_data.as_ref()?;
    let outer: usize = shape[..axis].iter().product();
    let row = raw.len() / outer.max(1);
    let part = row / shape[axis] * own;
    let data = raw.chunks(row.max(1)).flat_map(|chunk| &chunk[..part]).copied().collect();
    shape[axis] = own;
    Some(TensorProto::from_raw("", tensor.dtype(), &shape, data))
}

/// Whether a tensor is `block`, `count` times along an axis.
pub fn is_tiled(tensor: &TensorProto, block: &TensorProto, axis: usize, count: usize) -> bool {
    let (Some(raw), Some(unit)) = (&tensor.raw_data, &block.raw_data) else { return false };
    let outer: usize = block.dims[..axis].iter().map(|size| *size as usize).product();
    let part = unit.len() / outer.max(1);
    let repeats =
        raw.chunks(part.max(1)).enumerate().all(|(index, chunk)| chunk == &unit[index / count * part..][..part]);
    raw.len() == unit.len() * count && repeats
}

/// Whether a tensor is 0, 1, 2, ... in int64.
pub fn is_counted(tensor: &TensorProto) -> bool {
    let counted = |values: Vec<i64>| values.iter().copied().eq(0..values.len() as i64);
    tensor.dtype() == DataType::Int64 && tensor.integers().is_ok_and(counted)
}
