//! Which maps to write, and in what form.

use std::path::Path;

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

/// A value of a map as a byte; 1.0 becomes 255.
pub(super) fn byte(value: f32) -> u8 {
    (value * 255.0).round() as u8
}
