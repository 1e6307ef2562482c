//! Reads PNG files as raw samples: palette indices stay indices.

use std::io::Cursor;
use std::path::Path;

use ndarray::Array2;
use png::{BitDepth, ColorType, Transformations};

use crate::platform::whole_file::{self, MAX_DATA_BYTES};
use crate::{Error, Result};

/// The longest side that is read, in pixels. A file with a longer one is damaged or hostile.
const LONGEST_SIDE: u32 = 32_768;

/// An image with one sample per pixel.
#[derive(Debug)]
pub struct Samples {
    /// Shape (height, width).
    pub values: Array2<u16>,
    /// The largest value that the file can contain, at least 1.
    pub max: u16,
    /// Whether the values are indices into a palette.
    pub indexed: bool,
}

/// Reads a grey or palette PNG. A colour PNG with equal channels counts as grey. The alpha channel is ignored.
///
/// # Errors
/// [`Error::Input`] if it is not such a PNG, and [`Error::Io`] if it cannot be read.
pub fn read(file: &Path) -> Result<Samples> {
    let opened = whole_file::read(file, MAX_DATA_BYTES)?;
    let damaged = |e: png::DecodingError| Error::input(file, format!("cannot be read as a PNG: {e}"));
    let mut decoder = png::Decoder::new(Cursor::new(opened));
    decoder.set_transformations(Transformations::IDENTITY);
    let mut reader = decoder.read_info().map_err(damaged)?;
    let (width, height) = reader.info().size();
    let size = reader.output_buffer_size().filter(|_| width.max(height) <= LONGEST_SIDE);
    let size =
        size.ok_or_else(|| Error::input(file, format!("has a size of {width} x {height} pixels: it is damaged")))?;
    let mut bytes = vec![0; size];
    let frame = reader.next_frame(&mut bytes).map_err(damaged)?;
    let rows = bytes.chunks_exact(frame.line_size.max(1)).take(height as usize);
    let channels = frame.color_type.samples();
    let samples: Vec<u16> = rows.flat_map(|row| unpack(row, frame.bit_depth).take(width as usize * channels)).collect();
    let values =
        grey(&samples, frame.color_type).ok_or_else(|| Error::input(file, "is coloured: save it as a grey PNG"))?;
    let values = Array2::from_shape_vec((height as usize, width as usize), values)
        .map_err(|e| Error::input(file, format!("cannot be read as a PNG: {e}")))?;
    let max = ((1_u32 << frame.bit_depth as u32) - 1) as u16;
    Ok(Samples { values, max, indexed: frame.color_type == ColorType::Indexed })
}

/// The samples of a row.
fn unpack(row: &[u8], depth: BitDepth) -> impl Iterator<Item = u16> {
    let bits = depth as usize;
    let samples = row.len() * 8 / bits;
    (0..samples).map(move |index| match bits {
        16 => u16::from_be_bytes([row[2 * index], row[2 * index + 1]]),
        _ => {
            let at = index * bits;
            let shift = 8 - bits - at % 8;
            u16::from(row[at / 8] >> shift) & ((1 << bits) - 1)
        }
    })
}

/// One sample per pixel; `None` if the channels differ.
fn grey(samples: &[u16], kind: ColorType) -> Option<Vec<u16>> {
    let colours = if matches!(kind, ColorType::Rgb | ColorType::Rgba) { 3 } else { 1 };
    let pixel = |pixel: &[u16]| pixel[..colours].iter().all(|value| *value == pixel[0]).then_some(pixel[0]);
    samples.chunks_exact(kind.samples()).map(pixel).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(kind: ColorType, depth: BitDepth, bytes: &[u8], palette: Option<&[u8]>) -> Result<Samples> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.png");
        let mut encoder = png::Encoder::new(std::fs::File::create(&file).unwrap(), 3, 1);
        encoder.set_color(kind);
        encoder.set_depth(depth);
        palette.into_iter().for_each(|palette| encoder.set_palette(palette));
        encoder.write_header().unwrap().write_image_data(bytes).unwrap();
        read(&file)
    }

    #[test]
    fn indices_stay_indices() {
        let palette = [0, 0, 0, 128, 0, 0, 0, 128, 0, 9, 9, 9];
        let read = written(ColorType::Indexed, BitDepth::Two, &[0b0010_0100], Some(&palette)).unwrap();
        assert_eq!((read.values.into_raw_vec_and_offset().0, read.max, read.indexed), (vec![0, 2, 1], 3, true));
    }

    #[test]
    fn grey_keeps_its_depth() {
        let wide = written(ColorType::Grayscale, BitDepth::Sixteen, &[0, 1, 255, 255, 1, 0], None).unwrap();
        assert_eq!((wide.values.into_raw_vec_and_offset().0, wide.max), (vec![1, 65535, 256], 65535));
        let bits = written(ColorType::Grayscale, BitDepth::One, &[0b1010_0000], None).unwrap();
        assert_eq!((bits.values.into_raw_vec_and_offset().0, bits.max), (vec![1, 0, 1], 1));
    }

    #[test]
    fn equal_colours_are_grey_and_others_are_refused() {
        let equal = written(ColorType::Rgb, BitDepth::Eight, &[0, 0, 0, 7, 7, 7, 255, 255, 255], None).unwrap();
        assert_eq!(equal.values.into_raw_vec_and_offset().0, [0, 7, 255]);
        let red = written(ColorType::Rgb, BitDepth::Eight, &[9, 0, 0, 7, 7, 7, 255, 255, 255], None);
        assert!(red.unwrap_err().to_string().contains("coloured"));
    }
}
