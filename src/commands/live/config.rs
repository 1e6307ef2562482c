//! From arguments to a live session's configuration.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::desk::Settings;
use super::feed::{Camera, LiveInput};
use super::window::Window;
use crate::cli::LiveArgs;
use crate::commands::run::config::{fuse_options, key_frames, model_config};
use crate::fuse::FuseOptions;
use crate::pipeline::keyframes::{KeyFrames, StaticEvery};
use crate::platform::ffmpeg::is_url;
use crate::platform::machine::cores;
use crate::saliency::{ModelConfig, TargetName};
use crate::sink::recording::Recording;
use crate::source::Input;
use crate::{Error, Result};

/// Everything that `salstream live` needs to know.
#[derive(Debug, Clone)]
pub struct LiveConfig {
    /// What to watch.
    pub input: LiveInput,
    /// How long a lost source may stay away.
    pub give_up: Option<Duration>,
    /// Which classifier, and how.
    pub model: ModelConfig,
    /// On which frames the gradient is computed, at most: live, the newest of them.
    pub key_frames: KeyFrames,
    /// How the maps are made.
    pub fusion: FuseOptions,
    /// What may be changed later.
    pub settings: Settings,
    /// Whether there is a window.
    pub window: bool,
    /// Where the page is served.
    pub serve: Option<SocketAddr>,
    /// What is recorded from the start.
    pub recording: RecordingConfig,
    /// When to end.
    pub duration: Option<Duration>,
    /// Whether nothing but errors is printed.
    pub quiet: bool,
    /// Threads for OpenCV, at least 1.
    pub threads: usize,
}

/// How to record.
#[derive(Debug, Clone)]
pub struct RecordingConfig {
    /// The file; where there is none, a recording on request gets a name in the current folder.
    pub output: Option<PathBuf>,
    /// Seconds after which a new file begins.
    pub segment: Option<f64>,
    /// Whether existing files are replaced.
    pub overwrite: bool,
    /// x264's constant rate factor.
    pub crf: u8,
}

impl LiveConfig {
    /// Settles what the arguments leave open.
    ///
    /// # Errors
    /// [`Error::Usage`] for flags that contradict each other, or where the result would be seen by nobody.
    pub fn new(args: LiveArgs) -> Result<Self> {
        let input = input(&args)?;
        let window = args.window || args.serve.is_none() && args.output.is_none();
        if window && !Window::is_possible() {
            return Err(Error::Usage(
                "there is no display for a window: take --serve and open its address, or -o".into(),
            ));
        }
        if let Some(output) = &args.output {
            Recording::check(output, args.yes || args.segment.is_some())?;
        }
        let [target] = &args.model.target[..] else {
            return Err(Error::Usage("several --target are for `salstream run`; live explains one at a time".into()));
        };
        if *target == TargetName::Frequent {
            return Err(Error::Usage("--target frequent reads a clip twice; take --target locked for live".into()));
        }
        let threads = args.threads.map_or_else(cores, usize::from);
        let settings = Settings {
            fusion: args.picture.fusion.fusion,
            layout: args.picture.layout,
            colormap: args.picture.colormap,
            alpha: args.picture.alpha,
            label: !args.picture.no_label,
            target: target.clone(),
            paused: false,
        };
        let method = args.method.of_frames(false, args.model.raw)?;
        let fusion = FuseOptions { lookahead: 0, ..fuse_options(&args.model, &args.picture.fusion)? };
        Ok(Self {
            input,
            give_up: args.give_up.map(Duration::from_secs_f64),
            key_frames: key_frames(&args.model, StaticEvery::Auto),
            fusion,
            model: model_config(args.model, args.request, method, threads),
            settings,
            window,
            serve: args.serve,
            recording: RecordingConfig {
                output: args.output,
                segment: args.segment,
                overwrite: args.yes,
                crf: args.crf,
            },
            duration: args.duration.map(Duration::from_secs_f64),
            quiet: args.quiet,
            threads,
        })
    }
}

/// What the source's name and its flags mean.
fn input(args: &LiveArgs) -> Result<LiveInput> {
    let camera = |path: PathBuf| {
        let (size, fps, pixel_format) = (args.camera_size, args.camera_fps, args.pixel_format);
        LiveInput::Camera(Camera { path, size, fps, pixel_format })
    };
    let input = match args.source.parse() {
        Ok(index) => camera(Camera::numbered(index)),
        Err(_) if args.source.starts_with("/dev/") => camera(args.source.clone().into()),
        Err(_) if is_url(&args.source) && !args.source.starts_with("file://") => {
            LiveInput::Address(args.source.clone())
        }
        Err(_) => LiveInput::File { input: Input::parse(args.source.as_ref())?, looped: args.looped },
    };
    let of_camera = args.camera_size.is_some() || args.camera_fps.is_some() || args.pixel_format.is_some();
    match &input {
        LiveInput::Camera(_) => {}
        _ if of_camera => {
            return Err(Error::Usage(
                "--camera-size, --camera-fps and --pixel-format are for cameras; a stream has its own".into(),
            ));
        }
        LiveInput::File { input: Input::Image(_), .. } => {
            return Err(Error::Usage(format!("{}: an image does not move; take `salstream run`", args.source)));
        }
        _ => {}
    }
    if args.looped && !matches!(input, LiveInput::File { .. }) {
        return Err(Error::Usage("--loop is for a file; a camera or a stream has no end".into()));
    }
    Ok(input)
}
