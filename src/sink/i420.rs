//! Converts pictures for encoders: full-size luma and half-size chroma (I420, limited range), which needs half the bytes
//! of BGR.

use opencv::core::Size;
use yuv::{BufferStoreMut, YuvConversionMode, YuvError, YuvPlanarImageMut, YuvRange, YuvStandardMatrix};

use crate::colour::ColourTags;

/// Converts pictures of one size to I420, in a reused buffer. A chroma pixel is the mean of four.
pub(super) struct I420 {
    /// Even in both dimensions.
    size: Size,
    matrix: YuvStandardMatrix,
    planes: Vec<u8>,
}

impl I420 {
    pub(super) fn new(size: Size, colour: ColourTags) -> Self {
        Self { size, matrix: colour.standard_matrix(), planes: vec![0; size.area() as usize / 2 * 3] }
    }

    /// The planes Y, Cb and Cr, in this order, of a packed BGR picture of the given size.
    pub(super) fn convert(&mut self, pixels: &[u8]) -> Result<&[u8], YuvError> {
        let (width, height) = (self.size.width as u32, self.size.height as u32);
        let (y, colour) = self.planes.split_at_mut(self.size.area() as usize);
        let (u, v) = colour.split_at_mut(colour.len() / 2);
        let mut planes = YuvPlanarImageMut {
            y_plane: BufferStoreMut::Borrowed(y),
            y_stride: width,
            u_plane: BufferStoreMut::Borrowed(u),
            u_stride: width / 2,
            v_plane: BufferStoreMut::Borrowed(v),
            v_stride: width / 2,
            width,
            height,
        };
        let mode = YuvConversionMode::Balanced;
        yuv::bgr_to_yuv420(&mut planes, pixels, width * 3, YuvRange::Limited, self.matrix, mode)?;
        Ok(&self.planes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn planes_hold_brightness_and_the_mean_colour_of_four() {
        let (red, blue) = ([0, 0, 255], [255, 0, 0]);
        let pixels = [red, red, blue, red, red, red, red, blue].concat();
        let mut i420 = I420::new(Size::new(4, 2), ColourTags::BT709);
        // BT.709: red is (63, 102, 240), blue (32, 240, 118).
        let expected = [63, 63, 32, 63, 63, 63, 63, 32, 102, 171, 240, 179];
        let made = i420.convert(&pixels).unwrap();
        assert!(made.iter().zip(expected).all(|(made, expected)| made.abs_diff(expected) <= 1), "{made:?}");
    }
}
