//! From arguments to an evaluation's configuration.

use std::path::{Path, PathBuf};

use super::dataset::Choice;
use super::metric::mask::{Protocol, Scale};
use super::predict::{MakerConfig, Named, OwnMap};
use crate::cli::EvalArgs;
use crate::commands::run::config::{Report, fuse_options, key_frames, model_config};
use crate::frame::Rate;
use crate::pipeline::keyframes::StaticEvery;
use crate::platform::machine::cores;
use crate::saliency::ModelConfig;
use crate::{Error, Result, sink};

/// Everything that `salstream eval` needs to know.
#[derive(Debug, Clone)]
pub struct EvalConfig {
    /// The data set's folder.
    pub root: PathBuf,
    /// The folder of masks, where the data set has none of its own.
    pub truth: Option<PathBuf>,
    /// Which part of the data set to take.
    pub choice: Choice,
    /// Which maps to make, and how.
    pub maker: MakerConfig,
    /// Other methods' maps.
    pub predictions: Vec<Named>,
    /// Which classifier, and how.
    pub model: ModelConfig,
    /// The fixed threshold, 0..=1.
    pub threshold: f64,
    /// Which frames count.
    pub protocol: Protocol,
    /// What is done to maps before saliency is measured.
    pub scale: Scale,
    /// Where the figures go, besides standard output.
    pub json: Option<PathBuf>,
    /// The same as a table.
    pub csv: Option<PathBuf>,
    /// The same as a page to look at.
    pub html: Option<PathBuf>,
    /// Where this program's maps are kept.
    pub keep: Option<PathBuf>,
    /// Whether existing results are replaced.
    pub overwrite: bool,
    /// How to report.
    pub report: Report,
    /// Threads for OpenCV, and as many for scoring; at least 1.
    pub threads: usize,
}

impl EvalConfig {
    /// Settles what the arguments leave open.
    ///
    /// # Errors
    /// [`Error::Usage`] for flags that contradict each other, and results that cannot or must not be written.
    pub fn new(args: EvalArgs) -> Result<Self> {
        let maps = maps(&args.score, &args.pred)?;
        if args.model.target.len() > 1 {
            return Err(Error::Usage("several --target: eval scores one map a method; name one class".into()));
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
            maker: MakerConfig {
                maps,
                fusion: fuse_options(&args.model, &args.fusion)?,
                centre_prior: args.centre_prior,
                key_frames: key_frames(&args.model, StaticEvery::Frames(1)),
                rate: Rate { num: args.fps, den: 1 },
            },
            model: model_config(args.model, args.request, method, threads),
            root: args.dataset,
            truth: args.truth,
            choice: Choice { sequences: args.sequence, list: args.list },
            predictions: args.pred,
            threshold: args.threshold,
            protocol: if args.skip_ends { Protocol::Inner } else { Protocol::All },
            scale: if args.stretch { Scale::MinMax } else { Scale::AsIs },
            json: args.json,
            csv: args.csv,
            html: args.html,
            keep: args.keep_maps,
            overwrite: args.yes,
            report: Report::new(args.progress, args.quiet),
            threads,
        })
    }
}

/// The maps to make: those asked for, without `none`.
fn maps(score: &[OwnMap], predictions: &[Named]) -> Result<Vec<OwnMap>> {
    let maps: Vec<OwnMap> = score.iter().copied().filter(|map| *map != OwnMap::None).collect();
    if maps.len() < score.len() && score.len() > 1 {
        return Err(Error::Usage("--score none does not go with other maps".into()));
    }
    let names: Vec<String> =
        maps.iter().map(|map| map.name()).chain(predictions.iter().map(|named| named.name.clone())).collect();
    if names.is_empty() {
        return Err(Error::Usage("nothing to score: name maps by --score or --pred".into()));
    }
    match names.iter().enumerate().find(|(index, name)| names[..*index].contains(name)) {
        Some((_, name)) => Err(Error::Usage(format!("two methods are called {name}: name each once"))),
        None => Ok(maps),
    }
}

fn check_keep(folder: &Path, maps: &[OwnMap], overwrite: bool) -> Result<()> {
    if maps.is_empty() {
        return Err(Error::Usage("--keep-maps keeps this program's maps: name some by --score".into()));
    }
    if overwrite {
        return Ok(());
    }
    match maps.iter().map(|map| folder.join(map.name())).find(|place| place.exists()) {
        Some(place) => {
            Err(Error::Usage(format!("{}: exists already: add -y or choose another folder", place.display())))
        }
        None => Ok(()),
    }
}
