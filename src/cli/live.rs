//! `salstream live`: its flags, and their conversion to a configuration.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, value_parser};

use super::SettingsArgs;
use super::choice::choice;
use super::classifier::ClassifierArgs;
use super::method::{MethodArgs, RequestArgs};
use super::picture::PictureArgs;
use super::values::{keep_limit, span};
use crate::commands::live::capture::{Camera, LiveInput, PixelFormat, parse_size};
use crate::commands::live::config::{LiveConfig, RecordingConfig};
use crate::commands::live::segments::KeepLimit;
use crate::commands::live::serve::{PublicUrl, ServeConfig, Token, parse_address};
use crate::commands::live::session_hub::SessionSettings;
use crate::commands::live::window::PreviewWindow;
use crate::fuse::FuseOptions;
use crate::pipeline::keyframes::StaticEvery;
use crate::platform::ffmpeg::is_url;
use crate::platform::machine::cores;
use crate::saliency::TargetName;
use crate::sink::recording::RecordingSink;
use crate::source::Input;
use crate::{Error, Result};

#[derive(Debug, Args)]
pub struct LiveArgs {
    /// Camera number or device, address of a stream (rtsp, http, udp, tcp ...), or a file, which plays in real time
    #[arg(default_value = "0")]
    pub source: String,
    /// Show the picture in a window [default: yes, unless --serve or -o is given]
    ///
    /// Keys: q or Esc end, space pause, c colours, l layout, m fusion, t lock the class, s snapshot, r record, h help.
    #[arg(long)]
    pub window: bool,
    /// Show the picture on a web page, at this address or at 127.0.0.1:8642
    ///
    /// At 127.0.0.1, only this machine can open the page. At any other address, viewers need the token in the printed
    /// address.
    #[arg(long, value_name = "ADDR:PORT", num_args = 0..=1, default_missing_value = "127.0.0.1:8642", value_parser = parse_address)]
    pub serve: Option<SocketAddr>,
    /// Address of the page behind a proxy, from https to the end of the path; viewers need the token
    #[arg(long, value_name = "URL", requires = "serve")]
    pub public_url: Option<PublicUrl>,
    /// Take the token that viewers need from this file, which other users must not be able to read [default: a random one]
    #[arg(long, value_name = "FILE", requires = "serve")]
    pub token_file: Option<PathBuf>,
    /// Record to this .mp4 or .mkv file, which is playable at any moment
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Start a new file after this time, named FILE-001, FILE-002 ...: seconds, mm:ss or h:mm:ss
    ///
    /// The numbers go on after those of existing files, which are never replaced.
    #[arg(long, value_name = "TIME", requires = "output", value_parser = span)]
    pub segment: Option<f64>,
    /// Keep this much of the segments, such as 20GB, 48h or 7d; the oldest are removed
    ///
    /// Whenever a segment starts, the oldest finished FILE-001, FILE-002 ... are removed until the finished ones take at
    /// most this size, or until all are younger than this time.
    #[arg(long, value_name = "SIZE|TIME", requires = "segment", value_parser = keep_limit)]
    pub keep: Option<KeepLimit>,
    /// Overwrite an existing file
    #[arg(short = 'y', long)]
    pub yes: bool,
    /// Quality of the recording: 0 (lossless) to 51 (worst)
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = value_parser!(u8).range(0..=51))]
    pub crf: u8,
    /// Stop after this time: seconds, mm:ss or h:mm:ss
    #[arg(long, value_name = "TIME", value_parser = span)]
    pub duration: Option<f64>,
    /// Print errors only
    #[arg(short, long)]
    pub quiet: bool,

    /// List this machine's cameras with their modes, and exit
    #[arg(long, help_heading = "Source")]
    pub list: bool,
    /// Picture size of the camera
    #[arg(long, value_name = "WxH", value_parser = parse_size, help_heading = "Source")]
    pub camera_size: Option<(u32, u32)>,
    /// Frames per second of the camera
    #[arg(long, value_name = "N", value_parser = value_parser!(u32).range(1..=1000), help_heading = "Source")]
    pub camera_fps: Option<u32>,
    /// Pixel format of the camera
    #[arg(long, value_parser = choice::<PixelFormat>(), help_heading = "Source")]
    pub pixel_format: Option<PixelFormat>,
    /// Repeat a file endlessly
    #[arg(long = "loop", help_heading = "Source")]
    pub looped: bool,
    /// Stop if a lost source has not come back after this many seconds [default: never]
    #[arg(long, value_name = "SECONDS", value_parser = span, help_heading = "Source")]
    pub give_up: Option<f64>,

    #[command(flatten)]
    pub model: ClassifierArgs,
    #[command(flatten)]
    pub request: RequestArgs,
    #[command(flatten)]
    pub method: MethodArgs,
    #[command(flatten)]
    pub picture: PictureArgs,
    /// Number of threads for the classifier; OpenCV uses the same number again [default: one per core]
    #[arg(long, value_name = "N", value_parser = value_parser!(u16).range(1..=256), help_heading = "Running")]
    pub threads: Option<u16>,
    #[command(flatten)]
    pub settings: SettingsArgs,
}

impl TryFrom<LiveArgs> for LiveConfig {
    type Error = Error;

    /// Sets the values that the arguments leave open.
    ///
    /// # Errors
    /// [`Error::Usage`] if flags contradict each other, or if nobody would see the result.
    fn try_from(args: LiveArgs) -> Result<Self> {
        let input = input(&args)?;
        let window = args.window || args.serve.is_none() && args.output.is_none();
        if window {
            PreviewWindow::check()?;
        }
        if let Some(output) = &args.output {
            RecordingSink::check(output, args.yes || args.segment.is_some())?;
        }
        let [target] = &args.model.target[..] else {
            return Err(Error::Usage(
                "several --target: live explains one class at a time; use `salstream run`".into(),
            ));
        };
        if *target == TargetName::Frequent {
            return Err(Error::Usage("--target frequent reads a clip twice: use --target locked for live".into()));
        }
        let token = args.token_file.as_deref().map(Token::read).transpose()?;
        let public_url = args.public_url;
        let serve = args.serve.map(|address| ServeConfig { address, public_url, token });
        let threads = args.threads.map_or_else(cores, usize::from);
        let settings = SessionSettings {
            fusion: args.picture.fusion.fusion,
            layout: args.picture.layout,
            colormap: args.picture.colormap,
            alpha: args.picture.alpha,
            label: !args.picture.no_label,
            target: target.clone(),
            paused: false,
        };
        let method = args.method.of_frames(false, args.model.raw)?;
        let fusion = FuseOptions { lookahead: 0, ..args.model.fuse_options(&args.picture.fusion)? };
        Ok(Self {
            input,
            give_up: args.give_up.map(Duration::from_secs_f64),
            key_frames: args.model.key_frames(StaticEvery::Auto),
            fusion,
            model: args.model.config(args.request, method, threads),
            settings,
            window,
            serve,
            recording: RecordingConfig {
                output: args.output,
                segment: args.segment,
                keep: args.keep,
                overwrite: args.yes,
                quiet: args.quiet,
                crf: args.crf,
            },
            duration: args.duration.map(Duration::from_secs_f64),
            quiet: args.quiet,
            threads,
        })
    }
}

/// The input that the source's name and its flags mean.
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
                "--camera-size, --camera-fps and --pixel-format are for cameras only: remove them".into(),
            ));
        }
        LiveInput::File { input: Input::Image(_), .. } => {
            return Err(Error::Usage(format!("{}: an image does not move: use `salstream run`", args.source)));
        }
        _ => {}
    }
    if args.looped && !matches!(input, LiveInput::File { .. }) {
        return Err(Error::Usage("--loop is for files only: a camera or a stream has no end".into()));
    }
    Ok(input)
}
