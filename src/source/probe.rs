//! A file's metadata, from one call of `ffprobe` when the file is opened.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::process::{Command, Output};
use std::time::Duration;

use serde::Deserialize;

use super::probe_stream::{ProbeStream, clock_time, seconds};
use crate::platform::child_process::output_within;
use crate::platform::ffmpeg::{ffprobe, not_started};
use crate::{Error, Result};

/// The header of a container.
#[derive(Debug, Default, Deserialize)]
pub struct ProbeOutput {
    #[serde(default)]
    pub streams: Vec<ProbeStream>,
    #[serde(default)]
    pub format: ProbeFormat,
    /// The chapters, of which only the number matters.
    #[serde(default)]
    pub chapters: Vec<serde_json::Value>,
}

/// The container as a whole. Times are in seconds, as decimal text.
#[derive(Debug, Default, Deserialize)]
pub struct ProbeFormat {
    pub format_name: Option<String>,
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    start_time: Option<String>,
    duration: Option<String>,
}

/// How long `ffprobe` may take: a slow network included, but not a server that answers without end.
const PROBE_TIMEOUT: Duration = Duration::from_secs(60);

/// Runs `ffprobe` on `location`; `None` if `ffprobe` is not installed.
///
/// # Errors
/// [`Error::Input`] if the file is not a media file that FFmpeg can read, or if it cannot be read in time;
/// [`Error::Child`] if `ffprobe` cannot be started; [`Error::Interrupted`] if a signal ends this process.
pub fn probe(location: &OsStr) -> Result<Option<ProbeOutput>> {
    match output_within(command(location), PROBE_TIMEOUT) {
        Ok(output) => parse(location, &output).map(Some),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) if error.kind() == ErrorKind::TimedOut => {
            let seconds = PROBE_TIMEOUT.as_secs();
            Err(Error::input(location, format!("cannot be read: ffprobe found no video in it within {seconds} s")))
        }
        Err(error) => Err(not_started("ffprobe", &error)),
    }
}

/// The `ffprobe` command for `location`, the answer to which [`parse`] reads.
pub fn command(location: &OsStr) -> Command {
    let mut command = ffprobe(location);
    command.args(["-show_format", "-show_streams", "-show_chapters", "-of", "json"]);
    command
}

/// Reads the answer of `ffprobe` about `location`.
///
/// # Errors
/// Those of [`probe`].
pub fn parse(location: &OsStr, output: &Output) -> Result<ProbeOutput> {
    if !output.status.success() {
        return Err(Error::input(location, explain(location, &String::from_utf8_lossy(&output.stderr))));
    }
    serde_json::from_slice(&output.stdout)
        .map_err(|e| Error::Child { program: "ffprobe", problem: format!("its output is not JSON: {e}") })
}

/// Turns FFmpeg's last line about a file that it cannot open into a message for users.
fn explain(location: &OsStr, stderr: &str) -> String {
    let last = stderr.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("unreadable").trim();
    let reason = last.rsplit(": ").next().unwrap_or(last);
    if stderr.contains("moov atom not found") && is_mp4(location) {
        "cut short: its index (moov atom) is missing; fetch or record it again".into()
    } else if reason.starts_with("Invalid data") {
        "not a video, or damaged at its start: FFmpeg finds no known format in it".into()
    } else {
        format!("cannot be opened: {reason}")
    }
}

/// Whether a file starts like an MP4 or QuickTime file, whatever its extension.
fn is_mp4(location: &OsStr) -> bool {
    let mut head = [0; 8];
    let read = File::open(location).and_then(|mut file| file.read_exact(&mut head));
    read.is_ok() && [b"ftyp", b"mdat", b"wide", b"free", b"skip"].iter().any(|atom| head[4..] == atom[..])
}

impl ProbeOutput {
    /// The video streams without cover art.
    pub fn videos(&self) -> impl Iterator<Item = &ProbeStream> {
        self.of_type("video").filter(|stream| !stream.is_cover())
    }

    /// Whether the container's timestamps may jump, as in MPEG-TS: FFmpeg corrects them.
    pub fn is_discontinuous(&self) -> bool {
        let name = self.format.format_name.as_deref().unwrap_or_default();
        ["mpegts", "mpeg", "flv", "ogg"].contains(&name)
    }

    /// All streams of type `codec_type`.
    pub fn of_type<'a>(&'a self, codec_type: &'a str) -> impl Iterator<Item = &'a ProbeStream> {
        self.streams.iter().filter(move |s| s.codec_type.as_deref() == Some(codec_type))
    }

    /// The first timestamp of the file, in seconds.
    pub fn start(&self) -> f64 {
        seconds(&self.format.start_time).unwrap_or(0.0)
    }

    /// Whether the container states no duration, as in a live stream.
    pub fn is_endless(&self) -> bool {
        self.length().is_none()
    }

    /// Duration of the whole file in seconds, from its first timestamp.
    pub fn length(&self) -> Option<f64> {
        seconds(&self.format.duration).map(|stated| self.without_lead(stated, self.start()))
    }

    /// Duration of the whole file in seconds by the frames that the header of an AVI file counts for `stream`: it stays
    /// when the file is cut, and the index and the other duration are lost.
    pub fn counted_length(&self, stream: &ProbeStream) -> Option<f64> {
        let is_avi = self.format.format_name.as_deref() == Some("avi");
        Some(stream.listed_frames().filter(|_| is_avi)? as f64 * stream.rate()?.interval())
    }

    /// The `stated` duration without the time before `start`, which these formats include.
    fn without_lead(&self, stated: f64, start: f64) -> f64 {
        const FROM_ZERO: [&str; 2] = ["mov", "matroska"];
        let name = self.format.format_name.as_deref().unwrap_or_default();
        let includes = FROM_ZERO.iter().any(|format| name.starts_with(format)) && (0.0..stated).contains(&start);
        if includes { stated - start } else { stated }
    }

    /// Duration of `stream` in seconds, from its header, its tags or, if it is the only stream, the container.
    pub fn duration(&self, stream: &ProbeStream) -> Option<f64> {
        let alone = || if self.streams.len() == 1 { self.length() } else { None };
        let start = stream.start().unwrap_or(0.0);
        let tagged = || Some(self.without_lead(clock_time(stream.tags.get("DURATION")?)?, start));
        // ASF counts it from 0, not from the stream's first frame.
        let lead = if self.format.format_name.as_deref() == Some("asf") { start } else { 0.0 };
        seconds(&stream.duration).map(|stated| stated - lead).or_else(tagged).or_else(alone)
    }
}
