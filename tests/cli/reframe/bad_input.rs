//! What cannot be reframed gets one line that says why.

use std::fs;

use tempfile::tempdir;

use super::fixture::{crossing, reframe};
use crate::program::{assert_refused, ffmpeg, names, probe, text};

#[test]
fn flags_that_make_no_sense_are_refused() {
    let folder = tempdir().unwrap();
    ffmpeg(folder.path(), "-f lavfi -i testsrc2=s=64x48:r=25:d=0.2 in.mp4");
    let wrong = [
        ("--aspect 0:1", "WIDTH:HEIGHT"),
        ("--aspect abc", "WIDTH:HEIGHT"),
        ("--aspect 9:16:1", "WIDTH:HEIGHT"),
        ("--zoom 0.5", "from 1 to 8"),
        ("--zoom nan", "from 1 to 8"),
        ("--safe-area 0.9", "from 0 to 0.5"),
        ("--pad pink", "#1a2b3c"),
        ("--height 3", "16..=8192"),
        ("--show --height 320", "cannot be used with"),
    ];
    for (flags, word) in wrong {
        let output = reframe(folder.path(), &format!("in.mp4 {flags}"));
        let stderr = text(&output.stderr);
        assert!(output.status.code() == Some(2) && stderr.contains(word), "{flags}: {stderr}");
    }
    for (args, word) in [
        ("https://example.org/clip.mp4 -o out.mp4", "reads a clip twice"),
        ("in.mp4 -o in.mp4 -y", "the output is the input itself"),
        ("in.mp4 -o out.mp4 --path out.mp4", "two outputs have this name"),
        ("in.mp4 -o out.mp4 --path in.mp4 -y", "the output is the input itself"),
        ("in.mp4 -o out.mp4 --ffmpeg -", "need a file name"),
        ("in.mp4 -o out.png", "a clip becomes a video"),
        ("in.mp4 --fps 25", "--fps is for a folder"),
    ] {
        assert_refused(&reframe(folder.path(), args), 2, &[word]);
    }
    assert_refused(&reframe(folder.path(), "missing.mp4"), 1, &["missing.mp4", "no such file"]);
    assert_eq!(names(folder.path()), ["in.mp4"]);
}

#[test]
fn of_a_damaged_clip_the_frames_before_the_damage_are_kept() {
    let folder = tempdir().unwrap();
    let at = folder.path();
    crossing(at, "whole.mp4");
    ffmpeg(at, "-i whole.mp4 -c copy whole.mkv");
    let bytes = fs::read(at.join("whole.mkv")).unwrap();
    fs::write(at.join("in.mkv"), &bytes[..bytes.len() / 10 * 9]).unwrap();
    let output = reframe(at, "in.mkv -o out.mp4 --path path.json");
    assert_refused(&output, 1, &["in.mkv", "the decoded part is in out.mp4"]);
    let path: serde_json::Value = serde_json::from_slice(&fs::read(at.join("path.json")).unwrap()).unwrap();
    let kept = path["frames"].as_array().unwrap().len();
    assert!((10..70).contains(&kept), "{kept}");
    assert_eq!(probe(&at.join("out.mp4"), "v", "stream=nb_read_packets"), kept.to_string());
}
