//! What the tests share: clips made by ffmpeg, ffprobe's output for them, copies from source to sink, and comparisons.

use std::path::{Path, PathBuf};
use std::process::Command;

use opencv::core::{self, Mat};
use opencv::imgcodecs;
use opencv::prelude::*;
use salstream::frame::{ClipEnd, Frame, VideoInfo};
use salstream::sink::WrittenFile;
use salstream::sink::video::{EncodeOptions, VideoSink};
use salstream::source::{self, Input, SourceOptions};
use salstream::{Error, Result};

/// Runs ffmpeg on space-separated `args`, then `output`.
pub fn ffmpeg(args: &str, output: &Path) -> PathBuf {
    crate::program::ffmpeg(Path::new("."), &format!("{args} {}", output.display()));
    output.to_owned()
}

/// ffprobe's output for `entries` of the streams that `select` selects, one line each.
pub fn ffprobe(path: &Path, select: &str, entries: &str) -> Vec<String> {
    let mut command = Command::new("ffprobe");
    command.args(["-v", "error", "-select_streams", select, "-show_entries", entries, "-of", "csv=p=0"]).arg(path);
    let output = String::from_utf8(command.output().unwrap().stdout).unwrap();
    output.lines().map(|line| line.trim_end_matches(',').to_owned()).filter(|line| !line.is_empty()).collect()
}

/// Presentation timestamps of the displayed video packets, in seconds, ascending from 0.
pub fn packet_times(path: &Path) -> Vec<f64> {
    let lines = ffprobe(path, "v:0", "packet=pts_time,flags");
    let shown = lines.iter().filter_map(|line| line.split_once(',')).filter(|(_, flags)| !flags.contains('D'));
    let mut times: Vec<f64> = shown.map(|(time, _)| time.parse().unwrap()).collect();
    times.sort_by(f64::total_cmp);
    let first = times[0];
    times.iter().map(|time| time - first).collect()
}

pub fn number(path: &Path, select: &str, entry: &str) -> Option<f64> {
    ffprobe(path, select, entry).first()?.parse().ok()
}

pub fn input(path: &Path) -> Input {
    Input::parse(path.as_os_str()).unwrap()
}

/// All frames of a clip, and the error that ended it, if any.
pub fn read_all(path: &Path, options: &SourceOptions) -> Result<(VideoInfo, Vec<Frame>, Option<Error>)> {
    let mut source = source::open(&input(path), options)?;
    let mut frames = Vec::new();
    let error = loop {
        match source.read() {
            Ok(Some(frame)) => frames.push(frame),
            Ok(None) => break None,
            Err(error) => break Some(error),
        }
    };
    assert!(source.read().unwrap().is_none(), "a source that has ended stays ended");
    Ok((source.info().clone(), frames, error))
}

/// A clip copied from source to sink without changes.
pub struct Copied {
    pub info: VideoInfo,
    pub times: Vec<f64>,
    pub middle: Mat,
    pub middle_index: usize,
    pub error: Option<Error>,
    /// The source's warnings at its end.
    pub late: Vec<String>,
    pub done: WrittenFile,
}

pub fn copy(path: &Path, output: &Path, options: &SourceOptions) -> Result<Copied> {
    copy_at(18, path, output, options)
}

/// The same at a constant rate factor of x264, from 0 (lossless).
pub fn copy_at(crf: u8, path: &Path, output: &Path, options: &SourceOptions) -> Result<Copied> {
    let mut source = source::open(&input(path), options)?;
    let (info, late) = (source.info().clone(), source.late_warnings());
    let (passthrough, colour) = (info.passthrough.clone(), info.colour);
    let encode = EncodeOptions { format: None, crf, overwrite: false, passthrough, colour };
    let mut sink = VideoSink::create(output, info.size, info.rate, encode)?;
    let middle_index = info.frames.map_or(10, |frames| frames as usize / 2);
    let (mut times, mut middle, mut error) = (Vec::new(), Mat::default(), None);
    loop {
        match source.read() {
            Ok(Some(frame)) => {
                sink.write(&frame.image, frame.time)?;
                times.push(frame.time);
                if frame.index == middle_index as u64 {
                    middle = frame.image;
                }
            }
            Ok(None) => break,
            Err(e) => error = Some(e),
        }
    }
    let end = if error.is_none() { info.end } else { ClipEnd::default() };
    Ok(Copied { times, middle, middle_index, error, late: late(), done: sink.finish(end)?.publish()?, info })
}

/// Frame `index` of a clip as ffmpeg itself shows it: upright and with correct colours.
pub fn shown_by_ffmpeg(path: &Path, index: usize) -> Mat {
    let folder = tempfile::tempdir().unwrap();
    let png = folder.path().join("reference.png");
    let mut command = Command::new("ffmpeg");
    let filter = format!("select=eq(n\\,{index}),scale=flags=bicubic,format=rgb24");
    command.args(["-nostdin", "-v", "error", "-y", "-i"]).arg(path).args(["-map", "0:v:0", "-vf", &filter]);
    let result = command.args(["-fps_mode", "passthrough", "-frames:v", "1"]).arg(&png).output().unwrap();
    assert!(png.exists(), "{}", String::from_utf8_lossy(&result.stderr));
    imgcodecs::imread(&png, imgcodecs::IMREAD_COLOR).unwrap()
}

/// Peak signal-to-noise ratio of two pictures, in dB.
pub fn psnr(a: &Mat, b: &Mat) -> f64 {
    assert_eq!(a.size().unwrap(), b.size().unwrap());
    core::psnr(a, b, 255.0).unwrap()
}

pub fn farthest(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len(), "the number of frames differs");
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

pub fn temp() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

/// When the audio of a file first gets loud, in seconds of the file's timestamps.
pub fn first_loud(path: &Path, select: &str) -> f64 {
    let mut command = Command::new("ffmpeg");
    command.args(["-nostdin", "-v", "error", "-i"]).arg(path).args(["-map", &format!("0:{select}")]);
    command.args(["-af", "aresample=48000:async=1:first_pts=0", "-ac", "1", "-f", "s16le", "-"]);
    let samples = command.output().unwrap().stdout;
    let loud = samples.chunks_exact(2).position(|s| i16::from_le_bytes([s[0], s[1]]).unsigned_abs() > 3000);
    loud.expect("a loud sample") as f64 / 48000.0
}

/// When the picture of a file first gets bright, in seconds of the file's timestamps.
pub fn first_bright(path: &Path) -> f64 {
    let (_, frames, _) = read_all(path, &SourceOptions::default()).unwrap();
    let bright = frames.iter().find(|f| core::mean_def(&f.image).unwrap()[0] > 128.0);
    bright.expect("a bright frame").time + number(path, "v:0", "stream=start_time").unwrap_or(0.0)
}

/// A clip whose picture turns white and whose audio starts, both `at` seconds after its start.
pub fn clapper(path: &Path, at: f64, codecs: &str) -> PathBuf {
    let picture = format!("color=black:s=96x64:r=25:d=4,drawbox=t=fill:c=white:enable='gte(t,{at}-0.001)'");
    let sound = format!("aevalsrc='0.8*sin(2500*t)*gte(t,{at})':s=48000:d=4");
    ffmpeg(&format!("-f lavfi -i {picture} -f lavfi -i {sound} -g 40 {codecs}"), path)
}

/// The bytes of a file's pictures after ffmpeg's `filters`, which end with a packed format.
pub fn pixels(path: &Path, filters: &str) -> Vec<u8> {
    let mut command = Command::new("ffmpeg");
    command.args(["-nostdin", "-v", "error", "-i"]).arg(path).args(["-map", "0:V:0", "-fps_mode", "passthrough"]);
    let output = command.args(["-vf", filters, "-f", "rawvideo", "-"]).output().unwrap();
    assert!(!output.stdout.is_empty(), "{}: {}", path.display(), String::from_utf8_lossy(&output.stderr));
    output.stdout
}
