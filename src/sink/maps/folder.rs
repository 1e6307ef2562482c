//! A folder of maps, one file per frame.

use std::fs::{File, ReadDir};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder};
use ndarray::ArrayView2;
use ndarray_npy::WriteNpyExt;
use opencv::core::Mat;
use opencv::prelude::*;
use tempfile::TempDir;

use super::storage::{MapFormat, byte};
use crate::platform::temporary;
use crate::sink::{ReadyOutput, unwritable};
use crate::{Error, Result};

/// A folder of maps: one file per frame, named after its index in six digits.
///
/// The files are written into a hidden folder nearby and moved into place together. The folder leaves nothing behind if
/// it is dropped before [`MapFolder::finish`].
pub(super) struct MapFolder {
    folder: PathBuf,
    format: MapFormat,
    overwrite: bool,
    temp: TempDir,
}

impl MapFolder {
    /// Rejects a folder that cannot or must not be written.
    ///
    /// # Errors
    /// [`Error::Usage`] if it is a file, or is not empty and `overwrite` is not set; [`Error::Output`] or [`Error::Io`]
    /// if it cannot be read or written.
    pub(super) fn check(folder: &Path, overwrite: bool) -> Result<()> {
        let name = folder.display();
        if folder.exists() && !folder.is_dir() {
            return Err(Error::Usage(format!("{name}: is a file, but maps need a folder: choose another name")));
        }
        if !overwrite && folder.is_dir() && read_dir(folder)?.next().is_some() {
            let problem = "the folder for maps is not empty: choose another one or add -y";
            return Err(Error::Usage(format!("{name}: {problem}")));
        }
        temporary(folder).map(drop)
    }

    /// Prepares `folder` for maps. With `overwrite`, the folder may contain files: maps of an earlier
    /// run (files named like maps of this `format`) are replaced at the end, and all other files stay.
    ///
    /// # Errors
    /// The errors of [`MapFolder::check`].
    pub(super) fn create(folder: &Path, format: MapFormat, overwrite: bool) -> Result<Self> {
        Self::check(folder, overwrite)?;
        Ok(Self { folder: folder.to_owned(), format, overwrite, temp: temporary(folder)? })
    }

    /// Writes the map of frame `index`, a continuous `CV_32FC1` raster.
    ///
    /// # Errors
    /// [`Error::Io`] if the file cannot be written.
    pub(super) fn write(&self, index: u64, map: &Mat) -> Result<()> {
        let (width, height) = (map.cols() as u32, map.rows() as u32);
        let values = map.data_typed::<f32>()?;
        let name = format!("{index:06}.{}", self.extension());
        let write = |file: File| {
            let mut out = BufWriter::new(file);
            match self.format {
                MapFormat::Png => {
                    let grey: Vec<u8> = values.iter().copied().map(byte).collect();
                    png(&mut out, width, height, &grey, ExtendedColorType::L8)?;
                }
                MapFormat::Png16 => {
                    let grey = values.iter().flat_map(|v| ((v * 65535.0).round() as u16).to_ne_bytes());
                    png(&mut out, width, height, &grey.collect::<Vec<u8>>(), ExtendedColorType::L16)?;
                }
                MapFormat::Npy => npy(&mut out, width, height, values)?,
            }
            out.flush()
        };
        File::create(self.temp.path().join(&name)).and_then(write).map_err(Error::io(self.folder.join(&name)))
    }

    /// The maps, which also replace those of an earlier, longer run.
    ///
    /// # Errors
    /// [`Error::Io`] if the folder cannot be read.
    pub(super) fn finish(self) -> Result<ReadyOutput> {
        let extension = self.extension();
        ReadyOutput::folder(self.temp, &self.folder, self.overwrite, |file| is_map(file, extension))
    }

    fn extension(&self) -> &'static str {
        if self.format == MapFormat::Npy { "npy" } else { "png" }
    }
}

/// Whether `file` is named like a map with this extension.
fn is_map(file: &Path, extension: &str) -> bool {
    let name = file.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_suffix(extension));
    let stem = name.and_then(|name| name.strip_suffix('.'));
    stem.is_some_and(|stem| stem.len() >= 6 && stem.bytes().all(|b| b.is_ascii_digit()))
}

fn read_dir(folder: &Path) -> Result<ReadDir> {
    std::fs::read_dir(folder).map_err(Error::io(folder))
}

/// A hidden folder, removed on drop, in `folder` or in its nearest existing ancestor.
pub(crate) fn temporary(folder: &Path) -> Result<TempDir> {
    let dotted = |place| if place == Path::new("") { Path::new(".") } else { place };
    let place = folder.ancestors().map(dotted).find(|place| place.exists()).unwrap_or(Path::new("."));
    if !place.is_dir() || folder.as_os_str().is_empty() {
        return Err(Error::Usage(format!("{}: is not a folder: choose another one for the maps", place.display())));
    }
    temporary::subfolder(place).map_err(|e| unwritable(place, &e))
}

/// Writes a grey PNG. 16-bit samples are in native byte order.
fn png(out: &mut impl Write, width: u32, height: u32, grey: &[u8], depth: ExtendedColorType) -> std::io::Result<()> {
    PngEncoder::new(out).write_image(grey, width, height, depth).map_err(std::io::Error::other)
}

/// Writes a NumPy array of shape (height, width).
fn npy(out: &mut impl Write, width: u32, height: u32, values: &[f32]) -> std::io::Result<()> {
    let map = ArrayView2::from_shape((height as usize, width as usize), values).map_err(std::io::Error::other)?;
    map.write_npy(out).map_err(std::io::Error::other)
}

#[cfg(test)]
mod tests {
    use opencv::imgcodecs;

    use super::*;

    fn ramp() -> Mat {
        Mat::from_slice_2d(&[[0.0f32, 0.25, 0.5], [0.75, 0.9, 1.0]]).unwrap()
    }

    fn names(folder: &Path) -> Vec<String> {
        let name = |entry: std::io::Result<std::fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
        let mut names: Vec<_> = read_dir(folder).unwrap().map(name).collect();
        names.sort();
        names
    }

    fn written(format: MapFormat, name: &str) -> (TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let maps = folder.path().join("maps");
        let sink = MapFolder::create(&maps, format, false).unwrap();
        sink.write(7, &ramp()).unwrap();
        assert!(!maps.exists(), "the folder exists before it is complete");
        sink.finish().unwrap().publish().unwrap();
        assert_eq!(names(folder.path()), ["maps"], "files are left behind");
        assert_eq!(std::fs::read_dir(&maps).unwrap().count(), 1, "one file per frame and nothing else");
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
        let create = |overwrite| MapFolder::create(folder.path(), MapFormat::Png, overwrite);
        assert!(matches!(create(false), Err(Error::Usage(_))));
        assert!(create(true).is_ok());
    }

    #[test]
    fn a_file_in_the_folders_place_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("file"), "precious").unwrap();
        for name in ["file", "file/maps"] {
            let refused = MapFolder::check(&folder.path().join(name), true);
            assert!(matches!(refused, Err(Error::Usage(_))), "{name}");
        }
    }

    #[test]
    fn what_is_not_finished_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let maps = folder.path().join("new/maps");
        let sink = MapFolder::create(&maps, MapFormat::Png, false).unwrap();
        sink.write(0, &ramp()).unwrap();
        drop(sink);
        assert!(names(folder.path()).is_empty());
    }

    #[test]
    fn a_shorter_run_replaces_a_longer_one_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path();
        for name in ["000000.png", "000001.png", "000002.png", "000002.npy", "12.png", "cover.png", "thesis.txt"] {
            std::fs::write(at.join(name), "old").unwrap();
        }
        let sink = MapFolder::create(at, MapFormat::Png, true).unwrap();
        sink.write(0, &ramp()).unwrap();
        sink.finish().unwrap().publish().unwrap();
        assert_eq!(names(at), ["000000.png", "000002.npy", "12.png", "cover.png", "thesis.txt"]);
        assert_ne!(std::fs::read(at.join("000000.png")).unwrap(), b"old");
        assert_eq!(std::fs::read(at.join("cover.png")).unwrap(), b"old");
    }
}
