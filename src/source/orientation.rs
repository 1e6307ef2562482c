//! Turns the stored picture into the displayed one.

use opencv::core::{self, Mat, Size};
use opencv::prelude::*;
use opencv::videoio::{self, VideoCapture};

use crate::Result;

/// The orientation of a stored picture: one of the eight symmetries of a rectangle.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Orientation {
    transpose: bool,
    mirror_x: bool,
    mirror_y: bool,
}

impl Orientation {
    /// From a display matrix [a, b, c, d], which shows pixel (x, y) at (ax + cy, bx + dy).
    pub fn from_matrix([a, b, c, d]: [f64; 4]) -> Self {
        let transpose = a.abs() + d.abs() < b.abs() + c.abs();
        let (x, y) = if transpose { (c, b) } else { (a, d) };
        Self { transpose, mirror_x: x < 0.0, mirror_y: y < 0.0 }
    }

    /// A rotation by `degrees` clockwise, rounded to a quarter turn.
    fn clockwise(degrees: f64) -> Self {
        let (sin, cos) = degrees.to_radians().sin_cos();
        Self::from_matrix([cos, sin, -sin, cos])
    }

    /// From EXIF's orientation, 1 to 8; any other value is upright.
    pub fn from_exif(value: u32) -> Self {
        let (transpose, mirror_x, mirror_y) = match value {
            2 => (false, true, false),
            3 => (false, true, true),
            4 => (false, false, true),
            5 => (true, false, false),
            6 => (true, true, false),
            7 => (true, true, true),
            8 => (true, false, true),
            _ => (false, false, false),
        };
        Self { transpose, mirror_x, mirror_y }
    }

    /// From HEIF's properties: `quarter_turns` anticlockwise, then a mirror that swaps top and bottom (0) or left and
    /// right (1).
    pub fn from_heif(quarter_turns: u8, mirror: Option<u8>) -> Self {
        let turned = Self::clockwise(-90.0 * f64::from(quarter_turns));
        Self {
            mirror_x: turned.mirror_x != (mirror == Some(1)),
            mirror_y: turned.mirror_y != (mirror == Some(0)),
            ..turned
        }
    }

    /// The displayed size of a picture stored at `size`.
    pub fn size(self, size: Size) -> Size {
        if self.transpose { Size::new(size.height, size.width) } else { size }
    }

    /// Rotates and mirrors `image` to its displayed orientation.
    pub fn apply(self, image: Mat) -> Result<Mat> {
        let image = if self.transpose {
            let mut turned = Mat::default();
            core::transpose(&image, &mut turned)?;
            turned
        } else {
            image
        };
        let code = match (self.mirror_x, self.mirror_y) {
            (false, false) => return Ok(image),
            (true, false) => 1,
            (false, true) => 0,
            (true, true) => -1,
        };
        let mut mirrored = Mat::default();
        core::flip(&image, &mut mirrored, code)?;
        Ok(mirrored)
    }
}

/// The orientation reported by OpenCV, for use when the display matrix is unknown. Before 4.7, OpenCV reported the
/// angle of the matrix, which is anticlockwise, as the clockwise rotation (its issue 22088).
pub fn orientation_meta(capture: &VideoCapture) -> Result<Orientation> {
    let angle = capture.get(videoio::CAP_PROP_ORIENTATION_META)?;
    let reversed = (core::get_version_major(), core::get_version_minor()) < (4, 7);
    Ok(Orientation::clockwise(if reversed { -angle } else { angle }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quarter_turn_clockwise_moves_the_top_left_pixel_to_the_top_right() {
        let image = Mat::from_slice_2d(&[[1u8, 2, 3], [4, 5, 6]]).unwrap();
        let turned = Orientation::clockwise(90.0).apply(image).unwrap();
        assert_eq!(turned.to_vec_2d::<u8>().unwrap(), [[4, 1], [5, 2], [6, 3]]);
    }

    #[test]
    fn a_half_turn_mirrors_both_ways() {
        let image = Mat::from_slice_2d(&[[1u8, 2, 3], [4, 5, 6]]).unwrap();
        let turned = Orientation::clockwise(180.0).apply(image).unwrap();
        assert_eq!(turned.to_vec_2d::<u8>().unwrap(), [[6, 5, 4], [3, 2, 1]]);
    }
}
