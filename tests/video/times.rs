//! Frame times and rates, and reading a part of a clip.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use opencv::core::{self, Mat};
use opencv::imgcodecs;
use salstream::Error;
use salstream::frame::Frame;
use salstream::source::{self, SourceOptions};

use crate::tools::{copy, farthest, ffmpeg, ffprobe, input, packet_times, read_all, temp};

#[test]
fn rational_rates_stay_exact() {
    let folder = temp();
    for (rate, container) in [("30000/1001", "mp4"), ("24000/1001", "mkv"), ("25", "avi"), ("60000/1001", "ts")] {
        let path = folder.path().join(format!("{container}.{container}"));
        ffmpeg(&format!("-f lavfi -i testsrc2=r={rate}:s=160x120:d=3 -c:v libx264 -preset veryfast"), &path);
        let output = path.with_extension("out.mp4");
        let copied = copy(&path, &output, &SourceOptions::default()).unwrap();
        let exact = if rate.contains('/') { rate.to_owned() } else { format!("{rate}/1") };
        let rates = ffprobe(&output, "v:0", "stream=r_frame_rate,avg_frame_rate");
        assert_eq!(rates, [format!("{exact},{exact}")], "{container}");
        let grid: Vec<f64> = (0..copied.times.len()).map(|k| k as f64 * copied.info.rate.interval()).collect();
        assert!(farthest(&copied.times, &grid) < 1e-9, "{container}: the constant frame rate has become variable");
        assert_eq!(copied.done.frames as usize, ffprobe(&path, "v:0", "packet=flags").len(), "{container}");
        assert_eq!(copied.error.map(|e| e.to_string()), None, "{container}");
    }
}

#[test]
fn variable_rates_stay_true_to_the_last_frame() {
    let folder = temp();
    let uneven = "testsrc2=r=60:s=160x120:d=3,select='lt(mod(n\\,7)\\,2)+eq(mod(n\\,11)\\,5)'";
    for container in ["mp4", "mkv"] {
        let path = folder.path().join(format!("vfr.{container}"));
        ffmpeg(&format!("-f lavfi -i {uneven} -fps_mode vfr -c:v libx264 -bf 3"), &path);
        let output = folder.path().join(format!("out.{container}"));
        let copied = copy(&path, &output, &SourceOptions::default()).unwrap();
        let expected = packet_times(&path);
        assert!(farthest(&copied.times, &expected) < 0.00101, "{container}: read");
        assert!(farthest(&packet_times(&output), &expected) < 0.00201, "{container}: written");
        assert!(copied.times.windows(2).all(|pair| pair[1] > pair[0]));
    }
}

/// A clip of 100 frames at 25 fps whose grey level is twice the frame's number.
fn counter(path: &Path, codec: &str) -> PathBuf {
    ffmpeg(&format!("-f lavfi -i color=black:s=64x64:r=25:d=4,format=gray,geq=lum='2*N+20' {codec}"), path)
}

#[test]
fn start_and_duration_are_exact_to_the_frame() {
    let folder = temp();
    for container in ["mp4", "mkv", "ts"] {
        let path = folder.path().join(format!("count.{container}"));
        let path = counter(&path, "-c:v libx264 -crf 5 -preset veryfast -g 60 -bf 3");
        let (_, all, _) = read_all(&path, &SourceOptions::default()).unwrap();
        for start in [0.0, 0.05, 1.0, 2.36, 2.44, 3.92, 3.96] {
            starts_exactly(&path, start, &all);
        }
        let late = source::open(&input(&path), &SourceOptions { start: Some(4.0), ..SourceOptions::default() });
        assert!(matches!(late.err(), Some(Error::Usage(message)) if message.contains("past the end, 4.000 s")));
    }
}

#[test]
fn the_shortest_part_has_a_frame() {
    let folder = temp();
    let path = counter(&folder.path().join("count.mp4"), "-c:v libx264");
    for start in [None, Some(1.0)] {
        let options = SourceOptions { start, duration: Some(1e-6), ..SourceOptions::default() };
        assert_eq!(read_all(&path, &options).unwrap().1.len(), 1, "{start:?}");
    }
}

/// Reads 0.2 s from `start` and compares them with the same part of `all` frames and with ffmpeg's first frame.
fn starts_exactly(path: &Path, start: f64, all: &[Frame]) {
    let level = |image: &Mat| core::mean_def(image).unwrap()[0];
    let options = SourceOptions { start: Some(start), duration: Some(0.2), ..SourceOptions::default() };
    let (info, frames, error) = read_all(path, &options).unwrap();
    let first = (start * 25.0 - 1e-9).ceil() as usize;
    let expected = 5.min(all.len() - first);
    let place = format!("{} from {start} s", path.display());
    assert_eq!((frames.len(), error.map(|e| e.to_string())), (expected, None), "{place}");
    assert_eq!(info.frames, Some(expected as u64), "{place}");
    assert_eq!((frames[0].index, frames[0].time), (0, 0.0));
    for (got, wanted) in frames.iter().zip(&all[first..]) {
        assert!((level(&got.image) - level(&wanted.image)).abs() < 0.5, "{place}: a different frame");
    }
    if path.extension() != Some(OsStr::new("ts")) {
        // FFmpeg itself seeks to key frames only in transport streams.
        let seek = path.with_extension("png");
        // Its fast conversion to RGB is off by more than one.
        let exact = "-vf scale=flags=accurate_rnd+full_chroma_int,format=rgb24";
        ffmpeg(&format!("-ss {start} -i {} -frames:v 1 {exact}", path.display()), &seek);
        let reference = imgcodecs::imread(&seek, imgcodecs::IMREAD_COLOR).unwrap();
        assert!((level(&frames[0].image) - level(&reference)).abs() < 0.9, "{place}: not ffmpeg's frame");
    }
}
