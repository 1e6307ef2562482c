//! `salstream eval`: measures the quality of saliency maps with the established measures.
//!
//! One pass over the data set makes this program's maps, and hands them to scoring frame by frame; other methods' maps
//! are read from files. Only the figures of frames and the mean curves of sequences are kept, so memory use does not
//! grow with the size of the frames. The figure of a data set is the mean over its sequences, and that of a sequence
//! the mean over its frames.

mod columns;
pub mod config;
pub mod dataset;
pub mod extremes;
mod kept_maps;
pub mod measure;
pub mod metric;
mod png;
pub mod predict;
mod raster;
pub mod reframe;
pub mod report;
pub mod score;
mod scorers;
pub mod statistics;
pub mod summary;

use std::sync::atomic::{AtomicBool, Ordering};

use opencv::core::set_num_threads;

use self::config::EvalConfig;
use self::dataset::Dataset;
use self::extremes::{ExtremeFrame, ExtremeFrames};
use self::kept_maps::KeptMaps;
use self::measure::MeasureKind;
use self::metric::mask::Protocol;
use self::predict::{MapFiles, MapGenerator};
use self::report::Evaluation;
use self::score::{ScoredFrame, Scorer};
use self::scorers::Scorers;
use self::summary::FrameTally;
use crate::choice::Choice;
use crate::reporting::progress::FrameProgress;
use crate::saliency::StaticSaliency;
use crate::{Error, Result};

/// Scores the maps that `config` asks for; `None` if `stop` ended it early.
///
/// # Errors
/// The root cause of the first failure.
pub fn evaluate(config: &EvalConfig, stop: &AtomicBool) -> Result<Option<Evaluation>> {
    set_num_threads(config.threads as i32)?;
    let dataset = Dataset::open(&config.root, config.truth.as_deref(), &config.choice)?;
    let counting = counting(&dataset, config.protocol)?;
    let files = config.predictions.iter().map(|named| MapFiles::find(named, &dataset)).collect::<Result<Vec<_>>>()?;
    let own: Vec<String> = config.maker.maps.iter().map(|map| map.name().to_owned()).collect();
    let kept = config.keep.as_ref().map(|folder| KeptMaps::create(folder)).transpose()?;
    let needed = config.maker.maps.iter().any(|map| map.needs_classifier());
    let mut model = config.model.clone();
    // A single picture has no other frames over which samples could be spread.
    model.method.spread &= !dataset.is_stills();
    let classifier = needed.then(|| StaticSaliency::open(&model)).transpose()?;
    let classifier_name = classifier.as_ref().map(|classifier| classifier.name().to_owned());
    classifier.iter().for_each(|classifier| config.report.notes(classifier.notes()));
    let scorer = Scorer {
        dataset: &dataset,
        files: &files,
        threshold: config.threshold,
        scale: config.scale,
        keep: kept.as_ref().map(|kept| own.iter().map(|map| kept.place(map)).collect()),
    };
    let names: Vec<String> = own.into_iter().chain(files.iter().map(|files| files.name.clone())).collect();
    let maker = MapGenerator::new(config.maker.clone(), classifier);
    let (tallies, extremes) = score(config, maker, &scorer, &counting, names.len(), stop)?;
    if stop.load(Ordering::Relaxed) {
        return Ok(None);
    }
    files.iter().for_each(|files| config.report.notes(&files.notes()));
    kept.map_or(Ok(()), KeptMaps::finish)?;
    let kind = if dataset.others.is_some() { MeasureKind::Fixations } else { MeasureKind::Mask };
    let methods = names.into_iter().zip(tallies).map(|(name, tally)| tally.figures(name, kind)).collect();
    Ok(Some(Evaluation { kind, dataset, methods, classifier: classifier_name, extremes }))
}

/// Scores every frame of all `methods`.
fn score(
    config: &EvalConfig,
    maker: MapGenerator,
    scorer: &Scorer,
    counting: &[Vec<bool>],
    methods: usize,
    stop: &AtomicBool,
) -> Result<(Vec<FrameTally>, ExtremeFrames)> {
    let lengths: Vec<usize> = counting.iter().map(Vec::len).collect();
    let mut tallies: Vec<FrameTally> = (0..methods).map(|_| FrameTally::new(&lengths)).collect();
    let mut extremes = ExtremeFrames::default();
    let progress = FrameProgress::new(config.report, Some(lengths.iter().sum::<usize>() as u64));
    let result = std::thread::scope(|scope| {
        let mut scorers = Scorers::start(scope, maker, scorer, counting, config.threads, stop)?;
        while let Some(ScoredFrame { sequence, frame, methods, map, timing }) = scorers.next()? {
            progress.frame(&timing);
            // The motion of a clip's first frame is not known, so it would always be the worst.
            let telling = frame > 0 || lengths[sequence] == 1;
            if let Some(value) = methods.first().and_then(|method| method.figures[0]).filter(|_| telling) {
                extremes.add(&ExtremeFrame { value, sequence, frame, map });
            }
            tallies.iter_mut().zip(&methods).for_each(|(tally, method)| tally.add(sequence, frame, method));
        }
        Ok(())
    });
    progress.clear();
    result.map(|()| (tallies, extremes))
}

/// Which frames of each sequence count.
fn counting(dataset: &Dataset, protocol: Protocol) -> Result<Vec<Vec<bool>>> {
    let of = |sequence: &dataset::Sequence| {
        let places: Vec<usize> = (0..sequence.frames.len()).collect();
        let counted = protocol.scored(&places);
        if counted.is_empty() {
            let (name, frames) = (&sequence.name, places.len());
            return Err(Error::Usage(format!("--skip-ends leaves none of the {frames} frames of {name}")));
        }
        Ok(places.iter().map(|place| counted.contains(place)).collect())
    };
    dataset.sequences.iter().map(of).collect()
}
