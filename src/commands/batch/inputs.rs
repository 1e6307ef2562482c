//! Finds the clips, and the place for the result of each.

use super::clip::Clip;
use super::config::InputConfig;
use std::collections::HashMap;
use std::ffi::OsString;
use std::fs;
use std::io::{Read, stdin};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use ignore::WalkBuilder;
use ignore::overrides::{Override, OverrideBuilder};

use crate::platform::passed_over::PassedOver;
use crate::platform::paths;
use crate::platform::whole_file::{self, MAX_TEXT_BYTES};
use crate::{Error, Result, source};

/// File endings that count as videos in a folder: those that FFmpeg reads and cameras, recorders and players use.
const VIDEOS: &[&str] = &[
    "264", "265", "3g2", "3gp", "3gpp", "amv", "apng", "asf", "avc", "avi", "divx", "dv", "dvr-ms", "f4v", "flv",
    "gif", "gxf", "h264", "h265", "hevc", "ivf", "m1v", "m2p", "m2t", "m2ts", "m2v", "m4v", "mj2", "mjpeg", "mjpg",
    "mkv", "mov", "mp4", "mpe", "mpeg", "mpg", "mpv", "mts", "mxf", "nsv", "nut", "obu", "ogm", "ogv", "qt", "rmvb",
    "tod", "trp", "ts", "vob", "vro", "webm", "wmv", "wtv", "y4m",
];

/// File endings of videos and of other things: Ogg and RealMedia sound, tracker music.
const MAYBE_VIDEOS: &[&str] = &["mod", "ogg", "rm"];

/// The clips of a batch.
pub struct FoundClips {
    /// Sorted by their path in the output folder.
    pub clips: Vec<Clip>,
    pub passed_over: PassedOver,
}

/// All clips that the arguments name.
///
/// # Errors
/// [`Error::Usage`] if there is no clip, or two would have the same result; [`Error::Input`] if an input does not
/// exist.
pub fn find(inputs: &InputConfig, output: &Path) -> Result<FoundClips> {
    let mut named = inputs.named.clone();
    if let Some(list) = &inputs.list {
        named.extend(listed(list, inputs.null)?);
    }
    let (mut clips, mut passed_over) = (Vec::new(), PassedOver::default());
    for input in &named {
        if input.is_dir() {
            search(input, output, inputs, &mut clips, &mut passed_over)?;
        } else {
            let name = input.file_name().ok_or_else(|| Error::input(input, "is not a file name"))?;
            clips.push(clip(input.clone(), Path::new(name)));
        }
    }
    if clips.is_empty() {
        let looked = named.iter().map(|input| input.display().to_string()).collect::<Vec<_>>().join(", ");
        let others = passed_over.note().map(|note| format!(" ({note})")).unwrap_or_default();
        return Err(Error::Usage(format!("no video found in: {looked}{others}")));
    }
    clips.sort_by(|a, b| a.stem.cmp(&b.stem).then_with(|| a.input.cmp(&b.input)));
    refuse_collisions(&mut clips)?;
    Ok(FoundClips { clips, passed_over })
}

fn clip(input: PathBuf, relative: &Path) -> Clip {
    let size = fs::metadata(&input).map_or(0, |metadata| metadata.len());
    Clip { input, stem: relative.with_extension(""), size, segment: None }
}

/// The paths in a list.
fn listed(list: &Path, null: bool) -> Result<Vec<PathBuf>> {
    let mut bytes = Vec::new();
    if list == Path::new("-") {
        stdin().read_to_end(&mut bytes).map_err(Error::io("standard input"))?;
    } else {
        bytes = whole_file::read(list, MAX_TEXT_BYTES)?;
    }
    let end = if null { b'\0' } else { b'\n' };
    let names = bytes.split(|&byte| byte == end).filter(|name| !name.is_empty());
    Ok(names.map(|name| PathBuf::from(OsString::from_vec(name.to_vec()))).collect())
}

/// Adds the videos of a folder and its sub-folders, and counts the other files. Links are followed, but not in circles.
fn search(
    folder: &Path,
    output: &Path,
    inputs: &InputConfig,
    clips: &mut Vec<Clip>,
    passed_over: &mut PassedOver,
) -> Result<()> {
    let wanted = globs(folder, inputs)?;
    let out = output.canonicalize().ok();
    if out.is_some() && folder.canonicalize().ok() == out {
        let problem = "is also the results folder, so results would be inputs next time: choose another -o";
        return Err(Error::Usage(format!("{}: {problem}", folder.display())));
    }
    let mut walk = WalkBuilder::new(folder);
    walk.standard_filters(false).hidden(true).follow_links(true).overrides(wanted);
    walk.filter_entry(move |entry| {
        // If the results folder is below an input folder, its files are not inputs.
        !(entry.file_type().is_some_and(|kind| kind.is_dir())
            && out.is_some()
            && entry.path().canonicalize().ok() == out)
    });
    // What cannot be read (a circle of links, a folder of another user) is skipped.
    for entry in walk.build().flatten() {
        let file = entry.path();
        if !file.is_file() {
            continue;
        }
        if is_video(file) {
            let relative = file.strip_prefix(folder).unwrap_or(file);
            clips.push(clip(file.to_owned(), relative));
        } else if !is_of_a_batch(file) {
            passed_over.add(file);
        }
    }
    Ok(())
}

/// Whether a file in a folder is a video, by its name; if the name may mean something else, by its content.
fn is_video(file: &Path) -> bool {
    let extension = paths::extension(file);
    match &*extension {
        "webp" => source::is_webp_animation(file),
        maybe if MAYBE_VIDEOS.contains(&maybe) => source::may_have_video(file),
        other => VIDEOS.contains(&other),
    }
}

/// Whether a batch writes files with this name beside its videos: they are in an input folder if it was a results folder
/// before.
fn is_of_a_batch(file: &Path) -> bool {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let is_summary = name.starts_with("summary") && (name.ends_with(".json") || name.ends_with(".html"));
    is_summary || name == "settings.toml" || name.ends_with(".done.json") || name.ends_with(".part.json")
}

fn globs(folder: &Path, inputs: &InputConfig) -> Result<Override> {
    let refused = |e: ignore::Error| Error::Usage(format!("--include, --exclude: {e}"));
    let mut globs = OverrideBuilder::new(folder);
    for glob in &inputs.include {
        globs.add(glob).map_err(refused)?;
    }
    for glob in &inputs.exclude {
        globs.add(&format!("!{glob}")).map_err(refused)?;
    }
    globs.build().map_err(refused)
}

/// Refuses two inputs with the same result; the same input named twice counts once.
fn refuse_collisions(clips: &mut Vec<Clip>) -> Result<()> {
    clips.dedup_by(|a, b| a.input == b.input && a.stem == b.stem);
    let mut seen: HashMap<&[u8], &Clip> = HashMap::with_capacity(clips.len());
    for clip in &*clips {
        if let Some(other) = seen.insert(clip.stem.as_os_str().as_bytes(), clip) {
            let (a, b) = (other.input.display(), clip.input.display());
            return Err(Error::Usage(format!(
                "{a} and {b} would have the same result: rename one, or use separate batches"
            )));
        }
    }
    Ok(())
}
