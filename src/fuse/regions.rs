//! Connected regions of a map.

use opencv::core::{CV_32S, Mat, MatTraitConst, Size};
use opencv::imgproc;
use opencv::prelude::*;

use crate::Result;

/// The 4-connected regions in which a map lies above a threshold.
pub(super) struct ConnectedRegions {
    size: Size,
    labels: Mat,
    /// Number of pixels of each region; entry 0 is the rest of the picture.
    pub areas: Vec<usize>,
}

impl ConnectedRegions {
    /// The regions of `map` (`CV_32FC1`) above `threshold`.
    pub(super) fn above(map: &Mat, threshold: f32) -> Result<Self> {
        let mut over = Mat::default();
        opencv::core::compare(map, &f64::from(threshold), &mut over, opencv::core::CMP_GT)?;
        let mut labels = Mat::default();
        let count = imgproc::connected_components(&over, &mut labels, 4, CV_32S)?;
        let mut areas = vec![0; count as usize];
        labels.data_typed::<i32>()?.iter().for_each(|&label| areas[label as usize] += 1);
        Ok(Self { size: map.size()?, labels, areas })
    }

    /// The label of each pixel's region, in row order; 0 is outside all regions.
    pub(super) fn labels(&self) -> Result<&[i32]> {
        Ok(self.labels.data_typed::<i32>()?)
    }

    /// The labels of the regions, largest first.
    pub(super) fn by_area(&self) -> Vec<usize> {
        let mut labels: Vec<_> = (1..self.areas.len()).collect();
        labels.sort_by_key(|&label| std::cmp::Reverse(self.areas[label]));
        labels
    }

    /// The labels along the four borders. A corner counts for both of its sides.
    pub(super) fn border(&self) -> Result<impl Iterator<Item = usize>> {
        let (width, height) = (self.size.width as usize, self.size.height as usize);
        let labels = self.labels()?;
        let rows = [0, height - 1].into_iter().flat_map(move |y| &labels[y * width..(y + 1) * width]);
        let sides = (0..height).flat_map(move |y| [&labels[y * width], &labels[(y + 1) * width - 1]]);
        Ok(rows.chain(sides).map(|&label| label as usize))
    }
}
