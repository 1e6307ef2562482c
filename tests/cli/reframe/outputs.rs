//! The files: the picture, its sound and times, the path for other programs.

use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::tempdir;

use super::fixture::{PLAIN, clip, crossing, path, said};
use crate::program::{ffmpeg, names, probe, text};

/// PSNR in dB between the pictures of `file` and those of `source` after `filters`.
fn psnr(folder: &Path, file: &str, source: &str, filters: &str) -> f64 {
    let mut command = Command::new("ffmpeg");
    command.current_dir(folder).args(["-nostdin", "-i", file, "-i", source, "-lavfi"]);
    command.arg(format!("[1:v]{filters}[b];[0:v][b]psnr")).args(["-f", "null", "-"]);
    let log = text(&command.output().unwrap().stderr);
    let average = log.split("average:").nth(1).unwrap_or_else(|| panic!("{log}"));
    average.split_whitespace().next().unwrap().parse().unwrap()
}

#[test]
fn the_result_has_the_sound_and_the_times_and_the_ffmpeg_commands_give_the_same_picture() {
    let folder = tempdir().unwrap();
    let at = folder.path();
    crossing(at, "in.mp4");
    let (path, _) = path(at, "in.mp4 -o out.mp4 --crf 6 --ffmpeg crop.cmd");
    let out = at.join("out.mp4");
    let size = ["width", "height"].map(|side| probe(&out, "v", &format!("stream={side}")));
    assert_eq!(size, ["202", "360"]);
    assert_eq!(probe(&out, "v", "stream=nb_read_packets"), "75");
    assert_eq!(probe(&out, "a", "stream=codec_name"), "aac");
    let duration: f64 = probe(&out, "v", "format=duration").parse().unwrap();
    assert!((duration - 3.0).abs() < 0.05, "{duration}");
    let times: Vec<f64> = path["frames"].as_array().unwrap().iter().map(|f| f["time"].as_f64().unwrap()).collect();
    assert!(times.iter().enumerate().all(|(index, time)| (time - 0.04 * index as f64).abs() < 1e-3), "{times:?}");

    let commands = fs::read_to_string(at.join("crop.cmd")).unwrap();
    let usage = commands.lines().next().unwrap();
    let filters = usage.split('"').nth(1).unwrap().replace("FILE", "crop.cmd");
    let (same, still) = (psnr(at, "out.mp4", "in.mp4", &filters), psnr(at, "out.mp4", "in.mp4", "crop=202:360:0:0"));
    assert!(same > 35.0 && still < 20.0, "{same} dB; a window that rests: {still} dB");
    assert_eq!(names(at), ["crop.cmd", "in.mp4", "out.mp4", "path.json"]);
}

#[test]
fn a_variable_frame_rate_keeps_its_times() {
    let folder = tempdir().unwrap();
    let at = folder.path();
    clip(at, "in.mp4", 2.0, PLAIN, &[("40+100*t", "140")], "");
    ffmpeg(at, "-i in.mp4 -vf select=not(eq(mod(n\\,5)\\,2)) -vsync vfr -crf 12 vfr.mkv");
    said(at, "vfr.mkv -o out.mkv");
    let times = |file: &str| {
        let mut command = Command::new("ffprobe");
        let args = ["-v", "error", "-select_streams", "v:0", "-show_entries", "frame=pts_time", "-of", "csv=p=0"];
        text(&command.current_dir(at).args(args).arg(file).output().unwrap().stdout)
    };
    assert_eq!(times("out.mkv"), times("vfr.mkv"));
}

#[test]
fn show_draws_the_window_over_the_whole_picture() {
    let folder = tempdir().unwrap();
    let at = folder.path();
    crossing(at, "in.mp4");
    said(at, "in.mp4 -o out.mp4 --show --duration 0.4 --no-audio");
    assert_eq!(probe(&at.join("out.mp4"), "v", "stream=width"), "640");
    // Inside the window, the picture is as it was; outside, it is dark.
    let inside = psnr(at, "out.mp4", "in.mp4", "trim=end=0.4");
    ffmpeg(at, "-i out.mp4 -vf crop=60:340:570:10,scale=1:1 -frames:v 1 -f rawvideo -pix_fmt gray dark");
    ffmpeg(at, "-i in.mp4 -vf crop=60:340:570:10,scale=1:1 -frames:v 1 -f rawvideo -pix_fmt gray light");
    let [dark, light] = ["dark", "light"].map(|file| i32::from(fs::read(at.join(file)).unwrap()[0]));
    assert!(dark < light / 2 && inside < 30.0, "{dark}, {light}");
}

#[test]
fn pad_shows_what_does_not_fit_whole_with_a_border() {
    let folder = tempdir().unwrap();
    let at = folder.path();
    clip(at, "in.mp4", 1.0, PLAIN, &[("20", "40+90*t"), ("540", "200-90*t")], "");
    let said = said(at, "in.mp4 -o out.mp4 --pad #ff0000 --height 640");
    assert!(!said.contains("--pad blur"), "{said}");
    let size = ["width", "height"].map(|side| probe(&at.join("out.mp4"), "v", &format!("stream={side}")));
    assert_eq!(size, ["360", "640"]);
    ffmpeg(at, "-i out.mp4 -vf crop=340:200:10:4,scale=1:1 -frames:v 1 -f rawvideo -pix_fmt rgb24 border");
    let border = fs::read(at.join("border")).unwrap();
    assert!(border[0] > 230 && border[1] < 30 && border[2] < 30, "{border:?}");
    // The whole picture is in the middle: 360 x 203 at y = 218.
    let at_y =
        |y| psnr(at, "out.mp4", "in.mp4", &format!("format=gbrp,scale=360:203:flags=area,pad=360:640:0:{y}:red"));
    let (middle, below) = (at_y(218), at_y(228));
    assert!(middle > 24.0 && middle > below + 2.0, "{middle} dB; 10 pixels lower: {below} dB");
    said_blur(at);
}

fn said_blur(at: &Path) {
    said(at, "in.mp4 -o blur.mp4 --pad blur --duration 0.2");
    ffmpeg(at, "-i blur.mp4 -vf crop=200:100:1:1,scale=1:1 -frames:v 1 -f rawvideo -pix_fmt gray border");
    assert!(fs::read(at.join("border")).unwrap()[0] > 60, "the border is the picture's own colours");
}
