//! Frames that show nothing new: repeated ones (pulldown, stutter, a frozen picture), and blank ones.

use opencv::core::{self, Mat, NORM_INF, NORM_L1, no_array};
use opencv::prelude::*;

use crate::Result;

/// Largest and mean difference, in grey levels, of two codings of the same picture. Little moves as little as that, and
/// what does is seen once it has moved on: the frame that it is compared with stays.
const SAME: (f64, f64) = (8.0, 0.15);
/// Grey levels that a blank picture spans at most.
const BLANK: f64 = 12.0;

/// Whether two grey pictures of one size (`CV_8UC1`) show the same.
pub(super) fn is_same(a: &Mat, b: &Mat) -> Result<bool> {
    if core::norm2(a, b, NORM_INF, &no_array())? > SAME.0 {
        return Ok(false);
    }
    Ok(core::norm2(a, b, NORM_L1, &no_array())? <= SAME.1 * a.total() as f64)
}

/// Whether a grey picture (`CV_8UC1`) has nothing in it that a flow could follow.
pub(super) fn is_blank(grey: &Mat) -> Result<bool> {
    let (mut low, mut high) = (0.0, 0.0);
    core::min_max_loc(grey, Some(&mut low), Some(&mut high), None, None, &no_array())?;
    Ok(high - low <= BLANK)
}
