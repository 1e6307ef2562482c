//! The flags for the part of a clip to process, and for the files written beside the video.

use std::path::PathBuf;

use clap::{Args, value_parser};

use super::choice::choice;
use super::values::{moment, span};
use crate::choice::Choice;
use crate::sink::maps::{MapFormat, MapKind};

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
    /// Do not copy the sound
    #[arg(long)]
    pub no_audio: bool,
    /// Quality of the video: 0 (lossless) to 51 (worst)
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = value_parser!(u8).range(0..=51))]
    pub crf: u8,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Data")]
pub struct DataArgs {
    /// Write one record per frame (class, scores, map statistics, salient regions, times) to this .jsonl or .csv file; -
    /// writes JSON lines to standard output
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
