//! Photographs with fixation maps, as in MIT1003 and SALICON.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::{FixationDataset, FixationItem, FixationPoints, files, salicon};
use crate::{Error, Result, platform::paths};

const STIMULI: [&str; 3] = ["stimuli", "images", "allstimuli"];
const MAPS: [&str; 4] = ["fixation_maps", "maps", "allfixationmaps", "fixationmaps"];
const FIXATIONS: [&str; 4] = ["fixations", "fixation", "fixation_points", "points"];
/// The endings that MIT1003 adds to the name of a picture.
const OF_MAP: &str = "_fixMap";
const OF_POINTS: &str = "_fixPts";

/// The data set in `root`; `None` if it has not this layout.
pub fn find(root: &Path) -> Result<Option<FixationDataset>> {
    let Some(stimuli) = files::folder_of(root, &STIMULI)? else { return Ok(None) };
    let (maps, points) = (files::folder_of(root, &MAPS)?, files::folder_of(root, &FIXATIONS)?);
    let mut truths = Truths::default();
    for folder in maps.iter().chain(&points) {
        truths.add(files::pictures(folder)?, points.as_ref() == Some(folder));
    }
    let lists = salicon::read(root)?;
    if let (Some(folder), true) = (&points, truths.points.is_empty() && lists.is_empty()) {
        refuse_matlab(folder)?;
    }
    if truths.is_empty() && lists.is_empty() {
        return Ok(None);
    }
    let pictures = files::pictures(&stimuli)?;
    if pictures.is_empty() {
        return Err(Error::input(stimuli, "has no pictures: put the stimuli there"));
    }
    let items = truths.items(pictures, lists)?;
    if items.is_empty() {
        return Err(Error::input(root, "no fixation map has the name of a stimulus: check the sub-folders"));
    }
    Ok(Some(FixationDataset { layout: "photographs with fixations", items }))
}

/// Pictures of densities and of fixations, by the name of their stimulus.
#[derive(Default)]
struct Truths {
    maps: BTreeMap<String, PathBuf>,
    points: BTreeMap<String, PathBuf>,
}

impl Truths {
    fn add(&mut self, pictures: BTreeMap<String, PathBuf>, of_points: bool) {
        for (name, path) in pictures {
            if let Some(name) = name.strip_suffix(OF_POINTS) {
                self.points.insert(name.to_owned(), path);
            } else if of_points {
                self.points.insert(name, path);
            } else {
                self.maps.insert(name.strip_suffix(OF_MAP).unwrap_or(&name).to_owned(), path);
            }
        }
    }

    fn is_empty(&self) -> bool {
        self.maps.is_empty() && self.points.is_empty()
    }

    /// The stimuli with their truths.
    fn items(
        mut self,
        pictures: BTreeMap<String, PathBuf>,
        mut lists: BTreeMap<String, FixationPoints>,
    ) -> Result<Vec<FixationItem>> {
        // A folder without any truth, such as SALICON's `test`, is ignored.
        let parts: BTreeSet<String> =
            self.maps.keys().chain(self.points.keys()).map(|name| within(name).to_owned()).collect();
        let mut items = Vec::new();
        for (name, stimulus) in pictures {
            let points = self.points.remove(&name).map(FixationPoints::Picture);
            let points = points.or_else(|| lists.remove(&files::stem(&stimulus)));
            let density = self.maps.remove(&name);
            if density.is_some() || points.is_some() {
                items.push(FixationItem { name, video: None, stimulus, density, points });
            } else if parts.contains(within(&name)) {
                return Err(Error::input(
                    stimulus,
                    "has no fixation map with its name: add one, or remove the picture",
                ));
            }
        }
        match self.maps.into_values().chain(self.points.into_values()).next() {
            Some(truth) => Err(Error::input(truth, "belongs to no stimulus: add the picture, or remove this file")),
            None => Ok(items),
        }
    }
}

/// The folders at the start of a name.
fn within(name: &str) -> &str {
    name.rsplit_once('/').map_or("", |(folder, _)| folder)
}

fn refuse_matlab(folder: &Path) -> Result<()> {
    let mut inside = files::list(folder)?;
    for within in files::folders(folder)? {
        inside.extend(files::list(&within)?);
    }
    if inside.iter().any(|file| paths::extension(file) == "mat") {
        let problem = "has MATLAB files, which are not supported: save each as a PNG with 255 at every fixation \
                       (scipy.io.loadmat, cv2.imwrite), or remove the folder to use only the maps";
        return Err(Error::input(folder, problem));
    }
    Ok(())
}
