//! Saliency maps as files, one a frame.

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use image::{ImageBuffer, ImageFormat, Luma};
use opencv::core::{Mat, Size};
use opencv::imgproc;
use opencv::prelude::*;

use crate::frame::{Maps, SaliencyMap};
use crate::{Error, Result};

/// Which map to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum MapKind {
    /// Static and motion saliency together.
    Fused,
    /// Where the classifier's score depends on the pixels.
    Static,
    /// What moves against the camera.
    Motion,
}

impl MapKind {
    /// The map of this kind.
    pub fn of(self, maps: &Maps) -> &SaliencyMap {
        match self {
            Self::Fused => &maps.fused,
            Self::Static => &maps.static_,
            Self::Motion => &maps.motion,
        }
    }
}

/// How to write a map.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum MapFormat {
    /// 8-bit grey PNG; 1.0 is 255.
    Png,
    /// 16-bit grey PNG; 1.0 is 65535.
    Png16,
    /// NumPy array of float32, shape (height, width).
    Npy,
}

/// A folder of maps: one file a frame, named by its index in six digits, at the source's size.
pub struct MapSink {
    folder: PathBuf,
    format: MapFormat,
    size: Size,
}

impl MapSink {
    /// Makes `folder` for maps of `size` pixels. With `overwrite`, files of the same names are replaced.
    ///
    /// # Errors
    /// [`Error::Usage`] where the folder is not empty and `overwrite` is not set; [`Error::Io`] where it cannot be made.
    pub fn create(folder: &Path, format: MapFormat, size: Size, overwrite: bool) -> Result<Self> {
        std::fs::create_dir_all(folder).map_err(Error::io(folder))?;
        let is_empty = std::fs::read_dir(folder).map_err(Error::io(folder))?.next().is_none();
        if !is_empty && !overwrite {
            let name = folder.display();
            return Err(Error::Usage(format!(
                "{name}: the folder for maps is not empty: choose another one or add -y"
            )));
        }
        let sink = Self { folder: folder.to_owned(), format, size };
        super::temporary(&sink.path(0)).map(|_| sink)
    }

    /// Writes the map of frame `index`, scaled to the source's size.
    ///
    /// # Errors
    /// [`Error::Io`] or [`Error::Output`] where the file cannot be written.
    pub fn write(&mut self, index: u64, map: &SaliencyMap) -> Result<()> {
        let mut scaled = Mat::default();
        imgproc::resize(&map.0, &mut scaled, self.size, 0.0, 0.0, imgproc::INTER_LINEAR)?;
        let (width, height) = (scaled.cols() as u32, scaled.rows() as u32);
        let values = scaled.data_typed::<f32>()?;
        let path = self.path(index);
        let mut temp = super::temporary(&path)?;
        let mut out = BufWriter::new(&mut temp);
        let written = match self.format {
            MapFormat::Png => {
                let grey = values.iter().map(|&v| (v.clamp(0.0, 1.0) * 255.0).round() as u8).collect();
                png::<u8>(&mut out, width, height, grey)
            }
            MapFormat::Png16 => {
                let grey = values.iter().map(|&v| (v.clamp(0.0, 1.0) * 65535.0).round() as u16).collect();
                png::<u16>(&mut out, width, height, grey)
            }
            MapFormat::Npy => npy(&mut out, width, height, values),
        };
        written.and_then(|()| out.flush()).map_err(Error::io(&path))?;
        drop(out);
        super::publish(temp.into_temp_path(), &path, true)
    }

    /// The file for frame `index`.
    fn path(&self, index: u64) -> PathBuf {
        let extension = if self.format == MapFormat::Npy { "npy" } else { "png" };
        self.folder.join(format!("{index:06}.{extension}"))
    }
}

/// Writes a grey PNG.
fn png<T>(out: &mut impl Write, width: u32, height: u32, grey: Vec<T>) -> std::io::Result<()>
where
    T: image::Primitive,
    Luma<T>: image::PixelWithColorType<Subpixel = T>,
    [T]: image::EncodableLayout,
{
    let picture = ImageBuffer::<Luma<T>, _>::from_raw(width, height, grey);
    let picture = picture.ok_or_else(|| std::io::Error::other("the map has not the size that it says"))?;
    let mut encoded = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut encoded, ImageFormat::Png).map_err(std::io::Error::other)?;
    out.write_all(encoded.get_ref())
}

/// Writes a NumPy file, format 1.0 (numpy.lib.format): magic, header padded to 64 bytes, little-endian values.
fn npy(out: &mut impl Write, width: u32, height: u32, values: &[f32]) -> std::io::Result<()> {
    const PREFIX: usize = 10;
    let mut header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({height}, {width}), }}");
    let padded = (PREFIX + header.len() + 1).next_multiple_of(64) - PREFIX;
    header.extend(std::iter::repeat_n(' ', padded - header.len() - 1));
    header.push('\n');
    out.write_all(b"\x93NUMPY\x01\x00")?;
    out.write_all(&(header.len() as u16).to_le_bytes())?;
    out.write_all(header.as_bytes())?;
    values.iter().try_for_each(|value| out.write_all(&value.to_le_bytes()))
}

#[cfg(test)]
mod tests {
    use opencv::imgcodecs;

    use super::*;

    fn ramp() -> SaliencyMap {
        SaliencyMap(Mat::from_slice_2d(&[[0.0f32, 0.25, 0.5], [0.75, 0.9, 1.0]]).unwrap())
    }

    fn written(format: MapFormat, name: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let maps = folder.path().join("maps");
        MapSink::create(&maps, format, Size::new(3, 2), false).unwrap().write(7, &ramp()).unwrap();
        assert_eq!(std::fs::read_dir(&maps).unwrap().count(), 1, "one file a frame and nothing else");
        (folder, maps.join(name))
    }

    #[test]
    fn png_is_eight_bit_grey() {
        let (_folder, path) = written(MapFormat::Png, "000007.png");
        let image = imgcodecs::imread(&path, imgcodecs::IMREAD_UNCHANGED).unwrap();
        assert_eq!(image.to_vec_2d::<u8>().unwrap(), [[0, 64, 128], [191, 230, 255]]);
    }

    #[test]
    fn png16_is_sixteen_bit_grey() {
        let (_folder, path) = written(MapFormat::Png16, "000007.png");
        let image = imgcodecs::imread(&path, imgcodecs::IMREAD_UNCHANGED).unwrap();
        assert_eq!(image.to_vec_2d::<u16>().unwrap()[1], [49151, 58982, 65535]);
    }

    #[test]
    fn npy_holds_the_values_after_an_aligned_header() {
        let (_folder, path) = written(MapFormat::Npy, "000007.npy");
        let bytes = std::fs::read(path).unwrap();
        let header = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
        assert_eq!((&bytes[..6], (10 + header) % 64), (&b"\x93NUMPY"[..], 0));
        assert!(String::from_utf8_lossy(&bytes[10..10 + header]).contains("'shape': (2, 3)"));
        let values: Vec<f32> =
            bytes[10 + header..].chunks(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect();
        assert_eq!(values, [0.0, 0.25, 0.5, 0.75, 0.9, 1.0]);
    }

    #[test]
    fn a_folder_with_something_in_it_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("thesis.txt"), "precious").unwrap();
        let create = |overwrite| MapSink::create(folder.path(), MapFormat::Png, Size::new(3, 2), overwrite);
        assert!(matches!(create(false), Err(Error::Usage(_))));
        assert!(create(true).is_ok());
    }
}
