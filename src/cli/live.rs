//! The flags of `salstream live`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, value_parser};

use super::{MethodArgs, ModelArgs, PictureArgs, RequestArgs, SettingsArgs, span};
use crate::commands::live::feed::{PixelFormat, parse_size};
use crate::commands::live::serve::parse_address;

#[derive(Debug, Args)]
pub struct LiveArgs {
    /// Camera by number or device, the address of a stream (rtsp, http, udp, tcp ...), or a file at its own pace
    #[arg(default_value = "0")]
    pub source: String,
    /// Show it in a window [default: where there is a display, and neither --serve nor -o is given]
    ///
    /// Keys: q or Esc end, space pause, c colours, l layout, m fusion, t lock the class, s snapshot, r record, h help.
    #[arg(long)]
    pub window: bool,
    /// Show it on a web page at this address
    ///
    /// Whoever is not on this machine needs the token in the address that is printed; the page of 127.0.0.1 needs none.
    #[arg(long, value_name = "ADDR:PORT", num_args = 0..=1, default_missing_value = "127.0.0.1:8642", value_parser = parse_address)]
    pub serve: Option<SocketAddr>,
    /// Record it: .mp4 or .mkv, playable at any moment
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Begin a new file this often, as FILE-001, FILE-002 ...: seconds or mm:ss
    #[arg(long, value_name = "TIME", requires = "output", value_parser = span)]
    pub segment: Option<f64>,
    /// Overwrite existing files
    #[arg(short = 'y', long)]
    pub yes: bool,
    /// Quality of the recording: 0 (lossless) to 51 (worst)
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = value_parser!(u8).range(0..=51))]
    pub crf: u8,
    /// End by itself after this long: seconds or mm:ss
    #[arg(long, value_name = "TIME", value_parser = span)]
    pub duration: Option<f64>,
    /// Print nothing but errors
    #[arg(short, long)]
    pub quiet: bool,

    /// Print this machine's cameras with their modes, and end
    #[arg(long, help_heading = "Source")]
    pub list: bool,
    /// Size of a camera's pictures
    #[arg(long, value_name = "WxH", value_parser = parse_size, help_heading = "Source")]
    pub camera_size: Option<(u32, u32)>,
    /// A camera's pictures a second
    #[arg(long, value_name = "N", value_parser = value_parser!(u32).range(1..=1000), help_heading = "Source")]
    pub camera_fps: Option<u32>,
    /// How a camera sends its pixels
    #[arg(long, value_enum, help_heading = "Source")]
    pub pixel_format: Option<PixelFormat>,
    /// Play a file over and over
    #[arg(long = "loop", help_heading = "Source")]
    pub looped: bool,
    /// End where a lost source has not come back after so many seconds [default: never]
    #[arg(long, value_name = "SECONDS", value_parser = span, help_heading = "Source")]
    pub give_up: Option<f64>,

    #[command(flatten)]
    pub model: ModelArgs,
    #[command(flatten)]
    pub request: RequestArgs,
    #[command(flatten)]
    pub method: MethodArgs,
    #[command(flatten)]
    pub picture: PictureArgs,
    /// Threads for the classifier and OpenCV, each [default: one per core]
    #[arg(long, value_name = "N", value_parser = value_parser!(u16).range(1..=256), help_heading = "Running")]
    pub threads: Option<u16>,
    #[command(flatten)]
    pub settings: SettingsArgs,
}
