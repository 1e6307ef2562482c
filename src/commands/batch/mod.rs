//! `salstream batch`: many clips, each in a worker process, each done once.
//!
//! The plan is made from the inputs and from what proves that a clip is done; nothing else is remembered. So the same
//! command goes on where it was, whatever ended it.

mod clip;
mod concat;
pub mod config;
mod contact_sheet;
mod disk_space;
mod estimate;
mod fingerprint;
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
use self::manifest::{Manifest, PlannedAction, plan_clip};
use self::outcome::{ClipOutcome, SummaryEntry};
use self::shard::Shard;
pub use self::summary::{Summary, merge};
use crate::annotate::Layout;
use crate::platform::ffmpeg;
use crate::reporting::terminal::print;
use crate::{Error, Result, sink};

/// What is to be done with a clip, and what was done before.
type Planned = (PlannedAction, Option<Manifest>);

/// Does what is to be done of the clips that `config` names; `None` where that was only to be shown.
///
/// # Errors
/// [`Error::Usage`] for what cannot be planned; what fails for every clip, such as a model that cannot be opened. A clip
/// that fails is in the summary.
pub fn batch(config: &BatchConfig, stop: &AtomicBool) -> Result<Option<Summary>> {
    let (folder, shard) = (&config.output, config.shard);
    check_split(config)?;
    let fingerprint = SettingsFingerprint::of(config)?;
    let all = inputs::clips(&config.inputs, folder)?;
    let all = match config.split {
        Some(seconds) => split::split(all, seconds, &config.run.source),
        None => all,
    };
    let sizes: Vec<u64> = all.iter().map(|clip| clip.size).collect();
    let clips: Vec<Clip> = shard.part(&sizes).into_iter().map(|index| all[index].clone()).collect();
    let todo = |clip: &Clip| plan_clip(clip, folder, &fingerprint.settings, config.hash, config.verify);
    let plan = plan(&clips, todo);
    if config.dry_run {
        return show(&clips, &plan).map(|()| None);
    }
    let open = |(clip, plan): (&Clip, &(PlannedAction, _))| (plan.0 != PlannedAction::Skip).then(|| clip.clone());
    let open: Vec<Clip> = clips.iter().zip(&plan).filter_map(open).collect();
    make_folders(folder, &open, shard)?;
    sink::write(&folder.join("settings.toml"), config.settings.as_bytes(), true)?;
    // An old summary says nothing of this run; there may be none.
    let _ = fs::remove_file(folder.join(shard.summary()));
    let mut summary = Summary::new(shard, &fingerprint.settings);
    for (clip, (todo, done)) in clips.iter().zip(&plan) {
        if *todo == PlannedAction::Skip {
            summary.add(SummaryEntry::of(clip, ClipOutcome::Skipped, done.as_ref()));
        }
    }
    let workers = worker_tuning::choose(config, &fingerprint, &open, stop);
    supervisor::run(config, &fingerprint, open, workers, stop, &mut summary)?;
    config.report.notes(summary.needed(&clips, folder).as_slice());
    if shard == Shard::WHOLE {
        summary.gather(folder);
        clean(folder, &clips);
    }
    match summary.write(folder) {
        // What failed, perhaps by the same full disk, is told all the same.
        Err(error) if summary.is_incomplete() => config.report.notes(&[error.to_string()]),
        written => written?,
    }
    Ok(Some(summary))
}

/// What is to be done with each of `clips`: nothing with the pieces of one that is done, which is looked at once for all.
fn plan(clips: &[Clip], todo: impl Fn(&Clip) -> Planned) -> Vec<Planned> {
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

/// Refuses `--split` where pieces could not be joined.
fn check_split(config: &BatchConfig) -> Result<()> {
    let problem = match config.split {
        None => return Ok(()),
        Some(_) if config.run.style.layout == Layout::Timeline => "the timeline goes on through the whole clip",
        Some(_) if !ffmpeg::is_available() => "joining the pieces needs ffmpeg",
        Some(_) => return Ok(()),
    };
    Err(Error::Usage(format!("--split: {problem}: leave it out")))
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

/// Makes the folders of the results, and takes away what a killed run left in them. With shards others may be at work
/// there, and nothing is taken away before the merge.
fn make_folders(folder: &Path, clips: &[Clip], shard: Shard) -> Result<()> {
    for folder in folders(folder, clips) {
        fs::create_dir_all(&folder).map_err(|e| Error::output(&folder, format!("cannot be made: {e}")))?;
    }
    if shard == Shard::WHOLE {
        clean(folder, clips);
    }
    Ok(())
}

fn folders(folder: &Path, clips: &[Clip]) -> BTreeSet<PathBuf> {
    let of = |clip: &Clip| folder.join(&clip.stem).parent().map(Path::to_owned);
    clips.iter().filter_map(of).chain([folder.to_owned()]).collect()
}

/// Takes away this program's temporary files.
fn clean(folder: &Path, clips: &[Clip]) {
    for folder in folders(folder, clips) {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().starts_with(sink::TEMP_PREFIX) {
                // What cannot be taken away does no harm either.
                let _ = fs::remove_file(entry.path()).or_else(|_| fs::remove_dir_all(entry.path()));
            }
        }
    }
}
