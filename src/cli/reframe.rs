//! `salstream reframe`: its flags, and their conversion to a configuration.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, value_parser};

use super::SettingsArgs;
use super::choice::choice;
use super::classifier::ClassifierArgs;
use super::clip::ClipArgs;
use super::method::{MethodArgs, RequestArgs};
use super::picture::FusionArgs;
use super::progress::ProgressMode;
use super::run::{check_kinds, default_output};
use super::values::{safe_area, zoom};
use crate::choice::Choice;
use crate::commands::reframe::config::{Border, ReframeConfig};
use crate::pipeline::keyframes::StaticEvery;
use crate::platform::machine::cores;
use crate::platform::paths;
use crate::reframe::Aspect;
use crate::sink::container::Container;
use crate::source::Input;
use crate::{Error, Result};

#[derive(Debug, Args)]
pub struct ReframeArgs {
    /// Video file, image, folder of frames or numbered pattern (frame_%04d.png); it is read twice
    pub input: OsString,
    /// Shape of the result: 9:16, 1:1, 4:5, or any WIDTH:HEIGHT
    #[arg(long, value_name = "W:H", default_value = "9:16")]
    pub aspect: Aspect,
    /// Result: a video, numbered images (%04d.png) or an image, as for `salstream run` [default: NAME-9x16.mp4 or .png
    /// in the current folder, by the aspect]
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

    /// Make the window smaller by this factor, from 1 to 8, so that it can move in both directions
    #[arg(long, value_name = "N", default_value_t = 1.0, value_parser = zoom, help_heading = "Window")]
    pub zoom: f64,
    /// Show shots whose salient parts do not fit into the window whole, with a border: blur, black, white, grey or
    /// #RRGGBB
    #[arg(long, value_name = "BORDER", help_heading = "Window")]
    pub pad: Option<Border>,
    /// Keep the salient object out of this share of the window's height, at the bottom, where captions are
    #[arg(long, value_name = "0..0.5", default_value_t = 0.0, value_parser = safe_area, help_heading = "Window")]
    pub safe_area: f64,
    /// Scale the result to this height in pixels, such as 1920 [default: that of the window]
    #[arg(long, value_name = "N", value_parser = value_parser!(u16).range(16..=8192), help_heading = "Window")]
    pub height: Option<u16>,
    /// Draw the window over the whole picture instead of cropping
    #[arg(long, conflicts_with = "height", help_heading = "Window")]
    pub show: bool,
    /// Write the path to this JSON file: time, x, y, w and h for each frame
    #[arg(long, value_name = "FILE", help_heading = "Data")]
    pub path: Option<PathBuf>,
    /// Write the path to this file as commands for FFmpeg's filters sendcmd and crop; its first line shows how to use it
    #[arg(long, value_name = "FILE", help_heading = "Data")]
    pub ffmpeg: Option<PathBuf>,

    #[command(flatten)]
    pub model: ClassifierArgs,
    #[command(flatten)]
    pub request: RequestArgs,
    #[command(flatten)]
    pub method: MethodArgs,
    #[command(flatten)]
    pub fusion: FusionArgs,
    #[command(flatten)]
    pub clip: ClipArgs,

    /// How to report progress on stderr
    #[arg(long, value_parser = choice::<ProgressMode>(), default_value = ProgressMode::Auto.name(), help_heading = "Running")]
    pub progress: ProgressMode,
    /// Number of threads for the classifier; OpenCV uses the same number again [default: one per core]
    #[arg(long, value_name = "N", value_parser = value_parser!(u16).range(1..=256), help_heading = "Running")]
    pub threads: Option<u16>,
    #[command(flatten)]
    pub settings: SettingsArgs,
}

impl TryFrom<ReframeArgs> for ReframeConfig {
    type Error = Error;

    /// Sets the values that the arguments leave open.
    ///
    /// # Errors
    /// [`Error::Usage`] if flags contradict each other or the input.
    fn try_from(args: ReframeArgs) -> Result<Self> {
        let input = Input::parse(&args.input)?;
        check_flags(&input, &args)?;
        let suffix = args.aspect.to_string().replace(':', "x");
        let output = args.output.map_or_else(|| default_output(&input, &suffix), Ok)?;
        check_kinds(&input, &output)?;
        check_names(&output, [args.path.as_ref(), args.ffmpeg.as_ref()])?;
        let is_image = matches!(input, Input::Image(_));
        let threads = args.threads.map_or_else(cores, usize::from);
        let key_frames = args.model.key_frames(StaticEvery::Frames(1));
        let fusion = args.model.fuse_options(&args.fusion)?;
        let method = args.method.of_frames(is_image, args.model.raw)?;
        let mut model = args.model.config(args.request, method, threads);
        model.several = !is_image && key_frames.are_all() && model.explains_one_run();
        model.classifier.execution.batches = model.several;
        Ok(Self {
            source: args.clip.source(),
            model,
            key_frames,
            fusion,
            aspect: args.aspect,
            zoom: args.zoom,
            safe_area: args.safe_area,
            pad: args.pad,
            height: args.height.map(|height| i32::from(height) & !1),
            show: args.show,
            output,
            format: args.format,
            overwrite: args.yes,
            crf: args.clip.crf,
            keep: args.clip.kept(),
            path: args.path,
            ffmpeg: args.ffmpeg,
            report: args.progress.report(args.quiet),
            threads,
            input,
        })
    }
}

/// Refuses flags that do not fit together, or do not fit the input.
fn check_flags(input: &Input, args: &ReframeArgs) -> Result<()> {
    if matches!(input, Input::Url(_) | Input::Pipe(_)) {
        return Err(Error::Usage("reframe reads a clip twice: save the stream to a file first".into()));
    }
    if args.clip.fps.is_some() && !matches!(input, Input::Folder(_) | Input::Pattern(_)) {
        return Err(Error::Usage("--fps is for a folder or pattern of images only: a video has its own rate".into()));
    }
    if args.model.target.len() > 1 {
        return Err(Error::Usage("several --target: reframe follows one map; name one class".into()));
    }
    Ok(())
}

/// Refuses the same name for two outputs, and standard output for data.
fn check_names(output: &PathBuf, data: [Option<&PathBuf>; 2]) -> Result<()> {
    let mut names = vec![output];
    for name in data.into_iter().flatten() {
        if paths::is_stdout(name) {
            return Err(Error::Usage("--path and --ffmpeg need a file name, not -".into()));
        }
        if names.contains(&name) {
            let name = name.display();
            return Err(Error::Usage(format!("{name}: two outputs have this name: choose another one")));
        }
        names.push(name);
    }
    Ok(())
}
