//! `salstream batch`: processes many clips in worker processes, each clip once.
//!
//! The plan is made from the inputs and the manifests of finished clips; there is no other state, except a lock while the
//! batch is in progress. So the same command continues where it stopped, whatever stopped it.

mod claim;
mod clip;
mod concat;
pub mod config;
mod contact_sheet;
mod disk_space;
mod estimate;
mod fingerprint;
mod folder_lock;
mod inputs;
mod manifest;
mod outcome;
mod progress;
mod protocol;
mod queue;
pub mod shard;
mod split;
mod summary;
mod supervisor;
mod throughput;
pub mod worker;
mod worker_count;
mod worker_process;
mod worker_tuning;

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use self::clip::Clip;
use self::config::BatchConfig;
use self::fingerprint::SettingsFingerprint;
use self::folder_lock::FolderLock;
use self::inputs::FoundClips;
use self::manifest::{Manifest, PlannedAction, plan_clip};
use self::outcome::{ClipOutcome, SummaryEntry};
use self::shard::Shard;
pub use self::summary::{Summary, merge};
use crate::annotate::Layout;
use crate::platform::{ffmpeg, temporary};
use crate::reporting::terminal::print;
use crate::{Error, Result, sink};

/// What to do with a clip, and its previous manifest.
type Planned = (PlannedAction, Option<Manifest>);

/// Processes those clips of `config` that need it; `None` if the plan was only printed.
///
/// # Errors
/// [`Error::Usage`] if the batch cannot be planned, and errors that affect every clip, such as a model that cannot be
/// opened. A clip that fails is reported in the summary.
pub fn batch(config: &BatchConfig, stop: &AtomicBool) -> Result<Option<Summary>> {
    check_split(config)?;
    let fingerprint = SettingsFingerprint::of(config)?;
    let clips = find_clips(config)?;
    if config.dry_run {
        return show(&clips, &plan(&clips, config, &fingerprint)).map(|()| None);
    }
    create_folder(&config.output)?;
    match FolderLock::acquire(&config.output, config.shard, config.report, stop)? {
        Some(_lock) => process(config, &fingerprint, &clips, stop).map(Some),
        None => {
            let mut summary = Summary::new(config.shard, &fingerprint.settings);
            clips.iter().for_each(|clip| summary.add(SummaryEntry::of(clip, ClipOutcome::Open, None)));
            Ok(Some(summary))
        }
    }
}

/// The clips of this part of the list.
fn find_clips(config: &BatchConfig) -> Result<Vec<Clip>> {
    let FoundClips { clips, passed_over } = inputs::find(&config.inputs, &config.output)?;
    config.report.notes(passed_over.note().as_slice());
    let all = match config.split {
        Some(seconds) => split::split(clips, seconds, &config.run.source),
        None => clips,
    };
    let sizes: Vec<u64> = all.iter().map(|clip| clip.size).collect();
    Ok(config.shard.part(&sizes).into_iter().map(|index| all[index].clone()).collect())
}

/// Processes those of `clips` that need it. This process is the owner of the results folder.
fn process(
    config: &BatchConfig,
    fingerprint: &SettingsFingerprint,
    clips: &[Clip],
    stop: &AtomicBool,
) -> Result<Summary> {
    let (folder, shard) = (&config.output, config.shard);
    let plan = plan(clips, config, fingerprint);
    let open = |(clip, plan): (&Clip, &Planned)| (plan.0 != PlannedAction::Skip).then(|| clip.clone());
    let open: Vec<Clip> = clips.iter().zip(&plan).filter_map(open).collect();
    let folders = folders(folder, &open);
    folders.iter().try_for_each(|folder| create_folder(folder))?;
    sink::write(&folder.join("settings.toml"), config.settings.as_bytes(), true)?;
    // An old summary says nothing about this run. There may be none.
    let _ = fs::remove_file(folder.join(shard.summary()));
    let mut summary = Summary::new(shard, &fingerprint.settings);
    for (clip, (todo, done)) in clips.iter().zip(&plan) {
        if *todo == PlannedAction::Skip {
            summary.add(SummaryEntry::of(clip, ClipOutcome::Skipped, done.as_ref()));
        }
    }
    let workers = worker_tuning::choose(config, fingerprint, &open, stop);
    supervisor::run(config, fingerprint, open, workers, stop, &mut summary)?;
    config.report.notes(summary.needed(clips, folder).as_slice());
    if shard == Shard::WHOLE {
        summary.gather(folder);
    }
    // What workers that have crashed left behind.
    folders.iter().for_each(|folder| temporary::sweep(folder));
    match summary.write(folder) {
        // Clips may have failed because of the same full disk: the summary is reported in any case.
        Err(error) if summary.is_incomplete() => config.report.notes(&[error.to_string()]),
        written => written?,
    }
    Ok(summary)
}

/// What to do with each of `clips`. If a long clip is finished, its segments are skipped after one check of the whole
/// clip.
fn plan(clips: &[Clip], config: &BatchConfig, fingerprint: &SettingsFingerprint) -> Vec<Planned> {
    let todo = |clip: &Clip| plan_clip(clip, &config.output, &fingerprint.settings, config.hash, config.verify);
    let mut wholes: HashMap<PathBuf, Planned> = HashMap::new();
    let planned = |clip: &Clip| {
        if clip.segment.is_some() {
            let whole = clip.whole();
            let known = wholes.entry(whole.stem.clone()).or_insert_with(|| todo(&whole));
            if known.0 == PlannedAction::Skip {
                return known.clone();
            }
        }
        todo(clip)
    };
    clips.iter().map(planned).collect()
}

/// Refuses `--split` if the segments could not be joined.
fn check_split(config: &BatchConfig) -> Result<()> {
    let problem = match config.split {
        None => return Ok(()),
        Some(_) if config.run.style.layout == Layout::Timeline => "--layout timeline spans the whole clip",
        Some(_) if !ffmpeg::is_available()? => "joining the segments needs ffmpeg",
        Some(_) => return Ok(()),
    };
    Err(Error::Usage(format!("--split: {problem}: run without --split")))
}

/// Prints what would be done.
fn show(clips: &[Clip], plan: &[Planned]) -> Result<()> {
    let mut text = String::new();
    for (clip, (todo, _)) in clips.iter().zip(plan) {
        let input = clip.name();
        text += &match todo {
            PlannedAction::Do => format!("do    {input}\n"),
            PlannedAction::Redo(why) => format!("redo  {input}: {why}\n"),
            PlannedAction::Skip => format!("skip  {input}\n"),
        };
    }
    print(text.as_bytes())
}

fn create_folder(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).map_err(|e| Error::output(folder, format!("cannot be created: {e}")))
}

/// The folders of the results of `clips`, and `folder` itself.
fn folders(folder: &Path, clips: &[Clip]) -> BTreeSet<PathBuf> {
    let of = |clip: &Clip| folder.join(&clip.stem).parent().map(Path::to_owned);
    clips.iter().filter_map(of).chain([folder.to_owned()]).collect()
}
