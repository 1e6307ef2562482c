//! SALICON's fixations: a JSON file similar to COCO's annotations.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{FixationPoints, files};
use crate::commands::eval::metric::fixation::Fixation;
use crate::platform::paths;
use crate::platform::whole_file::{self, MAX_DATA_BYTES};
use crate::{Error, Result};

#[derive(Deserialize)]
struct Document {
    images: Vec<Image>,
    annotations: Vec<Annotation>,
}

#[derive(Deserialize)]
struct Image {
    id: u64,
    file_name: String,
    height: usize,
    width: usize,
}

/// The fixations of one person on one picture.
#[derive(Deserialize)]
struct Annotation {
    image_id: u64,
    /// Row and column, from 1.
    fixations: Vec<[f64; 2]>,
}

/// The fixations in all files `fixations*.json` in `root` and its folder `annotations`, by the names of their pictures
/// without extension. Fixations outside the picture are ignored.
///
/// # Errors
/// [`Error::Io`], and [`Error::Input`] if a file has another format.
pub fn read(root: &Path) -> Result<BTreeMap<String, FixationPoints>> {
    let mut paths = files::list(root)?;
    if let Some(folder) = files::folder_of(root, &["annotations"])? {
        paths.extend(files::list(&folder)?);
    }
    paths.retain(|file| files::name(file).starts_with("fixations") && paths::extension(file) == "json");
    let mut found = BTreeMap::new();
    for file in paths {
        found.extend(document(&file)?);
    }
    Ok(found)
}

fn document(file: &Path) -> Result<Vec<(String, FixationPoints)>> {
    let bytes = whole_file::read(file, MAX_DATA_BYTES)?;
    let read: serde_json::Result<Document> = serde_json::from_slice(&bytes);
    let document =
        read.map_err(|e| Error::input(file, format!("is not an annotation file in SALICON's format: {e}")))?;
    let mut by_image: BTreeMap<u64, Vec<[f64; 2]>> = BTreeMap::new();
    for annotation in document.annotations {
        by_image.entry(annotation.image_id).or_default().extend(annotation.fixations);
    }
    let points = |image: Image| {
        let typed = by_image.remove(&image.id).unwrap_or_default();
        let shape = (image.height, image.width);
        let fixations = typed.into_iter().filter_map(|place| from_one(place, shape)).collect();
        (files::stem(&PathBuf::from(image.file_name)), FixationPoints::List { shape, fixations })
    };
    Ok(document.images.into_iter().map(points).collect())
}

/// The pixel of a position that counts from 1; `None` outside the picture.
fn from_one([row, column]: [f64; 2], (height, width): (usize, usize)) -> Option<Fixation> {
    let inside = |place: f64, side: usize| (place >= 1.0 && place < side as f64 + 1.0).then(|| place as usize - 1);
    Some([inside(row, height)?, inside(column, width)?])
}
