//! Hard cuts: the flow cannot make the previous frame look like this one, and the colours changed with it.

use opencv::core::{Mat, MatTraitConstManual, Vec3b};

use crate::Result;
use crate::frame::Flow;

/// Whether the frame `current` belongs to another shot than `previous` (both 8-bit Lab of one size), given the
/// backward flow between them.
pub(super) fn is_cut(previous: &Mat, current: &Mat, _flow: &Flow) -> Result<bool> {
    let (a, b) = (previous.data_typed::<Vec3b>()?, current.data_typed::<Vec3b>()?);
    let change: u64 = a.iter().zip(b).map(|(a, b)| (0..3).map(|c| u64::from(a[c].abs_diff(b[c]))).sum::<u64>()).sum();
    Ok(change > 60 * a.len() as u64)
}
