//! The path for other programs.

use std::fmt::Write;

use serde_json::json;

use super::{Aspect, CameraPath};

/// The path as JSON: the sizes, and for each frame its time in seconds and its window in pixels.
pub fn path_json(path: &CameraPath, aspect: Aspect) -> String {
    let (picture, window) = (path.options.picture, path.options.window);
    let shots: Vec<_> = path.shots.iter().map(|shot| json!({ "kept": shot.kept, "salient": !shot.is_blank })).collect();
    let frame = |(index, frame): (usize, &super::FrameWindow)| {
        let window = frame.window;
        json!({ "index": index, "time": frame.time, "shot": frame.shot,
            "x": window.x, "y": window.y, "w": window.width, "h": window.height })
    };
    let frames: Vec<String> = path.frames.iter().enumerate().map(|frame_at| frame(frame_at).to_string()).collect();
    let head = json!({ "aspect": aspect.to_string(), "picture": [picture.width, picture.height],
        "window": [window.width, window.height], "shots": shots });
    let head = head.to_string();
    format!("{},\"frames\":[\n{}\n]}}\n", &head[..head.len() - 1], frames.join(",\n"))
}

/// The path as commands for FFmpeg's `sendcmd` and `crop`, with a comment that shows how to use them. `start` is the time
/// of the first frame in the file. In yuv420p, `crop` could only begin at even pixels.
pub fn sendcmd(path: &CameraPath, start: f64) -> String {
    let (picture, window) = (path.options.picture, path.options.window);
    let mut text = format!(
        "# ffmpeg -i INPUT -vf \"scale={}:{},format=gbrp,sendcmd=f=FILE,crop={}:{}:0:0,format=yuv420p\" OUTPUT\n",
        picture.width, picture.height, window.width, window.height
    );
    let mut before: Option<&super::FrameWindow> = None;
    for frame in &path.frames {
        let (x, y) = (frame.window.x, frame.window.y);
        if before.is_none_or(|before| before.window != frame.window) {
            // Half way between two frames, so that rounding does not matter.
            let time = before.map_or(0.0, |before| start + (before.time + frame.time) / 2.0);
            let _ = writeln!(text, "{time:.6} crop x {x}, crop y {y};");
        }
        before = Some(frame);
    }
    text
}
