//! Stopped by a signal: nothing in the first pass, a playable result in the second one.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;

use serde_json::Value;
use tempfile::tempdir;

use crate::program::{interrupt, names, probe, salstream};

/// Reframes the sample, and interrupts it at the first progress in this `pass`. Returns the last line.
fn stopped(folder: &Path, pass: usize) -> String {
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/sample.mp4");
    let mut command = salstream(folder);
    // A large result, so that the second pass takes some seconds.
    command.arg("reframe").arg(sample).args(["-o", "out.mp4", "--path", "path.json", "--height", "2160"]);
    command.args(["--progress", "json", "--static-every", "8"]).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    let (mut before, mut passes) = (u64::MAX, 0);
    while passes < pass {
        let line: Value = serde_json::from_str(&lines.next().expect("progress")).unwrap();
        if let Some(frame) = line["frame"].as_u64() {
            passes += usize::from(frame < before);
            before = frame;
        }
    }
    interrupt(&child.id().to_string());
    let last = lines.last().unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{last}");
    last
}

#[test]
fn in_the_first_pass_nothing_is_written() {
    let folder = tempdir().unwrap();
    assert_eq!(stopped(folder.path(), 1), "stopped before the first frame, nothing was written");
    assert_eq!(names(folder.path()), Vec::<String>::new());
}

#[test]
fn in_the_second_pass_the_result_is_playable() {
    let folder = tempdir().unwrap();
    let last = stopped(folder.path(), 2);
    assert!(last.contains("interrupted"), "{last}");
    let frames: u64 = probe(&folder.path().join("out.mp4"), "v", "stream=nb_read_packets").parse().unwrap();
    assert!((1..250).contains(&frames), "{frames}");
    assert_eq!(names(folder.path()), ["out.mp4", "path.json"]);
}
