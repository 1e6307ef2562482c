//! Saliency maps of a clip: a folder with one file per frame, or one array of all frames.

mod array;
mod folder;
mod storage;

use std::path::Path;

use opencv::core::{Mat, Size};
use opencv::imgproc;

use self::array::MapArray;
use self::folder::MapFolder;
pub(crate) use self::folder::temporary;
pub use self::storage::{MapDtype, MapFormat, MapKind, MapSize, MapStorage};
use crate::Result;
use crate::frame::SaliencyMap;
use crate::sink::ReadyOutput;

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
    /// [`Usage`](crate::Error::Usage) if a folder is not empty or a file exists, and `overwrite` is not set; if a
    /// folder's name is that of a file, or the file is `input`. [`Output`](crate::Error::Output) or
    /// [`Io`](crate::Error::Io) if it cannot be read or written.
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
    /// [`Io`](crate::Error::Io) if it cannot be written.
    pub fn write(&mut self, index: u64, map: &SaliencyMap) -> Result<()> {
        let mut scaled = Mat::default();
        imgproc::resize(&map.0, &mut scaled, self.size, 0.0, 0.0, imgproc::INTER_LINEAR)?;
        match &mut self.target {
            MapTarget::Folder(folder) => folder.write(index, &scaled),
            MapTarget::Array(array) => array.write(&scaled),
        }
    }

    /// The complete maps.
    ///
    /// # Errors
    /// [`Io`](crate::Error::Io) if the rest cannot be written, or the folder cannot be read.
    pub fn finish(self) -> Result<ReadyOutput> {
        match self.target {
            MapTarget::Folder(folder) => folder.finish(),
            MapTarget::Array(array) => array.finish(),
        }
    }
}
