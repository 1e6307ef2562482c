//! Saliency maps of a clip: a folder with one file per frame, or one array of all frames.

mod array;
mod folder;

use std::path::Path;

use opencv::core::{Mat, Size};
use opencv::imgproc;

use self::array::MapArray;
use self::folder::MapFolder;
pub(crate) use self::folder::temporary;
use crate::Result;
use crate::choice::choices;
use crate::frame::{Maps, SaliencyMap};
use crate::platform::paths;

choices! {
    /// Which map to write.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum MapKind {
        /// The fused map: static and motion saliency together.
        Fused = "fused",
        /// How much the classifier's score depends on each pixel.
        Static = "static",
        /// Motion relative to the camera.
        Motion = "motion",
    }
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

choices! {
    /// How to write a map in a folder.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum MapFormat {
        /// 8-bit grey PNG; 1.0 becomes 255.
        Png = "png",
        /// 16-bit grey PNG; 1.0 becomes 65535.
        Png16 = "png16",
        /// NumPy array of float32, shape (height, width).
        Npy = "npy",
    }
}

choices! {
    /// The number type of an array of all frames.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum MapDtype {
        /// 16-bit floating-point numbers from 0 to 1.
        Float16 = "float16",
        /// Bytes; 1.0 becomes 255.
        Uint8 = "uint8",
    }
}

choices! {
    /// The size of the maps that are written.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum MapSize {
        /// The size of the source.
        Source = "source",
        /// The size at which maps are computed: 240 pixels on the longer side.
        Native = "native",
    }
}

/// How to write the maps of a clip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MapStorage {
    /// A folder with one file per frame, named after its index in six digits.
    Folder(MapFormat),
    /// One NumPy file of shape (frames, height, width).
    Array(MapDtype),
}

impl MapStorage {
    /// Whether maps at `path` are one array: its name ends in `.npy`, and it is not a folder.
    pub fn is_array(path: &Path) -> bool {
        paths::extension(path) == "npy" && !path.is_dir()
    }
}

/// The maps of a clip being written, all of one size. They leave nothing behind if they are dropped before
/// [`MapSink::finish`].
pub struct MapSink {
    size: Size,
    target: MapTarget,
}

enum MapTarget {
    Folder(MapFolder),
    Array(MapArray),
}

impl MapSink {
    /// Rejects a folder or file that cannot or must not be written.
    ///
    /// # Errors
    /// [`Error::Usage`] if a folder is not empty or a file exists, and `overwrite` is not set; if a folder's name is that
    /// of a file, or the file is `input`. [`Error::Output`] or [`Error::Io`] if it cannot be read or written.
    pub fn check(path: &Path, storage: MapStorage, input: Option<&Path>, overwrite: bool) -> Result<()> {
        match storage {
            MapStorage::Folder(_) => MapFolder::check(path, overwrite),
            MapStorage::Array(_) => crate::sink::check(path, input, overwrite),
        }
    }

    /// Starts maps of `size` pixels at `path`. With `overwrite`, an array is replaced. A folder may then contain files:
    /// maps of an earlier run (files named like maps of this format) are replaced at the end, and all other files stay.
    ///
    /// # Errors
    /// The errors of [`MapSink::check`].
    pub fn create(path: &Path, storage: MapStorage, size: Size, overwrite: bool) -> Result<Self> {
        let target = match storage {
            MapStorage::Folder(format) => MapTarget::Folder(MapFolder::create(path, format, overwrite)?),
            MapStorage::Array(dtype) => MapTarget::Array(MapArray::create(path, dtype, size, overwrite)?),
        };
        Ok(Self { size, target })
    }

    /// Writes the map of frame `index`, scaled to the size of the maps. An array takes the frames in order.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be written.
    pub fn write(&mut self, index: u64, map: &SaliencyMap) -> Result<()> {
        let mut scaled = Mat::default();
        imgproc::resize(&map.0, &mut scaled, self.size, 0.0, 0.0, imgproc::INTER_LINEAR)?;
        match &mut self.target {
            MapTarget::Folder(folder) => folder.write(index, &scaled),
            MapTarget::Array(array) => array.write(&scaled),
        }
    }

    /// Gives the maps their final names.
    ///
    /// # Errors
    /// [`Error::Io`] or [`Error::Output`] if a file cannot be written, moved or removed.
    pub fn finish(self) -> Result<()> {
        match self.target {
            MapTarget::Folder(folder) => folder.finish(),
            MapTarget::Array(array) => array.finish(),
        }
    }
}

/// A value of a map as a byte; 1.0 becomes 255.
fn byte(value: f32) -> u8 {
    (value * 255.0).round() as u8
}
