//! Names, labels and tags that would control the terminal.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;

use crate::clip;
use crate::program::{ffmpeg, salstream, text};

/// Whether bytes could control a terminal.
fn controls(bytes: &[u8]) -> bool {
    text(bytes).chars().any(|c| c.is_control() && c != '\n' || ('\u{202a}'..='\u{202e}').contains(&c))
}

#[test]
fn nothing_from_outside_controls_the_terminal() {
    let folder = clip(1);
    let at = folder.path();
    let evil = OsStr::from_bytes(b"a\x1b]0;title\x07\x1b[2J\xc2\x9b31m\xe2\x80\xaegpm.mp4");
    fs::copy(at.join("clip.mp4"), at.join(evil)).unwrap();
    fs::write(at.join(OsStr::from_bytes(b"text\x1b[31m.mp4")), "no video").unwrap();
    fs::write(at.join("labels.txt"), "a\x1b[5mlabel\n".repeat(1000)).unwrap();
    ffmpeg(
        at,
        "-i clip.mp4 -c copy -metadata:s:a language=x\x1b[7m -metadata title=\x1b[31mred -f matroska tagged.mkv",
    );
    fs::create_dir(at.join("in")).unwrap();
    fs::rename(at.join("tagged.mkv"), at.join("in").join(OsStr::from_bytes(b"t\x1b[31m.mkv"))).unwrap();
    let run = |args: &[&OsStr]| salstream(at).args(args).output().unwrap();
    let plain = |text: &'static str| OsStr::new(text);
    let cases: [(&str, Vec<&OsStr>); 7] = [
        ("input", vec![plain("run"), evil, plain("-o"), plain("out.mp4"), plain("--device"), plain("cpu")]),
        ("missing", vec![plain("run"), plain("no\x1b[31mfile.mp4"), plain("-o"), plain("x.mp4")]),
        ("no video", vec![plain("run"), plain("text\x1b[31m.mp4"), plain("-o"), plain("x.mp4")]),
        ("flag", vec![plain("run"), plain("--no\x1b[31msuch")]),
        ("command", vec![plain("r\x1b[31mun")]),
        (
            "target",
            vec![plain("run"), plain("clip.mp4"), plain("-o"), plain("y.mp4"), plain("--target"), plain("\x1b[31m")],
        ),
        ("batch", vec![plain("batch"), plain("in"), plain("-o"), plain("out"), plain("--device"), plain("cpu")]),
    ];
    for (name, args) in &cases {
        let output = run(args);
        assert!(!output.stderr.is_empty() || output.status.success(), "{name}");
        for stream in [&output.stdout, &output.stderr] {
            assert!(!controls(stream), "{name}: {:?}", text(stream));
        }
    }
}
