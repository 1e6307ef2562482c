//! Frames of videos with fixation maps, as in DHF1K.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{FixationDataset, FixationItem, FixationPoints, files};
use crate::{Error, Result};

const MAPS: [&str; 1] = ["maps"];
const FIXATIONS: [&str; 2] = ["fixation", "fixations"];
/// The folders for frames, beside the annotations.
const FRAMES: [&str; 4] = ["frames", "images", "video", "videos"];

/// The data set in `root`; `None` if no folder in it, or in its `annotation`, has a folder `maps`.
pub fn find(root: &Path) -> Result<Option<FixationDataset>> {
    let annotation = files::folder_of(root, &["annotation", "annotations"])?.unwrap_or_else(|| root.to_owned());
    let mut items = Vec::new();
    for video in files::folders(&annotation)? {
        if let Some(maps) = files::folder_of(&video, &MAPS)? {
            items.extend(frames(root, &video, &maps)?);
        }
    }
    Ok((!items.is_empty()).then_some(FixationDataset { layout: "videos with fixations", items }))
}

/// The annotated frames of one video. Frames without annotation are ignored: DHF1K has some at the end.
fn frames(root: &Path, video: &Path, maps: &Path) -> Result<Vec<FixationItem>> {
    let name = files::name(video);
    let stimuli = stimuli(root, video)?;
    let mut points = match files::folder_of(video, &FIXATIONS)? {
        Some(folder) => numbered(&folder)?,
        None => BTreeMap::new(),
    };
    let item = |(frame, density): (String, PathBuf)| {
        let Some(stimulus) = stimuli.get(&frame).cloned() else {
            return Err(Error::input(density, format!("has no frame {frame} of video {name}: {}", how(&name))));
        };
        let points = points.remove(&frame).map(FixationPoints::Picture);
        Ok(FixationItem {
            name: format!("{name}/{}", files::stem(&density)),
            video: Some(name.clone()),
            stimulus,
            density: Some(density),
            points,
        })
    };
    numbered(maps)?.into_iter().map(item).collect()
}

/// The frames of a video by their number.
fn stimuli(root: &Path, video: &Path) -> Result<BTreeMap<String, PathBuf>> {
    let name = files::name(video);
    if let Some(folder) = files::folder_of(video, &["images", "frames"])? {
        return numbered(&folder);
    }
    for parent in FRAMES {
        if let Some(parent) = files::folder_of(root, &[parent])?
            && let Some(folder) = files::folder_of(&parent, &[&name])?
        {
            return numbered(&folder);
        }
    }
    Err(Error::input(video, format!("has no frames: {}", how(&name))))
}

fn how(name: &str) -> String {
    format!("put them into frames/{name} (ffmpeg -i VIDEO -start_number 1 frames/{name}/%04d.png)")
}

/// The pictures in `folder` by their name without leading zeros: 0001.png and 001.jpg are the same frame.
fn numbered(folder: &Path) -> Result<BTreeMap<String, PathBuf>> {
    let pictures = files::pictures(folder)?.into_iter().filter(|(name, _)| !name.contains('/'));
    Ok(pictures.map(|(name, path)| (name.trim_start_matches('0').to_owned(), path)).collect())
}
