//! Encoding of frames to an H.264 file and back.

use std::io::Write;
use std::process::{Command, Stdio};

use opencv::prelude::*;
use salstream::frame::{Frame, Rate};
use salstream::source::{self, Input, SourceOptions};

/// `frames` as the program reads them from a file that FFmpeg wrote with these encoder arguments.
pub fn recorded(frames: &[Frame], rate: Rate, arguments: &[&str]) -> Vec<Frame> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("clip.mp4");
    let size = frames[0].size();
    let mut ffmpeg = Command::new("ffmpeg")
        .args(["-v", "error", "-f", "rawvideo", "-pix_fmt", "bgr24"])
        .args(["-s", &format!("{}x{}", size.width, size.height), "-r", &format!("{}/{}", rate.num, rate.den)])
        .args(["-i", "-", "-c:v", "libx264", "-pix_fmt", "yuv420p"])
        .args(arguments)
        .arg(&path)
        .stdin(Stdio::piped())
        .spawn()
        .expect("ffmpeg is installed");
    let mut input = ffmpeg.stdin.take().unwrap();
    frames.iter().for_each(|frame| input.write_all(frame.image.data_bytes().unwrap()).unwrap());
    drop(input);
    assert!(ffmpeg.wait().unwrap().success());
    let mut source = source::open(&Input::Video(path), &SourceOptions::default()).unwrap();
    std::iter::from_fn(|| source.read().unwrap()).collect()
}
