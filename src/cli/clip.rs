//! The flags for the part of a clip to process, and for the files written beside the video.

use std::path::PathBuf;

use clap::{Args, value_parser};

use super::choice::choice;
use super::values::{moment, span};
use crate::choice::Choice;
use crate::commands::run::config::MapsConfig;
use crate::frame::Rate;
use crate::passthrough::KeptParts;
use crate::sink::maps::{MapDtype, MapFormat, MapKind, MapSize, MapStorage};
use crate::source::{DecoderKind, Deinterlace, SourceOptions, ToneMap};
use crate::{Error, Result};

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
    /// Write one record per frame (class, scores, map statistics, salient regions, times) to this .jsonl or .csv file; -
    /// writes JSON lines to standard output
    #[arg(long, value_name = "FILE")]
    pub records: Option<PathBuf>,
    /// Draw the mean of the static, motion and fused map over time, cuts and some frames, to this .png or .jpg file
    #[arg(long, value_name = "FILE")]
    pub timeline: Option<PathBuf>,
    /// Write the maps: one file per frame into this folder, named by the frame's index; or, if the name ends in .npy, one
    /// NumPy array of shape (frames, height, width)
    #[arg(long, value_name = "DIR|FILE.npy")]
    pub maps: Option<PathBuf>,
    /// Which map to write
    #[arg(long, value_parser = choice::<MapKind>(), requires = "maps", default_value = MapKind::Fused.name())]
    pub map: MapKind,
    /// File format of the maps in a folder [default: png]
    #[arg(long, value_parser = choice::<MapFormat>(), requires = "maps")]
    pub map_format: Option<MapFormat>,
    /// Number type of a single NumPy array [default: float16]
    #[arg(long, value_parser = choice::<MapDtype>(), requires = "maps")]
    pub map_dtype: Option<MapDtype>,
    /// Size of the maps
    #[arg(long, value_parser = choice::<MapSize>(), requires = "maps", default_value = MapSize::Source.name())]
    pub map_size: MapSize,
}

impl DataArgs {
    /// Which maps to write, and how.
    ///
    /// # Errors
    /// [`Error::Usage`] if the format does not fit the name.
    pub fn maps(&self) -> Result<Option<MapsConfig>> {
        let Some(path) = self.maps.clone() else { return Ok(None) };
        let name = path.display();
        let storage = match (MapStorage::is_array(&path), self.map_format, self.map_dtype) {
            (true, None | Some(MapFormat::Npy), dtype) => MapStorage::Array(dtype.unwrap_or(MapDtype::Float16)),
            (true, Some(format), _) => {
                let problem = format!("--map-format {} needs a folder: choose another name", format.name());
                return Err(Error::Usage(format!("{name}: {problem}")));
            }
            (false, format, None) => MapStorage::Folder(format.unwrap_or(MapFormat::Png)),
            (false, _, Some(_)) => {
                return Err(Error::Usage(format!("{name}: --map-dtype needs one file: end the name in .npy")));
            }
        };
        Ok(Some(MapsConfig { path, kind: self.map, size: self.map_size, storage }))
    }
}
