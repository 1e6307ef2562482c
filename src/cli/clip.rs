//! The flags for the part of a clip to process, and for the files written beside the video.

use std::path::PathBuf;

use clap::{Args, value_parser};

use super::choice::choice;
use super::values::{moment, span};
use crate::choice::Choice;
use crate::commands::run::config::KeptParts;
use crate::frame::Rate;
use crate::sink::maps::{MapFormat, MapKind};
use crate::source::{DecoderKind, Deinterlace, SourceOptions, ToneMap};

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Clip")]
pub struct ClipArgs {
    /// Start at this time: seconds, mm:ss or h:mm:ss
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub start: Option<f64>,
    /// Stop after this much of the clip: seconds, mm:ss or h:mm:ss
    #[arg(long, value_name = "TIME", value_parser = span)]
    pub duration: Option<f64>,
    /// Frames per second of a folder or pattern of images [default: 25]
    #[arg(long, value_name = "N", value_parser = value_parser!(u32).range(1..=1000))]
    pub fps: Option<u32>,
    /// Read this video stream, from 0 and without cover art [default: the one that FFmpeg would choose]
    #[arg(long, value_name = "N")]
    pub video_stream: Option<usize>,
    /// What decodes the video
    #[arg(long, value_parser = choice::<DecoderKind>(), default_value = DecoderKind::Auto.name())]
    pub decoder: DecoderKind,
    /// Decode on hardware by this method of FFmpeg, such as vaapi or cuda
    #[arg(long, value_name = "METHOD")]
    pub hwaccel: Option<String>,
    /// Whether to make whole pictures of interlaced ones
    #[arg(long, value_parser = choice::<Deinterlace>(), default_value = Deinterlace::Auto.name())]
    pub deinterlace: Deinterlace,
    /// Whether to turn HDR (PQ, HLG) into SDR
    #[arg(long, value_name = "WHEN", value_parser = choice::<ToneMap>(), default_value = ToneMap::Auto.name())]
    pub tonemap: ToneMap,
    /// Do not copy the audio
    #[arg(long)]
    pub no_audio: bool,
    /// Do not copy subtitles, chapters, attachments and tags
    #[arg(long)]
    pub no_metadata: bool,
    /// Quality of the video: 0 (lossless) to 51 (worst)
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = value_parser!(u8).range(0..=51))]
    pub crf: u8,
}

impl ClipArgs {
    /// Which part of a clip to read, and how.
    pub fn source(&self) -> SourceOptions {
        SourceOptions {
            start: self.start,
            duration: self.duration,
            zero: None,
            rate: Rate { num: self.fps.unwrap_or(25), den: 1 },
            video_stream: self.video_stream,
            decoder: self.decoder,
            hwaccel: self.hwaccel.clone(),
            deinterlace: self.deinterlace,
            tone_map: self.tonemap,
        }
    }

    /// What to keep of the clip beside its picture.
    pub fn kept(&self) -> KeptParts {
        KeptParts { audio: !self.no_audio, metadata: !self.no_metadata }
    }
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Data")]
pub struct DataArgs {
    /// Write one record per frame (class, probability, map statistics, times) to this .jsonl or .csv file
    #[arg(long, value_name = "FILE")]
    pub records: Option<PathBuf>,
    /// Draw the mean of the static, motion and fused map over time, cuts and some frames, to this .png or .jpg file
    #[arg(long, value_name = "FILE")]
    pub timeline: Option<PathBuf>,
    /// Write one map per frame into this folder, at the size of the source, named by the frame's index
    #[arg(long, value_name = "DIR")]
    pub maps: Option<PathBuf>,
    /// Which map to write
    #[arg(long, value_parser = choice::<MapKind>(), requires = "maps", default_value = MapKind::Fused.name())]
    pub map: MapKind,
    /// File format of the maps
    #[arg(long, value_parser = choice::<MapFormat>(), requires = "maps", default_value = MapFormat::Png.name())]
    pub map_format: MapFormat,
}
