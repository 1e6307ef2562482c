//! `salstream run`: its flags, and their conversion to a configuration.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::{Args, value_parser};

use super::SettingsArgs;
use super::choice::choice;
use super::classifier::ClassifierArgs;
use super::clip::{ClipArgs, DataArgs};
use super::method::{MethodArgs, RequestArgs};
use super::picture::PictureArgs;
use super::progress::ProgressMode;
use crate::annotate::Layout;
use crate::choice::Choice;
use crate::commands::run::config::RunConfig;
use crate::pipeline::keyframes::StaticEvery;
use crate::platform::machine::cores;
use crate::saliency::TargetName;
use crate::sink::container::Container;
use crate::sink::result::ResultKind;
use crate::source::Input;
use crate::{Error, Result};

#[derive(Debug, Args)]
pub struct RunArgs {
    /// Video file, image, folder of frames, numbered pattern (frame_%04d.png), URL, named pipe, or - for standard input
    pub input: OsString,
    /// Result: .mp4, .m4v, .mov, .mkv, .webm, .ts, .y4m or .gif for a video, %04d.png for numbered images, - for
    /// standard output, .png or .jpg for an image [default: NAME-saliency.mp4 or .png in the current folder]
    #[arg(short, long, value_name = "OUT")]
    pub output: Option<PathBuf>,
    /// Format of the video [default: by the name's extension; for standard output matroska]
    #[arg(long, value_parser = choice::<Container>())]
    pub format: Option<Container>,
    /// Overwrite existing files
    #[arg(short = 'y', long)]
    pub yes: bool,
    /// Print errors only
    #[arg(short, long)]
    pub quiet: bool,

    #[command(flatten)]
    pub model: ClassifierArgs,
    #[command(flatten)]
    pub request: RequestArgs,
    #[command(flatten)]
    pub method: MethodArgs,
    #[command(flatten)]
    pub picture: PictureArgs,
    #[command(flatten)]
    pub clip: ClipArgs,
    #[command(flatten)]
    pub data: DataArgs,

    /// How to report progress on stderr
    #[arg(long, value_parser = choice::<ProgressMode>(), default_value = ProgressMode::Auto.name(), help_heading = "Running")]
    pub progress: ProgressMode,
    /// Number of threads for the classifier; OpenCV uses the same number again [default: one per core]
    #[arg(long, value_name = "N", value_parser = value_parser!(u16).range(1..=256), help_heading = "Running")]
    pub threads: Option<u16>,
    #[command(flatten)]
    pub settings: SettingsArgs,
}

impl TryFrom<RunArgs> for RunConfig {
    type Error = Error;

    /// Sets the values that the arguments leave open.
    ///
    /// # Errors
    /// [`Error::Usage`] if flags contradict each other or the input.
    fn try_from(args: RunArgs) -> Result<Self> {
        let RunArgs {
            input,
            output,
            format,
            yes,
            quiet,
            model,
            request,
            method,
            picture,
            clip,
            data,
            progress,
            threads,
            ..
        } = args;
        let input = Input::parse(&input)?;
        let threads = threads.map_or_else(cores, usize::from);
        check_flags(&input, &model, &picture, &clip, &data)?;
        let output = output.map_or_else(|| default_output(&input, "saliency"), Ok)?;
        check_kinds(&input, &output)?;
        let maps = data.maps()?;
        let key_frames = model.key_frames(StaticEvery::Frames(1));
        let fusion = model.fuse_options(&picture.fusion)?;
        let method = method.of_frames(matches!(input, Input::Image(_)), model.raw)?;
        let mut model = model.config(request, method, threads);
        model.several = !matches!(input, Input::Image(_)) && key_frames.are_all() && model.explains_one_run();
        model.classifier.execution.batches = model.several;
        Ok(Self {
            source: clip.source(),
            window: None,
            key_frames,
            fusion,
            model,
            style: picture.style(),
            output,
            format,
            overwrite: yes,
            crf: clip.crf,
            keep: clip.kept(),
            records: data.records,
            timeline: data.timeline,
            preview: None,
            maps,
            discard_interrupted: false,
            timed: true,
            report: progress.report(quiet),
            threads,
            input,
        })
    }
}

/// Refuses flags that do not fit together, or do not fit the input.
fn check_flags(
    input: &Input,
    model: &ClassifierArgs,
    picture: &PictureArgs,
    clip: &ClipArgs,
    data: &DataArgs,
) -> Result<()> {
    if matches!(input, Input::Image(_)) && (data.timeline.is_some() || picture.layout == Layout::Timeline) {
        return Err(Error::Usage("a timeline is for clips only: an image has no time".into()));
    }
    if clip.fps.is_some() && !matches!(input, Input::Folder(_) | Input::Pattern(_)) {
        return Err(Error::Usage("--fps is for a folder or pattern of images only: a video has its own rate".into()));
    }
    if model.target.len() > 1 && picture.layout != Layout::Grid {
        return Err(Error::Usage("several --target need --layout grid, which shows one map per class".into()));
    }
    if model.target.contains(&TargetName::Frequent) && matches!(input, Input::Url(_) | Input::Pipe(_)) {
        return Err(Error::Usage("--target frequent reads a clip twice: use --target locked for a stream".into()));
    }
    Ok(())
}

/// `NAME-SUFFIX.mp4` (`.png` for an image) in the current folder.
pub(super) fn default_output(input: &Input, suffix: &str) -> Result<PathBuf> {
    let named = |path: &Path, extension: &str| {
        let stem = path.file_stem().filter(|stem| !stem.is_empty()).map(|stem| stem.to_string_lossy().into_owned());
        let stem = stem.unwrap_or_else(|| "frames".into());
        PathBuf::from(format!("{stem}-{suffix}.{extension}"))
    };
    match input {
        Input::Video(path) => Ok(named(path, "mp4")),
        Input::Folder(path) => Ok(named(&path.canonicalize().unwrap_or_else(|_| path.clone()), "mp4")),
        Input::Image(path) => Ok(named(path, "png")),
        Input::Pattern(_) => Ok(format!("frames-{suffix}.mp4").into()),
        Input::Url(_) | Input::Pipe(_) => {
            Err(Error::Usage("the result of a stream has no default name: add -o FILE".into()))
        }
    }
}

/// Checks that an image becomes an image, and everything else a video or numbered images.
pub(super) fn check_kinds(input: &Input, output: &Path) -> Result<()> {
    let name = output.display();
    match (input, ResultKind::of(output)) {
        (Input::Image(_), ResultKind::Image) => Ok(()),
        (Input::Image(_), _) => Err(Error::Usage(format!("{name}: an image becomes an image; end -o in .png or .jpg"))),
        (_, ResultKind::Image) => {
            let problem = "a clip becomes a video or numbered images; end -o in .mp4 or .mkv, or in %04d.png";
            Err(Error::Usage(format!("{name}: {problem}")))
        }
        _ => Ok(()),
    }
}
