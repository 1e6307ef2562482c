//! Converts the planes of a decoded picture to BGR.

use opencv::core::Size;
use yuv::{YuvError, YuvPlanarImage, YuvRange, YuvStandardMatrix};

use super::filters::PixelLayout;

/// Luma of black in limited range.
const BLACK: u8 = 16;

/// Converts `pixels` of a picture, plane after plane, to packed `bgr` of the same size.
///
/// # Errors
/// [`YuvError`] if there are too few pixels.
pub fn convert(
    pixels: &[u8],
    layout: PixelLayout,
    size: Size,
    bgr: &mut [u8],
    (range, matrix): (YuvRange, YuvStandardMatrix),
) -> Result<(), YuvError> {
    let convert = match layout {
        PixelLayout::Yuv420 => yuv::yuv420_to_bgr,
        PixelLayout::Yuv422 => yuv::yuv422_to_bgr,
        PixelLayout::Yuv444 => yuv::yuv444_to_bgr,
        PixelLayout::Bgr => {
            bgr.copy_from_slice(pixels);
            return Ok(());
        }
    };
    let chroma = layout.chroma(size);
    let (width, height) = (size.width as u32, size.height as u32);
    let (y_plane, colour) = pixels.split_at(size.width as usize * size.height as usize);
    let (u_plane, v_plane) = colour.split_at(colour.len() / 2);
    let (u_stride, v_stride) = (chroma.width as u32, chroma.width as u32);
    let planes = YuvPlanarImage { y_plane, y_stride: width, u_plane, u_stride, v_plane, v_stride, width, height };
    convert(&planes, bgr, width * 3, range, matrix)?;
    if matches!(range, YuvRange::Limited) {
        blacker_than_black(&planes, layout, bgr, matrix);
    }
    Ok(())
}

/// Converts the pixels with luma below black again: the crate takes them for black, which makes coloured ones too bright.
/// There are few of them.
fn blacker_than_black(planes: &YuvPlanarImage<u8>, layout: PixelLayout, bgr: &mut [u8], matrix: YuvStandardMatrix) {
    let bias = matrix.get_kr_kb();
    let (kr, kb) = (bias.kr, bias.kb);
    let kg = 1.0 - kr - kb;
    let across = if layout == PixelLayout::Yuv444 { 1 } else { 2 };
    let down = if layout == PixelLayout::Yuv420 { 2 } else { 1 };
    let (width, stride) = (planes.width as usize, planes.u_stride as usize);
    let rows = planes.y_plane.chunks_exact(width).zip(bgr.chunks_exact_mut(3 * width)).enumerate();
    for (row, (luma, bgr)) in rows.filter(|(_, (luma, _))| luma.iter().any(|&y| y < BLACK)) {
        for (column, (&y, pixel)) in luma.iter().zip(bgr.chunks_exact_mut(3)).enumerate() {
            if y < BLACK {
                let sample = row / down * stride + column / across;
                let centred = |plane: &[u8]| (f32::from(plane[sample]) - 128.0) * 255.0 / 224.0;
                let (y, u, v) =
                    ((f32::from(y) - 16.0) * 255.0 / 219.0, centred(planes.u_plane), centred(planes.v_plane));
                let (r, b) = (y + 2.0 * (1.0 - kr) * v, y + 2.0 * (1.0 - kb) * u);
                let g = (y - kr * r - kb * b) / kg;
                pixel.copy_from_slice(&[b, g, r].map(|value| value.round() as u8));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coloured_pixels_below_black_are_exact() {
        // Y'CbCr (0, 240, 110) in BT.601: B = -18.6 + 1.772 * 127.5 = 207.3, the others are negative.
        let pixels = [[0; 4].as_slice(), &[240], &[110]].concat();
        let mut bgr = [9; 12];
        let colours = (YuvRange::Limited, YuvStandardMatrix::Bt601);
        convert(&pixels, PixelLayout::Yuv420, Size::new(2, 2), &mut bgr, colours).unwrap();
        assert_eq!(bgr, [207, 0, 0].repeat(4)[..]);
        // Black itself, and a legal red.
        let pixels = [16, 16, 81, 81, 128, 128, 90, 90, 128, 128, 240, 240];
        let mut bgr = [9; 12];
        convert(&pixels, PixelLayout::Yuv444, Size::new(2, 2), &mut bgr, colours).unwrap();
        assert_eq!(bgr[..6], [0; 6]);
        assert!(bgr[8] > 250 && bgr[6] < 4 && bgr[7] < 4, "{bgr:?}");
    }
}
