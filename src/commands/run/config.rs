//! From arguments to a run's configuration: defaults that depend on other flags, and every rule between flags.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use crate::annotate::{Layout, Style};
use crate::cli::{ClipArgs, DataArgs, FusionArgs, ModelArgs, PictureArgs, ProgressMode, RequestArgs, RunArgs};
use crate::commands::run::Window;
use crate::frame::Rate;
use crate::fuse::FuseOptions;
use crate::model::Wish;
use crate::model::card::Flags;
use crate::pipeline::keyframes::{KeyFrames, StaticEvery};
use crate::platform::machine::cores;
use crate::reporting::terminal::say;
use crate::saliency::{MethodChoice, ModelConfig, TargetName};
use crate::sink::image::ImageSink;
use crate::sink::maps::{MapFormat, MapKind};
use crate::source::{self, Input};
use crate::{Error, Result};

/// Everything that `salstream run` needs to know.
#[derive(Debug, Clone)]
pub struct RunConfig {
    /// What to read.
    pub input: Input,
    /// Which part of it.
    pub source: source::Options,
    /// Which classifier, and how.
    pub model: ModelConfig,
    /// On which frames the gradient is computed.
    pub key_frames: KeyFrames,
    /// The piece of it that is worked on, where that is not all.
    pub window: Option<Window>,
    /// How the maps are made; whether the input is a single picture shows when it is opened.
    pub fusion: FuseOptions,
    /// How they are drawn.
    pub style: Style,
    /// The annotated result.
    pub output: PathBuf,
    /// Whether existing results are replaced.
    pub overwrite: bool,
    /// x264's constant rate factor, 0 to 51.
    pub crf: u8,
    /// Whether the sound is kept.
    pub audio: bool,
    /// Where the per-frame records go.
    pub records: Option<PathBuf>,
    /// Where the picture of the whole clip over time goes.
    pub timeline: Option<PathBuf>,
    /// Where the small pictures of the clip's most salient moment go.
    pub glance: Option<PathBuf>,
    /// Where the per-frame maps go.
    pub maps: Option<MapsConfig>,
    /// Whether a clip that is not read to its end leaves nothing.
    pub whole_only: bool,
    /// Whether the records tell the milliseconds of each stage, which differ from run to run.
    pub timed: bool,
    /// How to report.
    pub report: Report,
    /// Threads for OpenCV, at least 1.
    pub threads: usize,
}

/// Which maps to write, and how.
#[derive(Debug, Clone)]
pub struct MapsConfig {
    /// The folder.
    pub folder: PathBuf,
    /// Which of the three.
    pub kind: MapKind,
    /// The files' format.
    pub format: MapFormat,
}

/// How a run reports on stderr.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Report {
    /// A bar, notes and a closing line.
    Bar,
    /// Notes and a closing line.
    Lines,
    /// JSON, an object a line.
    Json,
    /// Errors alone.
    Quiet,
}

impl RunConfig {
    /// Settles what the arguments leave open.
    ///
    /// # Errors
    /// [`Error::Usage`] for flags that contradict each other or the input.
    pub fn new(args: RunArgs) -> Result<Self> {
        let RunArgs {
            input, output, yes, quiet, model, request, method, picture, clip, data, progress, threads, ..
        } = args;
        let input = Input::parse(&input)?;
        let threads = threads.map_or_else(cores, usize::from);
        check_flags(&input, &model, &picture, &clip, &data)?;
        let output = output.map_or_else(|| default_output(&input), Ok)?;
        check_kinds(&input, &output)?;
        let key_frames = key_frames(&model, StaticEvery::Frames(1));
        let fusion = fuse_options(&model, &picture.fusion)?;
        let method = method.of_frames(matches!(input, Input::Image(_)), model.raw)?;
        let mut model = model_config(model, request, method, threads);
        model.several = !matches!(input, Input::Image(_)) && key_frames.are_all() && model.explains_one_run();
        model.wish.batches = model.several;
        Ok(Self {
            source: source::Options {
                start: clip.start,
                duration: clip.duration,
                zero: None,
                rate: Rate { num: clip.fps.unwrap_or(25), den: 1 },
            },
            window: None,
            key_frames,
            fusion,
            model,
            style: Style {
                layout: picture.layout,
                colormap: picture.colormap,
                alpha: picture.alpha,
                label: !picture.no_label,
            },
            output,
            overwrite: yes,
            crf: clip.crf,
            audio: !clip.no_audio,
            records: data.records,
            timeline: data.timeline,
            glance: None,
            maps: data.maps.map(|folder| MapsConfig { folder, kind: data.map, format: data.map_format }),
            whole_only: false,
            timed: true,
            report: Report::new(progress, quiet),
            threads,
            input,
        })
    }

    /// Prints what the user should know, one line each.
    pub fn notes(&self, notes: &[String]) {
        self.report.notes(notes);
    }
}

/// On which frames the flags ask for gradients; `default` where they say nothing.
pub fn key_frames(model: &ModelArgs, default: StaticEvery) -> KeyFrames {
    KeyFrames::new(model.static_every.unwrap_or(default), model.fps_target.into())
}

/// Which classifier the flags ask for, and how it is to be run and explained.
pub fn model_config(model: ModelArgs, request: RequestArgs, method: MethodChoice, threads: usize) -> ModelConfig {
    ModelConfig {
        name: model.model,
        card: Flags { preprocess: model.preprocess, labels: model.labels },
        wish: Wish {
            device: model.device.fixed(),
            precision: model.precision.fixed(),
            threads,
            fallback: model.fallback,
            batches: false,
        },
        several: false,
        remeasure: model.remeasure,
        targets: model.target,
        request: request.into(),
        method,
        channels: model.channels,
        fit: model.fit,
    }
}

/// How the flags ask for maps to be made.
///
/// # Errors
/// [`Error::Usage`] for `--raw`, which is no average, with a share of the average.
pub fn fuse_options(model: &ModelArgs, fusion: &FusionArgs) -> Result<FuseOptions> {
    let FusionArgs { fusion: mode, lookahead } = *fusion;
    let default = FuseOptions { mode, lookahead: lookahead.into(), raw: model.raw, ..FuseOptions::default() };
    match model.smooth {
        Some(_) if model.raw => {
            Err(Error::Usage("--smooth is for the average along the motion; --raw shows none: leave one out".into()))
        }
        Some(smooth) => Ok(FuseOptions { smooth, ..default }),
        None => Ok(default),
    }
}

/// Refuses flags that do not go together, or not with the input.
fn check_flags(
    input: &Input,
    model: &ModelArgs,
    picture: &PictureArgs,
    clip: &ClipArgs,
    data: &DataArgs,
) -> Result<()> {
    if matches!(input, Input::Image(_)) && (data.timeline.is_some() || picture.layout == Layout::Timeline) {
        return Err(Error::Usage("a timeline is for clips; an image has no time".into()));
    }
    if clip.fps.is_some() && !matches!(input, Input::Folder(_) | Input::Pattern(_)) {
        return Err(Error::Usage("--fps is for a folder or pattern of images; a video has its own rate".into()));
    }
    if model.target.len() > 1 && picture.layout != Layout::Grid {
        return Err(Error::Usage("several --target are for --layout grid, which shows a map of each".into()));
    }
    if model.target.contains(&TargetName::Frequent) && matches!(input, Input::Url(_)) {
        return Err(Error::Usage("--target frequent reads a clip twice; take --target locked for a stream".into()));
    }
    Ok(())
}

impl Report {
    /// What `--progress` and `--quiet` ask for.
    pub fn new(progress: ProgressMode, quiet: bool) -> Self {
        match progress {
            _ if quiet => Self::Quiet,
            ProgressMode::Json => Self::Json,
            ProgressMode::Auto if std::io::stderr().is_terminal() => Self::Bar,
            ProgressMode::Auto | ProgressMode::None => Self::Lines,
        }
    }

    /// Prints what the user should know, one line each.
    pub fn notes(self, notes: &[String]) {
        match self {
            Self::Quiet => {}
            Self::Json => {
                notes.iter().for_each(|text| say(&serde_json::json!({ "event": "note", "text": text }).to_string()));
            }
            Self::Bar | Self::Lines => notes.iter().for_each(|text| say(&format!("note: {text}"))),
        }
    }
}

/// `NAME-saliency.mp4` (`.png` for an image) in the current folder.
fn default_output(input: &Input) -> Result<PathBuf> {
    let named = |path: &Path, extension: &str| {
        let stem = path.file_stem().filter(|stem| !stem.is_empty()).map(|stem| stem.to_string_lossy().into_owned());
        let stem = stem.unwrap_or_else(|| "frames".into());
        PathBuf::from(format!("{stem}-saliency.{extension}"))
    };
    match input {
        Input::Video(path) => Ok(named(path, "mp4")),
        Input::Folder(path) => Ok(named(&path.canonicalize().unwrap_or_else(|_| path.clone()), "mp4")),
        Input::Image(path) => Ok(named(path, "png")),
        Input::Pattern(_) => Ok("frames-saliency.mp4".into()),
        Input::Url(_) => Err(Error::Usage("name the result of a stream by -o FILE".into())),
    }
}

/// An image becomes an image and everything else a video.
fn check_kinds(input: &Input, output: &Path) -> Result<()> {
    let to_image = ImageSink::accepts(output);
    match input {
        Input::Image(_) if !to_image => {
            Err(Error::Usage(format!("{}: an image becomes an image; end -o in .png or .jpg", output.display())))
        }
        Input::Video(_) | Input::Url(_) | Input::Folder(_) | Input::Pattern(_) if to_image => {
            Err(Error::Usage(format!("{}: a clip becomes a video; end -o in .mp4 or .mkv", output.display())))
        }
        _ => Ok(()),
    }
}
