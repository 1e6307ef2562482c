//! Where people looked in other pictures.

use ndarray::Array2;
use opencv::core::{Mat, Size};
use opencv::imgproc::{self, INTER_AREA, INTER_LINEAR};
use opencv::prelude::*;

use super::FixationDataset;
use crate::Result;
use crate::commands::eval::metric::fixation::{Fixation, GazeRecord};

/// Maximum number of pictures that are kept, evenly spread over the data set; the MIT code takes ten.
const MAX_OTHER_PICTURES: usize = 200;
/// Height and width at which densities are kept: a cell is smaller than the blur of published maps.
const SHAPE: (usize, usize) = (96, 128);

/// The negatives of the shuffled AUC: places that people look at in any picture.
#[derive(Debug)]
pub struct OtherFixations(Vec<FixationSource>);

#[derive(Debug)]
struct FixationSource {
    group: String,
    shape: (usize, usize),
    fixations: Option<Vec<Fixation>>,
    /// With the shape [`SHAPE`] and the sum 1; only if there are no fixations.
    density: Option<Array2<f64>>,
}

impl OtherFixations {
    /// Reads the fixations of up to 200 pictures, evenly spread over the data set.
    ///
    /// # Errors
    /// Those of [`FixationItem::read`](super::FixationItem::read).
    pub fn gather(dataset: &FixationDataset) -> Result<Self> {
        let (all, count) = (dataset.items.len(), dataset.items.len().min(MAX_OTHER_PICTURES));
        let chosen = (0..count).filter_map(|k| dataset.items.get(k * all / count));
        chosen.map(|item| FixationSource::new(item.group(), item.read()?)).collect::<Result<_>>().map(Self)
    }

    /// Where people looked in the pictures of other groups than `group` (see
    /// [`FixationItem::group`](super::FixationItem::group)), scaled to `shape` (height, width): fixations keep their
    /// relative position, and each density has the same weight.
    ///
    /// # Errors
    /// [`Error::OpenCv`](crate::Error::OpenCv).
    pub fn than(&self, group: &str, shape: (usize, usize)) -> Result<GazeRecord> {
        let others = || self.0.iter().filter(|source| source.group != group);
        let scaled = |source: &FixationSource| {
            let (from, fixations) = (source.shape, source.fixations.clone().unwrap_or_default());
            fixations.into_iter().map(move |[row, column]| [row * shape.0 / from.0, column * shape.1 / from.1])
        };
        if others().any(|source| source.fixations.is_some()) {
            return Ok(GazeRecord { shape, fixations: Some(others().flat_map(scaled).collect()), density: None });
        }
        let sum = others().filter_map(|source| source.density.as_ref()).fold(Array2::zeros(SHAPE), |sum, d| sum + d);
        Ok(GazeRecord { shape, fixations: None, density: Some(resized(&sum, shape)?) })
    }
}

impl FixationSource {
    fn new(group: &str, gaze: GazeRecord) -> Result<Self> {
        let density = match (&gaze.fixations, gaze.density) {
            (None, Some(density)) => {
                let small = resized(&density, SHAPE)?;
                let sum = small.sum();
                Some(if sum > 0.0 { small / sum } else { small })
            }
            _ => None,
        };
        Ok(Self { group: group.to_owned(), shape: gaze.shape, fixations: gaze.fixations, density })
    }
}

/// Scales a density to another shape: averaged if this is smaller, else interpolated.
fn resized(density: &Array2<f64>, (height, width): (usize, usize)) -> Result<Array2<f64>> {
    let values: Vec<f64> = density.iter().copied().collect();
    let mat = Mat::new_rows_cols_with_data(density.nrows() as i32, density.ncols() as i32, &values)?;
    let method = if width < density.ncols() { INTER_AREA } else { INTER_LINEAR };
    let mut out = Mat::default();
    imgproc::resize(&mat, &mut out, Size::new(width as i32, height as i32), 0.0, 0.0, method)?;
    let values = out.data_typed::<f64>()?;
    Ok(Array2::from_shape_fn((height, width), |(row, column)| values[row * width + column]))
}
