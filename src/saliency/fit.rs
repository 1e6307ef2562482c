//! Places a frame in the classifier's input image, and crops maps and features to the frame.

use opencv::core::{BORDER_CONSTANT, BORDER_REPLICATE, Mat, MatTraitConst, MatTraitConstManual, Rect, Scalar, Size};
use opencv::imgproc;

use crate::Result;
use crate::choice::choices;
use crate::frame::Features;
use crate::raster;

choices! {
    /// How a frame fills the classifier's input image.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Fit {
        /// Stretch the frame to the input's shape
        Stretch = "stretch",
        /// Keep the frame's shape, with bars of the network's mean colour
        Letterbox = "letterbox",
    }
}

/// A frame's position in the classifier's input image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FramePlacement {
    picture: Size,
    frame: Rect,
}

impl Fit {
    /// The position of a frame of size `frame` in an input image of size `picture`, both in pixels.
    pub(super) fn place(self, frame: Size, picture: Size) -> FramePlacement {
        let whole = Rect::new(0, 0, picture.width, picture.height);
        let scale = |at: i32, of: i32| f64::from(at) / f64::from(of.max(1));
        let scale = scale(picture.width, frame.width).min(scale(picture.height, frame.height));
        let side = |frame: i32, picture: i32| ((f64::from(frame) * scale).round() as i32).clamp(1, picture);
        let frame = match self {
            Self::Stretch => whole,
            Self::Letterbox => {
                let (width, height) = (side(frame.width, picture.width), side(frame.height, picture.height));
                Rect::new((picture.width - width) / 2, (picture.height - height) / 2, width, height)
            }
        };
        FramePlacement { picture, frame }
    }
}

impl FramePlacement {
    /// The input image of `image` (8-bit BGR), with bars of colour `bars` (BGR).
    pub(super) fn picture(&self, image: &Mat, bars: Scalar) -> Result<Mat> {
        let Rect { x, y, width, height } = self.frame;
        let small = raster::shrink(image, self.frame.size())?;
        let (below, right) = (self.picture.height - y - height, self.picture.width - x - width);
        let mut picture = Mat::default();
        opencv::core::copy_make_border(&small, &mut picture, y, below, x, right, BORDER_CONSTANT, bars)?;
        Ok(picture)
    }

    /// The frame's part of a map that covers the input image.
    pub(super) fn crop(&self, map: &Mat) -> Result<Mat> {
        Ok(map.roi(self.frame)?.try_clone()?)
    }

    /// The frame's part of features that cover the input image, at the same resolution.
    pub(super) fn crop_features(&self, features: Features) -> Result<Features> {
        if self.frame.size() == self.picture {
            return Ok(features);
        }
        let Features { channels, height: rows, width: columns, values } = features;
        let across = Axis::new(columns, self.picture.width, self.frame.x, self.frame.width);
        let down = Axis::new(rows, self.picture.height, self.frame.y, self.frame.height);
        let matrix = Mat::from_slice_2d(&[[across.step, 0.0, across.start], [0.0, down.step, down.start]])?;
        let size = Size::new(across.places, down.places);
        let mut cropped = Vec::with_capacity(channels * size.area() as usize);
        for plane in values.chunks_exact(rows * columns) {
            let plane = Mat::new_rows_cols_with_data(rows as i32, columns as i32, plane)?;
            let mut part = Mat::default();
            let by = imgproc::INTER_LINEAR | imgproc::WARP_INVERSE_MAP;
            imgproc::warp_affine(&plane, &mut part, &matrix, size, by, BORDER_REPLICATE, Scalar::default())?;
            cropped.extend_from_slice(part.data_typed::<f32>()?);
        }
        Ok(Features { channels, height: size.height as usize, width: size.width as usize, values: cropped })
    }
}

/// Positions of a cropped grid in the whole grid along one axis: the i-th is at `start + i step`.
struct Axis {
    places: i32,
    start: f64,
    step: f64,
}

impl Axis {
    /// For a grid of `places` cells over `length` pixels, the part that covers `part` pixels
    /// starting at `from`.
    fn new(places: usize, length: i32, from: i32, part: i32) -> Self {
        let a_pixel = places as f64 / f64::from(length.max(1));
        let covered = f64::from(part) * a_pixel;
        let kept = covered.round().max(1.0);
        let step = covered / kept;
        // Positions are the centres of cells.
        Self { places: kept as i32, start: f64::from(from) * a_pixel + step / 2.0 - 0.5, step }
    }
}

#[cfg(test)]
mod tests {
    use opencv::core::{CV_8UC3, CV_32FC1, Vec3b};

    use super::*;

    const NETWORK: Size = Size { width: 64, height: 64 };

    #[test]
    fn a_frame_is_in_the_middle_and_keeps_its_shape() {
        let place = |width, height| Fit::Letterbox.place(Size::new(width, height), NETWORK).frame;
        assert_eq!(place(640, 320), Rect::new(0, 16, 64, 32));
        assert_eq!(place(90, 180), Rect::new(16, 0, 32, 64));
        assert_eq!(place(10, 10), Rect::new(0, 0, 64, 64));
        assert_eq!(place(5000, 1), Rect::new(0, 31, 64, 1));
        assert_eq!(Fit::Stretch.place(Size::new(90, 180), NETWORK).frame, Rect::new(0, 0, 64, 64));
    }

    #[test]
    fn bars_surround_the_frame_and_are_cut_off_again() {
        let image = Mat::new_rows_cols_with_default(200, 100, CV_8UC3, Scalar::all(200.0)).unwrap();
        let place = Fit::Letterbox.place(Size::new(100, 200), NETWORK);
        let picture = place.picture(&image, Scalar::new(1.0, 2.0, 3.0, 0.0)).unwrap();
        assert_eq!(picture.size().unwrap(), NETWORK);
        let at = |x| *picture.at_2d::<Vec3b>(30, x).unwrap();
        assert_eq!([at(15), at(16), at(47), at(48)].map(|pixel| pixel[2]), [3, 200, 200, 3]);
        let map: Vec<f32> = (0..64 * 64).map(|index| (index % 64) as f32).collect();
        let map = raster::from_values(NETWORK, &map).unwrap();
        let cropped = place.crop(&map).unwrap();
        assert_eq!((cropped.size().unwrap(), cropped.typ()), (Size::new(32, 64), CV_32FC1));
        assert_eq!((*cropped.at_2d::<f32>(9, 0).unwrap(), *cropped.at_2d::<f32>(9, 31).unwrap()), (16.0, 47.0));
    }

    #[test]
    fn features_are_those_of_the_frame() {
        let values: Vec<f32> = (0..2 * 64).map(|index| (index % 8 + index / 64 * 100) as f32).collect();
        let features = Features { channels: 2, height: 8, width: 8, values };
        let portrait = Fit::Letterbox.place(Size::new(90, 180), NETWORK);
        let cropped = portrait.crop_features(features.clone()).unwrap();
        assert_eq!((cropped.channels, cropped.height, cropped.width), (2, 8, 4));
        // The frame covers the grid's columns 2 to 5.
        assert_eq!(
            (&cropped.values[..4], &cropped.values[32..36]),
            (&[2., 3., 4., 5.][..], &[102., 103., 104., 105.][..])
        );
        let stretched = Fit::Stretch.place(Size::new(90, 180), NETWORK);
        assert_eq!(stretched.crop_features(features.clone()).unwrap(), features);
    }
}
