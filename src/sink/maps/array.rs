//! The maps of a clip as one NumPy array.

use std::fs::File;
use std::io::{BufWriter, Seek, Write};
use std::path::{Path, PathBuf};

use half::f16;
use half::slice::HalfFloatSliceExt;
use opencv::core::{Mat, Size};
use opencv::prelude::*;
use tempfile::TempPath;

use super::storage::{MapDtype, byte};
use crate::sink::ReadyOutput;
use crate::{Error, Result};

/// Length of the header in bytes: a multiple of 64, as NumPy wants it, with room for any number of frames.
const HEADER_BYTES: usize = 128;
/// Start of a file of format version 1.0.
const MAGIC: &[u8; 8] = b"\x93NUMPY\x01\x00";

/// A `.npy` file of shape (frames, height, width). It leaves nothing behind if it is dropped before
/// [`MapArray::finish`].
pub(super) struct MapArray {
    output: PathBuf,
    overwrite: bool,
    temp: TempPath,
    file: BufWriter<File>,
    dtype: MapDtype,
    size: Size,
    frames: u64,
}

impl MapArray {
    /// Starts an array of maps of `size` pixels at `output`.
    ///
    /// # Errors
    /// The errors of [`check`](crate::sink::check); [`Error::Io`] if it cannot be written.
    pub(super) fn create(output: &Path, dtype: MapDtype, size: Size, overwrite: bool) -> Result<Self> {
        crate::sink::check(output, None, overwrite)?;
        let (file, temp) = crate::sink::temporary(output)?.into_parts();
        let mut array =
            Self { output: output.to_owned(), overwrite, temp, file: BufWriter::new(file), dtype, size, frames: 0 };
        array.write_header()?;
        Ok(array)
    }

    /// Appends the map of the next frame: a continuous `CV_32FC1` raster of the size of the maps.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be written, for example because the disk is full.
    pub(super) fn write(&mut self, map: &Mat) -> Result<()> {
        let values = map.data_typed::<f32>()?;
        let bytes: Vec<u8> = match self.dtype {
            MapDtype::Uint8 => values.iter().copied().map(byte).collect(),
            MapDtype::Float16 => {
                let mut halves = vec![f16::ZERO; values.len()];
                halves.convert_from_f32_slice(values);
                halves.iter().flat_map(|value| value.to_le_bytes()).collect()
            }
        };
        self.frames += 1;
        self.file.write_all(&bytes).map_err(Error::io(&self.output))
    }

    /// Enters the number of frames into the header.
    ///
    /// # Errors
    /// [`Error::Io`] if the rest cannot be written.
    pub(super) fn finish(mut self) -> Result<ReadyOutput> {
        self.file.rewind().map_err(Error::io(&self.output))?;
        self.write_header()?;
        self.file.flush().map_err(Error::io(&self.output))?;
        Ok(ReadyOutput::file(self.temp, &self.output, self.overwrite))
    }

    fn write_header(&mut self) -> Result<()> {
        let header = header(self.dtype, self.frames, self.size);
        self.file.write_all(&header).map_err(Error::io(&self.output))
    }
}

/// The header of an array of so many `frames`, always of the same length.
fn header(dtype: MapDtype, frames: u64, size: Size) -> Vec<u8> {
    let descr = match dtype {
        MapDtype::Float16 => "<f2",
        MapDtype::Uint8 => "|u1",
    };
    let (height, width) = (size.height, size.width);
    let fields = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({frames}, {height}, {width}), }}");
    let room = HEADER_BYTES - MAGIC.len() - size_of::<u16>();
    let mut header = MAGIC.to_vec();
    header.extend((room as u16).to_le_bytes());
    header.extend(format!("{fields:<width$}\n", width = room - 1).bytes());
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: Size = Size { width: 3, height: 2 };

    fn ramp() -> Mat {
        Mat::from_slice_2d(&[[0.0f32, 0.25, 0.5], [0.75, 0.9, 1.0]]).unwrap()
    }

    /// The header's fields and the data of an array of two frames.
    fn written(dtype: MapDtype) -> (String, Vec<u8>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("maps.npy");
        let mut array = MapArray::create(&path, dtype, SIZE, false).unwrap();
        array.write(&ramp()).unwrap();
        array.write(&Mat::from_slice_2d(&[[1.0f32; 3]; 2]).unwrap()).unwrap();
        assert!(!path.exists(), "the file has its final name before it is complete");
        array.finish().unwrap().publish().unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "files are left behind");
        let bytes = std::fs::read(path).unwrap();
        let (header, data) = bytes.split_at(HEADER_BYTES);
        assert_eq!((&header[..8], &header[8..10], header[127]), (&MAGIC[..], &[118, 0][..], b'\n'));
        (String::from_utf8(header[10..].to_vec()).unwrap().trim_end().to_owned(), data.to_vec())
    }

    #[test]
    fn bytes_follow_a_header_that_counts_the_frames() {
        let (header, data) = written(MapDtype::Uint8);
        assert_eq!(header, "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 2, 3), }");
        assert_eq!(data, [0, 64, 128, 191, 230, 255, 255, 255, 255, 255, 255, 255]);
    }

    #[test]
    fn half_precision_is_little_endian() {
        let (header, data) = written(MapDtype::Float16);
        assert_eq!(header, "{'descr': '<f2', 'fortran_order': False, 'shape': (2, 2, 3), }");
        let values: Vec<f32> =
            data.chunks_exact(2).map(|pair| f16::from_le_bytes([pair[0], pair[1]]).to_f32()).collect();
        assert_eq!(values.len(), 12);
        for (value, exact) in values.iter().zip([0.0, 0.25, 0.5, 0.75, 0.9, 1.0, 1.0]) {
            assert!((value - exact).abs() < 5e-4, "{value} {exact}");
        }
    }

    #[test]
    fn the_header_has_room_for_the_largest_array() {
        let largest = header(MapDtype::Float16, u64::MAX, Size::new(i32::MAX, i32::MAX));
        assert_eq!(largest.len(), HEADER_BYTES);
    }

    #[test]
    fn an_unfinished_array_leaves_nothing_and_a_file_is_replaced_only_on_demand() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("maps.npy");
        let create = |overwrite| MapArray::create(&path, MapDtype::Uint8, SIZE, overwrite);
        let mut array = create(false).unwrap();
        array.write(&ramp()).unwrap();
        drop(array);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        std::fs::write(&path, "precious").unwrap();
        assert!(matches!(create(false), Err(Error::Usage(_))));
        create(true).unwrap().finish().unwrap().publish().unwrap();
        assert_eq!(std::fs::read(&path).unwrap().len(), HEADER_BYTES);
    }
}
