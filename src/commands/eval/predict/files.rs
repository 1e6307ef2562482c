//! Another method's maps, read from files.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use ndarray::{Array2, ArrayView2};
use ndarray_npy::{ViewNpyError, ViewNpyExt};
use opencv::core::Size;

use super::named::Named;
use crate::commands::eval::dataset::{Dataset, Sequence, key};
use crate::commands::eval::png;
use crate::commands::eval::raster::{self, size_of};
use crate::platform::paths;
use crate::platform::whole_file::{self, MAX_DATA_BYTES};
use crate::{Error, Result};

/// The relative difference of aspect ratios that is allowed between a map and its frame, because the sides of a small
/// map are rounded.
const ASPECT: f64 = 0.02;

/// The maps of a method for every frame of a data set: `DIR/SEQUENCE/FRAME.png` or `.npy`.
#[derive(Debug)]
pub struct MapFiles {
    /// The method's name.
    pub name: String,
    /// By sequence and frame.
    files: Vec<Vec<PathBuf>>,
    /// Number of files that belong to no frame.
    surplus: usize,
    /// Whether a map had another size than its truth.
    resized: AtomicBool,
    /// Whether there was a value above 1/255.
    bright: AtomicBool,
}

impl MapFiles {
    /// Finds the map of every frame of `dataset`. If the data set has only one sequence, its maps may be in the folder
    /// itself.
    ///
    /// # Errors
    /// [`Error::Input`] if the folder or the map of a frame is missing.
    pub fn find(named: &Named, dataset: &Dataset) -> Result<Self> {
        let mut surplus = 0;
        let mut files = Vec::new();
        for sequence in &dataset.sequences {
            if dataset.is_stills() {
                files.push(vec![of_picture(&named.folder, sequence)?]);
                continue;
            }
            let folder = named.folder.join(&sequence.name);
            let alone = dataset.sequences.len() == 1 && !folder.is_dir();
            let folder = if alone { named.folder.clone() } else { folder };
            let (found, left) = of_sequence(&folder, sequence)?;
            files.push(found);
            surplus += left;
        }
        let (resized, bright) = Default::default();
        Ok(Self { name: named.name.clone(), files, surplus, resized, bright })
    }

    /// The map of a frame, scaled to `size` (height, width).
    ///
    /// # Errors
    /// [`Error::Input`] if a file is not a map of 0..=1, or has another shape than the frame.
    pub fn read(&self, sequence: usize, frame: usize, size: (usize, usize)) -> Result<Array2<f64>> {
        let file = self.files.get(sequence).and_then(|files| files.get(frame));
        let file = file.ok_or_else(|| Error::Usage(format!("{}: no map for frame {frame}", self.name)))?;
        let map = if paths::extension(file) == "npy" { npy(file)? } else { grey(file)? };
        if map.iter().any(|&value| value > 1.5 / 255.0) {
            self.bright.store(true, Ordering::Relaxed);
        }
        if map.dim() == size {
            return Ok(map);
        }
        self.resized.store(true, Ordering::Relaxed);
        let aspect = |(height, width): (usize, usize)| width as f64 / height.max(1) as f64;
        if map.is_empty() || (aspect(map.dim()) / aspect(size) - 1.0).abs() > ASPECT {
            let (is, should) = (size_of(map.dim()), size_of(size));
            return Err(Error::input(
                file,
                format!("is {is}, its truth {should}: maps must have the shape of their frames"),
            ));
        }
        raster::resized(map.view(), Size::new(size.1 as i32, size.0 as i32))
    }

    /// Notes for the user about the maps read so far, one line each.
    pub fn notes(&self) -> Vec<String> {
        let name = &self.name;
        let notes = [
            (self.surplus > 0, format!("{name}: {} files belong to no frame and were ignored", self.surplus)),
            (
                self.resized.load(Ordering::Relaxed),
                format!("{name}: maps with another size than their truth were scaled"),
            ),
            (
                !self.bright.load(Ordering::Relaxed),
                format!("{name}: all values are 1/255 or less: save masks with 0 and 255, not with 0 and 1"),
            ),
        ];
        notes.into_iter().filter_map(|(holds, note)| holds.then_some(note)).collect()
    }
}

/// The map for a single picture in `folder`.
fn of_picture(folder: &Path, sequence: &Sequence) -> Result<PathBuf> {
    let name = &sequence.name;
    let mut places = ["png", "npy"].iter().map(|extension| folder.join(format!("{name}.{extension}")));
    let problem = || format!("picture {name} has no map: expected {name}.png or {name}.npy");
    places.find(|place| place.is_file()).ok_or_else(|| Error::input(folder, problem()))
}

/// The maps for a sequence's frames in `folder`, in their order, and the number of other files.
fn of_sequence(folder: &Path, sequence: &Sequence) -> Result<(Vec<PathBuf>, usize)> {
    let entries = match std::fs::read_dir(folder) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            return Err(Error::input(
                folder,
                format!("no such folder: the maps of {} are expected there", sequence.name),
            ));
        }
        entries => entries.map_err(Error::io(folder))?,
    };
    let mut found = HashMap::new();
    for entry in entries {
        let file = entry.map_err(Error::io(folder))?.path();
        if !["png", "npy"].contains(&paths::extension(&file).as_str()) {
            continue;
        }
        if let Some(other) = found.insert(key(&file), file.clone()) {
            let problem = format!("is a map of the same frame as {}: keep one of them", other.display());
            return Err(Error::input(file, problem));
        }
    }
    let maps: Vec<Option<PathBuf>> = sequence.frames.iter().map(|frame| found.remove(&key(&frame.picture))).collect();
    let missing: Vec<&str> =
        sequence.frames.iter().zip(&maps).filter(|(_, map)| map.is_none()).map(|(frame, _)| &*frame.name).collect();
    if let Some(first) = missing.first() {
        let (count, all) = (missing.len(), maps.len());
        let problem =
            format!("{count} of {all} frames have no map, first {first}: expected {first}.png or {first}.npy");
        return Err(Error::input(folder, problem));
    }
    Ok((maps.into_iter().flatten().collect(), found.len()))
}

/// A grey PNG of any depth, scaled so that its largest possible value is 1. In a palette PNG, every index except 0 is
/// 1.
fn grey(file: &Path) -> Result<Array2<f64>> {
    let png::Samples { values, max, indexed } = png::read(file)?;
    Ok(values.mapv(|value| if indexed { f64::from(u8::from(value != 0)) } else { f64::from(value) / f64::from(max) }))
}

/// A NumPy array with two axes: floats of 0..=1, or bytes of 0..=255.
fn npy(file: &Path) -> Result<Array2<f64>> {
    let bytes = whole_file::read(file, MAX_DATA_BYTES)?;
    let other = |e: &ViewNpyError| matches!(e, ViewNpyError::WrongDescriptor(_));
    let mut map = ArrayView2::<f64>::view_npy(&bytes).map(|view| view.to_owned());
    if map.as_ref().is_err_and(other) {
        map = ArrayView2::<f32>::view_npy(&bytes).map(|view| view.mapv(f64::from));
    }
    if map.as_ref().is_err_and(other) {
        map = ArrayView2::<u8>::view_npy(&bytes).map(|view| view.mapv(|value| f64::from(value) / 255.0));
    }
    let map = map.map_err(|e| match e {
        ViewNpyError::WrongNdim(_, axes) => Error::input(file, format!("has {axes} axes: a map must have two")),
        ViewNpyError::WrongDescriptor(kind) => {
            Error::input(file, format!("has values of type {kind}: save it as float32, float64 or uint8"))
        }
        e => Error::input(file, format!("cannot be read as a NumPy array: {e}")),
    })?;
    match map.iter().find(|value| !(0.0..=1.0).contains(*value)) {
        None => Ok(map),
        Some(value) if value.is_nan() => Err(Error::input(file, "has NaN: values of a map must be from 0 to 1")),
        Some(value) => Err(Error::input(
            file,
            format!("has {value}: values of a map must be from 0 to 1, so divide by the largest"),
        )),
    }
}
