//! `salstream eval`: its flags, and their conversion to a configuration.

use std::path::{Path, PathBuf};

use clap::{Args, value_parser};

use super::choice::choice;
use super::classifier::ClassifierArgs;
use super::method::{MethodArgs, RequestArgs};
use super::picture::FusionArgs;
use super::progress::ProgressMode;
use crate::choice::Choice;
use crate::commands::eval::config::EvalConfig;
use crate::commands::eval::dataset;
use crate::commands::eval::metric::mask::{Protocol, Scale};
use crate::commands::eval::predict::{MapGeneratorConfig, Named, OwnMap};
use crate::frame::Rate;
use crate::pipeline::keyframes::StaticEvery;
use crate::platform::machine::cores;
use crate::reframe::Aspect;
use crate::{Error, Result, sink};

#[derive(Debug, Args)]
pub struct EvalArgs {
    /// Folder of a data set: DAVIS, MIT1003, SALICON or DHF1K in its original layout, or frames with --truth
    pub dataset: PathBuf,
    /// Folder of masks: one per frame, with the same name, in a sub-folder per sequence if DATASET has such folders
    ///
    /// Masks are PNG files with the values 0 and 255, or 0 and 1, or with palette indices (every index except 0 is an
    /// object).
    #[arg(long, value_name = "DIR")]
    pub truth: Option<PathBuf>,
    /// Maps of this program to score; the first one is compared with all other methods
    #[arg(
        long,
        value_parser = choice::<OwnMap>(),
        value_name = "MAP,..",
        value_delimiter = ',',
        default_value = "fused,static,motion,flow,centre,uniform"
    )]
    pub score: Vec<OwnMap>,
    /// Weight this program's maps p by the centre prior c, as c (1 + p) / 2
    ///
    /// This is meant for fixations, which cluster in the middle of photographs, whatever they show. The result is the
    /// mean of the prior alone and its product with the map, so a map value of 0 does not exclude a pixel. Baselines
    /// are not changed.
    #[arg(long)]
    pub centre_prior: bool,
    /// Maps of another method to score: DIR/SEQUENCE/FRAME.png (8 or 16 bits) or .npy (0 to 1)
    #[arg(long, value_name = "NAME=DIR")]
    pub pred: Vec<Named>,
    /// Use only this sequence; can be repeated
    #[arg(long, value_name = "NAME")]
    pub sequence: Vec<String>,
    /// Use only the sequences in this list: a file, or the name of a list in the data set's ImageSets, such as val
    #[arg(long, value_name = "FILE")]
    pub list: Option<PathBuf>,
    /// Map value from which a pixel counts as part of the object
    #[arg(long, value_name = "0..1", default_value_t = 0.55, value_parser = threshold)]
    pub threshold: f64,
    /// Leave out the first and the last frame of each sequence, as the DAVIS benchmark does
    #[arg(long)]
    pub skip_ends: bool,
    /// Stretch each map to 0..1 before the saliency measures (MAE and those after it), as PySODMetrics does
    #[arg(long)]
    pub stretch: bool,
    /// Score the windows of `salstream reframe` with this aspect, such as 9:16, instead of maps
    ///
    /// The table says how much of the object is in the window, beside the window in the middle and the best window of
    /// each frame, and how the window moves. The first map of --score is followed.
    #[arg(
        long,
        value_name = "W:H",
        conflicts_with_all = ["pred", "threshold", "skip_ends", "stretch", "csv", "html", "keep_maps"]
    )]
    pub reframe: Option<Aspect>,
    /// Overwrite existing files
    #[arg(short = 'y', long)]
    pub yes: bool,
    /// Print the result and errors only
    #[arg(short, long)]
    pub quiet: bool,

    /// Write all figures, including those of each frame, to this JSON file
    #[arg(long, value_name = "FILE", help_heading = "Data")]
    pub json: Option<PathBuf>,
    /// Write one row per figure (method, sequence, frame, measure, value) to this CSV file
    #[arg(long, value_name = "FILE", help_heading = "Data")]
    pub csv: Option<PathBuf>,
    /// Write a self-contained web page with curves, sequences, and the best and worst frames
    #[arg(long, value_name = "FILE", help_heading = "Data")]
    pub html: Option<PathBuf>,
    /// Keep this program's maps as DIR/MAP/SEQUENCE/FRAME.png (16 bits), which --pred can read again
    #[arg(long, value_name = "DIR", help_heading = "Data")]
    pub keep_maps: Option<PathBuf>,

    #[command(flatten)]
    pub model: ClassifierArgs,
    #[command(flatten)]
    pub request: RequestArgs,
    #[command(flatten)]
    pub method: MethodArgs,
    #[command(flatten)]
    pub fusion: FusionArgs,
    /// Frames per second of the sequences
    #[arg(long, value_name = "N", default_value_t = 24, value_parser = value_parser!(u32).range(1..=1000), help_heading = "Clip")]
    pub fps: u32,

    /// How to report progress on stderr
    #[arg(long, value_parser = choice::<ProgressMode>(), default_value = ProgressMode::Auto.name(), help_heading = "Running")]
    pub progress: ProgressMode,
    /// Number of threads for the classifier; OpenCV and scoring each use the same number again [default: one per core]
    #[arg(long, value_name = "N", value_parser = value_parser!(u16).range(1..=256), help_heading = "Running")]
    pub threads: Option<u16>,
}

impl TryFrom<EvalArgs> for EvalConfig {
    type Error = Error;

    /// Sets the values that the arguments leave open.
    ///
    /// # Errors
    /// [`Error::Usage`] if flags contradict each other, or if results cannot or must not be written.
    fn try_from(args: EvalArgs) -> Result<Self> {
        let maps = maps(&args.score, &args.pred)?;
        if args.model.target.len() > 1 {
            return Err(Error::Usage("several --target: eval scores one map per method; name one class".into()));
        }
        for file in [&args.json, &args.csv, &args.html].into_iter().flatten() {
            sink::check(file, None, args.yes)?;
        }
        if let Some(folder) = &args.keep_maps {
            check_keep(folder, &maps, args.yes)?;
        }
        let threads = args.threads.map_or_else(cores, usize::from);
        let method = args.method.of_frames(false, args.model.raw)?;
        Ok(Self {
            maker: MapGeneratorConfig {
                maps,
                fusion: args.model.fuse_options(&args.fusion)?,
                centre_prior: args.centre_prior,
                key_frames: args.model.key_frames(StaticEvery::Frames(1)),
                rate: Rate { num: args.fps, den: 1 },
            },
            model: args.model.config(args.request, method, threads),
            root: args.dataset,
            truth: args.truth,
            choice: dataset::DatasetSelection { sequences: args.sequence, list: args.list },
            predictions: args.pred,
            reframe: args.reframe,
            threshold: args.threshold,
            protocol: if args.skip_ends { Protocol::Inner } else { Protocol::All },
            scale: if args.stretch { Scale::MinMax } else { Scale::AsIs },
            json: args.json,
            csv: args.csv,
            html: args.html,
            keep: args.keep_maps,
            overwrite: args.yes,
            report: args.progress.report(args.quiet),
            threads,
        })
    }
}

/// The maps to make: the requested ones, without `none`.
fn maps(score: &[OwnMap], predictions: &[Named]) -> Result<Vec<OwnMap>> {
    let maps: Vec<OwnMap> = score.iter().copied().filter(|map| *map != OwnMap::None).collect();
    if maps.len() < score.len() && score.len() > 1 {
        return Err(Error::Usage("--score none cannot be combined with other maps: remove one of them".into()));
    }
    let names: Vec<String> = maps
        .iter()
        .map(|map| map.name().to_owned())
        .chain(predictions.iter().map(|named| named.name.clone()))
        .collect();
    if names.is_empty() {
        return Err(Error::Usage("nothing to score: name maps with --score or --pred".into()));
    }
    match names.iter().enumerate().find(|(index, name)| names[..*index].contains(name)) {
        Some((_, name)) => Err(Error::Usage(format!("two methods are called {name}: give each its own name"))),
        None => Ok(maps),
    }
}

fn check_keep(folder: &Path, maps: &[OwnMap], overwrite: bool) -> Result<()> {
    if maps.is_empty() {
        return Err(Error::Usage("--keep-maps keeps this program's maps: name some with --score".into()));
    }
    if overwrite {
        return Ok(());
    }
    match maps.iter().map(|map| folder.join(map.name())).find(|place| place.exists()) {
        Some(place) => {
            Err(Error::Usage(format!("{}: already exists: add -y or choose another folder", place.display())))
        }
        None => Ok(()),
    }
}

fn threshold(text: &str) -> Result<f64, String> {
    text.parse().ok().filter(|value| (0.0..=1.0).contains(value)).ok_or_else(|| "must be from 0 to 1".into())
}
