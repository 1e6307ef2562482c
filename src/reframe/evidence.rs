//! Small saliency maps, which are kept for all frames of a shot.

use opencv::core::{CV_8U, Mat, Size};
use opencv::imgproc;
use opencv::prelude::*;

use crate::Result;
use crate::frame::SaliencyMap;

/// Pixels on the longer side.
const SIDE: i32 = 96;
/// Map values up to this do not count. The result is the same from 0 to 0.5.
const FLOOR: f64 = 0.3;

/// A saliency map of 96 pixels on the longer side, with 255 for 1.
#[derive(Debug, Clone)]
pub struct EvidenceMap {
    columns: usize,
    values: Vec<u8>,
}

/// Across or down the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Axis {
    X,
    Y,
}

impl EvidenceMap {
    /// A small copy of `map`.
    ///
    /// # Errors
    /// [`Error::OpenCv`](crate::Error::OpenCv) if OpenCV fails, which no valid map causes.
    pub fn new(map: &SaliencyMap) -> Result<Self> {
        let size = map.0.size()?;
        let scale = f64::from(SIDE) / f64::from(size.width.max(size.height));
        let side = |side: i32| ((f64::from(side) * scale).round() as i32).max(1);
        let small = Size::new(side(size.width), side(size.height));
        let (mut resized, mut bytes) = (Mat::default(), Mat::default());
        imgproc::resize(&map.0, &mut resized, small, 0.0, 0.0, imgproc::INTER_AREA)?;
        resized.convert_to(&mut bytes, CV_8U, 255.0, 0.0)?;
        Ok(Self { columns: small.width as usize, values: bytes.data_typed::<u8>()?.to_vec() })
    }

    /// The salient mass of each row or column, as a share of the picture's area; all together are at most 1. Only
    /// places inside the `span` of the other axis count, in shares of its side.
    pub(super) fn profile(&self, axis: Axis, span: [f64; 2]) -> Vec<f64> {
        let rows = self.values.len() / self.columns;
        let (length, others) = if axis == Axis::X { (self.columns, rows) } else { (rows, self.columns) };
        let mut profile = vec![0.0; length];
        for (index, &value) in self.values.iter().enumerate() {
            let (x, y) = (index % self.columns, index / self.columns);
            let (at, other) = if axis == Axis::X { (x, y) } else { (y, x) };
            let place = (other as f64 + 0.5) / others as f64;
            if span[0] <= place && place <= span[1] {
                profile[at] += ((f64::from(value) / 255.0 - FLOOR) / (1.0 - FLOOR)).max(0.0);
            }
        }
        profile.iter_mut().for_each(|mass| *mass /= self.values.len() as f64);
        profile
    }
}
