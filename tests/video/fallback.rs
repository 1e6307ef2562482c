//! Without ffmpeg, the picture is still read and written.

use std::path::{Path, PathBuf};
use std::process::Command;

use opencv::imgcodecs;
use salstream::colour::ColourTags;
use salstream::frame::{ClipEnd, Rate};
use salstream::sink::video::{EncodeOptions, VideoSink};
use salstream::source::{self, SourceOptions};

use crate::tools::{clapper, ffmpeg, first_bright, input, packet_times, psnr, read_all, shown_by_ffmpeg, temp};

/// A black clip with one bright corner.
fn corner(folder: &Path) -> PathBuf {
    let picture = "color=black:s=96x64:r=25:d=0.2,drawbox=w=20:h=20:t=fill:c=white";
    ffmpeg(&format!("-f lavfi -i {picture} -c:v libx264"), &folder.join("corner.mp4"))
}

#[test]
fn without_ffmpeg_the_picture_is_still_written() {
    let folder = temp();
    let path = clapper(&folder.path().join("in.mp4"), 1.0, "-c:a aac");
    let turned = path.with_file_name("turned.mp4");
    ffmpeg(&format!("-i {} -c copy -an -metadata:s:v rotate=90", corner(folder.path()).display()), &turned);
    let reference = shown_by_ffmpeg(&turned, 0);
    imgcodecs::imwrite_def(path.with_file_name("turned.png"), &reference).unwrap();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "fallback::without_ffmpeg_inner", "--ignored"])
        .env("PATH", "")
        .env("SALSTREAM_TEST_CLIP", &path);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let written = folder.path().join("out.mp4");
    assert_eq!(packet_times(&written).len(), 100);
    assert!((first_bright(&written) - 1.0).abs() < 0.041);
}

#[test]
#[ignore = "runs in a process of its own, without ffmpeg, for without_ffmpeg_the_picture_is_still_written"]
fn without_ffmpeg_inner() {
    let path = PathBuf::from(std::env::var_os("SALSTREAM_TEST_CLIP").expect("the outer test runs it"));
    let mut source = source::open(&input(&path), &SourceOptions::default()).unwrap();
    assert!(source.warnings()[0].contains("ffprobe is not installed"));
    let info = source.info().clone();
    assert_eq!((info.rate, info.frames), (Rate { num: 25, den: 1 }, Some(100)));
    let encode =
        EncodeOptions { format: None, crf: 20, overwrite: false, passthrough: None, colour: ColourTags::BT709 };
    let mut sink = VideoSink::create(&path.with_file_name("out.mp4"), info.size, info.rate, encode).unwrap();
    while let Some(frame) = source.read().unwrap() {
        sink.write(&frame.image, frame.time).unwrap();
    }
    assert!(
        sink.finish(ClipEnd::default()).unwrap().publish().unwrap().warnings[0].contains("ffmpeg is not installed")
    );
    let (_, frames, _) = read_all(&path.with_file_name("turned.mp4"), &SourceOptions::default()).unwrap();
    let reference = imgcodecs::imread(path.with_file_name("turned.png"), imgcodecs::IMREAD_COLOR).unwrap();
    assert!(psnr(&frames[0].image, &reference) > 30.0, "rotated the wrong way without ffprobe");
}
