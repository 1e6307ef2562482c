//! Interlaced clips become whole pictures; progressive ones stay as they are.

use opencv::core::{self, Mat, Vec3b};
use opencv::prelude::*;
use salstream::source::{self, Deinterlace, SourceOptions};

use crate::tools::{copy, ffmpeg, input, read_all, temp};

/// A picture that moves sideways by 4 % of its width from one field to the next.
const MOVING: &str = "-f lavfi -i smptebars=s=160x96:r=50:d=0.8,scroll=h=0.04";

/// How much each row differs from the mean of its neighbours: in the upper half of the bars, only combs do.
fn combs(image: &Mat) -> f64 {
    let rows: Vec<&[Vec3b]> = (0..48).map(|y| image.at_row(y).unwrap()).collect();
    let comb = |trio: &[&[Vec3b]]| -> f64 {
        let green = |row: usize, x: usize| f64::from(trio[row][x][1]);
        (0..160).map(|x| (green(1, x) - (green(0, x) + green(2, x)) / 2.0).abs()).sum::<f64>() / 160.0
    };
    rows.windows(3).map(comb).sum::<f64>() / 46.0
}

/// The mean of [`combs`] over the frames of a clip but for the first and the last one, which have only one neighbour.
fn mean_combs(frames: &[salstream::frame::Frame]) -> f64 {
    let inner = &frames[1..frames.len() - 1];
    inner.iter().map(|frame| combs(&frame.image)).sum::<f64>() / inner.len() as f64
}

#[test]
fn interlaced_clips_lose_their_combs() {
    let folder = temp();
    let off = SourceOptions { deinterlace: Deinterlace::Off, ..SourceOptions::default() };
    let mpeg2 = "-c:v mpeg2video -q:v 2 -flags +ilme+ildct";
    let cases = [
        ("interlace=scan=tff:lowpass=off", mpeg2, "-top 1", "tff.mkv", "top"),
        ("interlace=scan=bff:lowpass=off", mpeg2, "-top 0", "bff.mpg", "bottom"),
        ("tinterlace=mode=interleave_top", "-c:v libx264 -crf 10 -x264-params", "tff=1", "tff.mp4", "top"),
        ("tinterlace=mode=interleave_bottom", "-c:v libx264 -crf 10 -x264-params", "bff=1", "bff.ts", "bottom"),
    ];
    for (filter, codec, order, name, first) in cases {
        let path = folder.path().join(name);
        ffmpeg(&format!("{MOVING},{filter} -pix_fmt yuv420p {codec} {order}"), &path);
        let source = source::open(&input(&path), &SourceOptions::default()).unwrap();
        let note = format!("is interlaced ({first} field first) and was deinterlaced");
        assert!(source.warnings().iter().any(|line| line.contains(&note)), "{name}: {:?}", source.warnings());
        let (info, whole, error) = read_all(&path, &SourceOptions::default()).unwrap();
        assert_eq!((whole.len(), error.map(|e| e.to_string())), (20, None), "{name}");
        assert!((info.rate.fps() - 25.0).abs() < 1e-9, "{name}: {:?}", info.rate);
        let (_, fields, _) = read_all(&path, &off).unwrap();
        let (before, after) = (mean_combs(&fields), mean_combs(&whole));
        assert!(before > 5.0 && after < before / 5.0, "{name}: combs of {before:.2} became {after:.2}");
        if first == "bottom" {
            continue; // The writer knows nothing of the order.
        }
        let output = folder.path().join(format!("{name}.out.mkv"));
        assert_eq!(copy(&path, &output, &SourceOptions::default()).unwrap().done.frames, 20, "{name}");
        let (_, written, _) = read_all(&output, &off).unwrap();
        assert!(mean_combs(&written) < before / 5.0, "{name}: written with combs of {:.2}", mean_combs(&written));
    }
}

#[test]
fn fields_that_are_not_marked_can_be_joined_too() {
    let folder = temp();
    let path = folder.path().join("unmarked.mkv");
    ffmpeg(&format!("{MOVING},interlace=scan=tff:lowpass=off,setfield=prog -c:v ffv1 -pix_fmt yuv420p"), &path);
    let read = |deinterlace| {
        let options = SourceOptions { deinterlace, ..SourceOptions::default() };
        let warned = !source::open(&input(&path), &options).unwrap().warnings().is_empty();
        (mean_combs(&read_all(&path, &options).unwrap().1), warned)
    };
    let (before, warned) = read(Deinterlace::Auto);
    assert!(before > 5.0 && !warned, "{before}");
    let (after, _) = read(Deinterlace::On);
    assert!(after < before / 5.0, "combs of {before:.2} became {after:.2}");
}

#[test]
fn progressive_clips_stay_as_they_are() {
    let folder = temp();
    let cases = [
        ("h264.mp4", "-c:v libx264"),
        ("mpeg2.ts", "-c:v mpeg2video"),
        ("hevc.mp4", "-c:v libx265 -x265-params log-level=error"),
    ];
    for (name, codec) in cases {
        let path = ffmpeg(&format!("{MOVING} -pix_fmt yuv420p {codec}"), &folder.path().join(name));
        let read = |deinterlace| {
            let options = SourceOptions { deinterlace, ..SourceOptions::default() };
            assert!(source::open(&input(&path), &options).unwrap().warnings().is_empty(), "{name}");
            read_all(&path, &options).unwrap().1
        };
        let (auto, off) = (read(Deinterlace::Auto), read(Deinterlace::Off));
        assert_eq!((auto.len(), off.len()), (40, 40), "{name}");
        for (a, b) in auto.iter().zip(&off) {
            let difference = core::norm2(&a.image, &b.image, core::NORM_INF, &core::no_array()).unwrap();
            assert_eq!((difference, a.time), (0.0, b.time), "{name}: frame {}", a.index);
        }
    }
}
