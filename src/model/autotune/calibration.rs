//! The images used to compare execution configurations of a classifier: `models/calibration.jpg`,
//! four stills of the sample.

use opencv::core::{Mat, MatTraitConst, Rect, Size, Vector};
use opencv::imgcodecs::{IMREAD_COLOR, imdecode};

use crate::Result;
use crate::model::{Layout, Preprocessor};

/// Two by two photographs: a cat, a cup, a rocket and a space shuttle.
static SHEET: &[u8] = include_bytes!("../../../models/calibration.jpg");

/// The photographs as input tensors for a network with this image `size` and `layout`.
///
/// # Errors
/// [`OpenCv`](crate::Error::OpenCv) if OpenCV cannot read the JPEG file.
pub fn pictures(preprocessor: &Preprocessor, size: (usize, usize), layout: Layout) -> Result<Vec<Vec<f32>>> {
    let sheet = imdecode(&Vector::<u8>::from_slice(SHEET), IMREAD_COLOR)?;
    let (width, height) = (sheet.cols() / 2, sheet.rows() / 2);
    let size = Size::new(size.0 as i32, size.1 as i32);
    let place = |index: i32| Rect::new(index % 2 * width, index / 2 * height, width, height);
    let picture = |index| -> Result<Vec<f32>> {
        let photograph: Mat = sheet.roi(place(index))?.try_clone()?;
        preprocessor.tensor(&photograph, size, layout)
    };
    (0..4).map(picture).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Preprocessing;

    #[test]
    fn there_are_four_different_photographs_of_the_size_asked_for() {
        let found = pictures(&Preprocessing::Unit.into(), (48, 32), Layout::Nchw).unwrap();
        assert_eq!(found.len(), 4);
        assert!(found.iter().all(|picture| picture.len() == 3 * 48 * 32));
        let mean = |picture: &[f32]| picture.iter().sum::<f32>() / picture.len() as f32;
        // The photograph of the shuttle is dark.
        assert!(found[..3].iter().all(|picture| mean(picture) > 2.0 * mean(&found[3])));
    }
}
