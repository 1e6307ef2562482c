//! Frames in order, each with its truth.

use std::path::{Path, PathBuf};

use super::fixations;

/// A clip, or a single picture.
#[derive(Debug, Clone)]
pub struct Sequence {
    /// The name of the folder of its frames, or of the picture.
    pub name: String,
    /// The frames in order, at least one.
    pub frames: Vec<Item>,
}

/// A frame and its truth.
#[derive(Debug, Clone)]
pub struct Item {
    /// The frame's file name without extension.
    pub name: String,
    /// The picture.
    pub picture: PathBuf,
    /// The truth for its map.
    pub truth: Truth,
}

/// The truth for a map.
#[derive(Debug, Clone)]
pub enum Truth {
    /// The mask of an object, as a file.
    Mask(PathBuf),
    /// Where people looked.
    Gaze(Box<fixations::FixationItem>),
}

impl Sequence {
    /// The path of the map of `item` in a folder of maps, without extension.
    pub fn place(&self, item: &Item) -> PathBuf {
        if self.name == item.name { PathBuf::from(&self.name) } else { Path::new(&self.name).join(&item.name) }
    }
}
