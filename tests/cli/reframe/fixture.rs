//! Clips of a textured background with a moving pattern, and the path that the program finds.

use std::fs;
use std::path::Path;
use std::process::Output;

use serde_json::Value;

use crate::program::{ffmpeg, salstream, text};

/// Size of the clips.
pub const WIDTH: i64 = 640;
pub const HEIGHT: i64 = 360;
/// Size of the moving pattern.
pub const OBJECT: i64 = 80;

/// A plain background with texture, as an FFmpeg filter chain.
pub const PLAIN: &str = "color=c=0x607080:s=640x360:r=25:d=9,noise=c0s=40:c0_seed=7";

/// Makes `name` of `seconds` at 25 fps, with patterns on `background` whose left edges and tops are FFmpeg expressions
/// of the time `t`. `more` are further inputs and options.
pub fn clip(folder: &Path, name: &str, seconds: f64, background: &str, objects: &[(&str, &str)], more: &str) {
    let mut graph = format!("{background}[v0]");
    for (index, (x, y)) in objects.iter().enumerate() {
        let next = index + 1;
        graph += &format!(";smptebars=s={OBJECT}x{OBJECT}:r=25:d={seconds}[o{index}]");
        graph += &format!(";[v{index}][o{index}]overlay=x={x}:y={y}:shortest=1[v{next}]");
    }
    let last = objects.len();
    ffmpeg(folder, &format!("{more} -filter_complex {graph} -map [v{last}] -pix_fmt yuv420p -crf 12 {name}"));
}

/// A clip of 3 s in which the pattern crosses the picture, with a tone.
pub fn crossing(folder: &Path, name: &str) {
    let sound = "-f lavfi -i sine=d=3 -map 0:a -c:a aac";
    clip(folder, name, 3.0, PLAIN, &[("40+150*t", "140")], sound);
}

/// Runs `salstream reframe ARGS` in `folder`.
pub fn reframe(folder: &Path, args: &str) -> Output {
    salstream(folder).arg("reframe").args(args.split_whitespace()).output().unwrap()
}

/// Runs it, which must succeed, and returns what it said.
pub fn said(folder: &Path, args: &str) -> String {
    let output = reframe(folder, args);
    assert!(output.status.success(), "{args}: {}", text(&output.stderr));
    text(&output.stderr)
}

/// Runs `salstream reframe ARGS --path`, which must succeed, and returns the path and what it said.
pub fn path(folder: &Path, args: &str) -> (Value, String) {
    let said = said(folder, &format!("{args} --path path.json -y"));
    (serde_json::from_slice(&fs::read(folder.join("path.json")).unwrap()).unwrap(), said)
}

/// A value of each frame, such as `x`.
pub fn column(path: &Value, name: &str) -> Vec<i64> {
    path["frames"].as_array().unwrap().iter().map(|frame| frame[name].as_i64().unwrap()).collect()
}

/// Index of the first frame of each shot but the first.
pub fn cuts(path: &Value) -> Vec<usize> {
    let shots = column(path, "shot");
    (1..shots.len()).filter(|&index| shots[index] != shots[index - 1]).collect()
}
