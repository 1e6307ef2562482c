//! Both decoders read the same frames at the same times, and any one of several video streams can be read.

use std::path::Path;

use opencv::core::{self, Mat};
use opencv::prelude::*;
use salstream::Error;
use salstream::frame::Frame;
use salstream::source::{self, DecoderKind, SourceOptions};

use crate::data::data;
use crate::program::{assert_refused, salstream};
use crate::tools::{copy, ffmpeg, input, read_all, temp};

/// A moving picture, the level of which tells the frame.
const COUNTED: &str = "geq=lum='6*N+20+30*gt(mod(X+4*N\\,64)\\,32)':cb=128+N:cr=128-N,format=yuv420p";

fn level(image: &Mat) -> f64 {
    core::mean_def(image).unwrap()[1]
}

fn read(path: &Path, decoder: DecoderKind, part: (Option<f64>, Option<f64>)) -> Vec<Frame> {
    let options = SourceOptions { decoder, start: part.0, duration: part.1, ..SourceOptions::default() };
    let (_, frames, error) = read_all(path, &options).unwrap();
    assert!(error.is_none(), "{}: {decoder:?}: {}", path.display(), error.unwrap());
    frames
}

/// Asserts that both decoders read the same from `path`, and returns the number of frames.
fn same(path: &Path, part: (Option<f64>, Option<f64>)) -> usize {
    let (ours, theirs) = (read(path, DecoderKind::Ffmpeg, part), read(path, DecoderKind::OpenCv, part));
    let place = format!("{} from {:?}", path.display(), part);
    assert_eq!(ours.len(), theirs.len(), "{place}");
    for (a, b) in ours.iter().zip(&theirs) {
        assert!((a.time - b.time).abs() < 1e-6, "{place}: frame {} at {} and {}", a.index, a.time, b.time);
        let off = core::norm2(&a.image, &b.image, core::NORM_L1, &core::no_array()).unwrap();
        let mean = off / (a.image.total() * 3) as f64;
        assert!(mean < 6.0, "{place}: frame {} differs by {mean:.2}", a.index);
        // OpenCV's fast conversion is too dark by up to three; from one frame to the next, the level changes by six.
        let brighter = level(&a.image) - level(&b.image);
        assert!((-1.0..4.0).contains(&brighter), "{place}: other frames: {}: {brighter}", a.index);
    }
    ours.len()
}

#[test]
fn both_decoders_read_the_same() {
    let folder = temp();
    let cases = [
        ("h264.mp4", "25", "-c:v libx264 -crf 10 -bf 3 -g 12"),
        ("h264.mkv", "24000/1001", "-c:v libx264 -crf 10 -bf 2 -g 12"),
        ("h264.ts", "25", "-c:v libx264 -crf 10 -bf 3 -g 12"),
        ("mpeg4.avi", "15", "-c:v mpeg4 -q:v 2"),
        ("mpeg2.mpg", "25", "-c:v mpeg2video -q:v 2 -bf 2"),
        ("hevc.mp4", "50", "-c:v libx265 -crf 12 -x265-params log-level=error:bframes=3"),
        ("vp9.webm", "12.5", "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -b:v 0 -crf 10"),
        ("late.mp4", "25", "-c:v libx264 -crf 10 -bf 3 -output_ts_offset 1.5"),
        ("late.mkv", "25", "-c:v libx264 -crf 10 -output_ts_offset 2"),
        ("late.flv", "25", "-c:v libx264 -crf 10 -output_ts_offset 1"),
    ];
    for (name, rate, codec) in cases {
        let path = folder.path().join(name);
        ffmpeg(&format!("-f lavfi -i color=black:s=96x64:r={rate} -vf {COUNTED} -frames:v 16 {codec}"), &path);
        assert_eq!(same(&path, (None, None)), 16, "{name}");
        if ["h264.mp4", "h264.ts", "late.mkv"].contains(&name) {
            same(&path, (Some(0.3), Some(0.5)));
        }
    }
}

#[test]
fn both_decoders_read_variable_rates_and_long_seeks_the_same() {
    let folder = temp();
    let uneven = "select='lt(mod(n\\,7)\\,2)+eq(mod(n\\,11)\\,5)'";
    for name in ["vfr.mp4", "vfr.mkv"] {
        let path = folder.path().join(name);
        let filters = format!("{COUNTED},{uneven}");
        let picture = format!("-f lavfi -i color=black:s=96x64:r=30:d=1.1 -vf {filters} -fps_mode vfr");
        ffmpeg(&format!("{picture} -c:v libx264 -crf 10 -bf 3"), &path);
        assert!(same(&path, (None, None)) > 10, "{name}");
        same(&path, (Some(0.4), None));
    }
    let path = folder.path().join("long.mp4");
    ffmpeg(&format!("-f lavfi -i color=black:s=96x64:r=7:d=5 -vf {COUNTED} -c:v libx264 -crf 10 -bf 3 -g 14"), &path);
    assert_eq!(same(&path, (Some(3.05), Some(1.0))), 7);
    assert_eq!(same(&path, (Some(4.8), None)), 1);
}

/// A clip with a small grey stream, a large white one and a middle-sized black one.
fn three_streams(path: &Path) {
    let picture = |colour: &str, size: &str| format!("-f lavfi -i color={colour}:s={size}:r=25:d=0.4");
    let inputs = [("gray", "64x48"), ("white", "128x96"), ("black", "96x64")].map(|(c, size)| picture(c, size));
    ffmpeg(&format!("{} -map 0 -map 1 -map 2 -c:v libx264 -disposition 0", inputs.join(" ")), path);
}

#[test]
fn any_video_stream_can_be_read() {
    let folder = temp();
    let path = folder.path().join("three.mkv");
    three_streams(&path);
    let source = source::open(&input(&path), &SourceOptions::default()).unwrap();
    let note = source.warnings().join("\n");
    assert!(note.contains("has 3 video streams and 1 is read; see --video-stream (0 is 64x48, 1 is 128x96"), "{note}");
    for (number, width, expected) in
        [(None, 128, 255.0), (Some(0), 64, 128.0), (Some(1), 128, 255.0), (Some(2), 96, 0.0)]
    {
        let options = SourceOptions { video_stream: number, ..SourceOptions::default() };
        let output = folder.path().join("out.mp4");
        let copied = copy(&path, &output, &options).unwrap();
        assert_eq!((copied.info.size.width, copied.done.frames), (width, 10), "{number:?}");
        assert!((level(&copied.middle) - expected).abs() < 4.0, "{number:?}: {}", level(&copied.middle));
        std::fs::remove_file(&output).unwrap();
    }
    let by_opencv =
        |number| SourceOptions { video_stream: Some(number), decoder: DecoderKind::OpenCv, ..SourceOptions::default() };
    assert_eq!(read_all(&path, &by_opencv(0)).unwrap().0.size.width, 64);
    let refused = read_all(&path, &by_opencv(2)).err().unwrap().to_string();
    assert!(refused.contains("OpenCV reads only the first video stream"), "{refused}");
}

#[test]
fn a_video_stream_that_is_not_there_is_wrong_usage() {
    let folder = temp();
    let path = folder.path().join("three.mkv");
    three_streams(&path);
    let options = SourceOptions { video_stream: Some(3), ..SourceOptions::default() };
    assert!(matches!(source::open(&input(&path), &options).err(), Some(Error::Usage(_))));
    let mut command = salstream(folder.path());
    let output = command.args(["run", "three.mkv", "-o", "out.mp4", "--video-stream", "3"]).output().unwrap();
    assert_refused(&output, 2, &["three.mkv", "no video stream 3", "2 is 96x64"]);
}

#[test]
#[ignore = "needs the test data"]
fn clips_from_outside_are_read_as_ffmpeg_does() {
    let path = data("cases/video/s3_two.mkv");
    let (info, _, error) = read_all(&path, &SourceOptions::default()).unwrap();
    assert_eq!((info.size.width, error.map(|e| e.to_string())), (320, None), "the default stream is read");
    let (info, ..) = read_all(&data("cases/video/s1_cover_first_real.mp4"), &SourceOptions::default()).unwrap();
    assert_eq!(info.size.width, 320, "not the cover");
    for (name, width, count) in [("g_3x480.mkv", 3, 5), ("gn_4x480.mkv", 4, 3)] {
        let (info, frames, _) = read_all(&data(&format!("cases/video/{name}")), &SourceOptions::default()).unwrap();
        assert_eq!((info.size.width, frames.len()), (width, count), "{name}");
        let mean = core::mean_def(&frames[0].image).unwrap();
        assert!(mean[2] > 245.0 && mean[0] < 10.0 && mean[1] < 10.0, "{name} is red: {mean:?}");
    }
}
