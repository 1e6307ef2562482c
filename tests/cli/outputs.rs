//! The output of a run appears complete, replaces only what it may, and is rejected before any work.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Output, Stdio};
use std::time::{Duration, Instant};

use crate::program::{assert_refused, ffmpeg, interrupt, names, probe, salstream, text};
use tempfile::tempdir;

fn run(folder: &Path, args: &str) -> Output {
    salstream(folder).arg("run").args(args.split_whitespace()).output().unwrap()
}

#[test]
fn maps_never_replace_the_inputs_frames() {
    let folder = tempdir().unwrap();
    let at = folder.path();
    ffmpeg(at, "-f lavfi -i testsrc2=size=160x120:rate=25 -frames:v 2 -start_number 0 %06d.png");
    let frame = fs::read(at.join("000000.png")).unwrap();
    for (input, maps) in [("%06d.png", "."), ("./%06d.png", "."), (".", "."), ("000000.png", "../here/.")] {
        let maps = maps.replace("here", &at.file_name().unwrap().to_string_lossy());
        let output = if input == "000000.png" { "out.png" } else { "out.mp4" };
        let refused = run(at, &format!("{input} -o {output} --maps {maps} -y"));
        assert_refused(&refused, 2, &["--maps", "the input's frames"]);
    }
    assert_eq!(fs::read(at.join("000000.png")).unwrap(), frame);
    assert_eq!(names(at), ["000000.png", "000001.png"]);
}

#[test]
fn every_refusal_comes_before_the_work() {
    let folder = tempdir().unwrap();
    let at = folder.path();
    ffmpeg(at, "-f lavfi -i testsrc2=size=160x120:rate=25 -t 0.2 -pix_fmt yuv420p clip.mp4");
    fs::create_dir(at.join("full")).unwrap();
    fs::write(at.join("full/thesis.txt"), "precious").unwrap();
    let before = names(at);
    // The model is missing too; its error would come first if any work were done.
    for (args, word) in [
        ("-o out.txt", "out.txt"),
        ("-o out.mp4 --records out.xml", "out.xml"),
        ("-o out.mp4 --records out.mp4", "records"),
        ("-o out.mp4 --maps full", "not empty"),
        ("-o out.mp4 --maps clip.mp4 -y", "folder"),
        ("-o clip.mp4 -y", "the input itself"),
    ] {
        assert_refused(&run(at, &format!("clip.mp4 --model missing.onnx {args}")), 2, &[word]);
    }
    assert_refused(&salstream(at).args(["run", "", "-o", "out.mp4"]).output().unwrap(), 2, &["input is empty"]);
    assert_refused(&run(at, "clip.mp4 -o out.mp4 --maps new --model missing.onnx"), 1, &["missing.onnx"]);
    assert_eq!(names(at), before);
}

#[test]
fn a_clip_that_breaks_off_keeps_its_maps_and_a_shorter_run_replaces_them() {
    let folder = tempdir().unwrap();
    let at = folder.path();
    fs::create_dir(at.join("in")).unwrap();
    ffmpeg(at, "-f lavfi -i testsrc2=size=160x120:rate=25 -frames:v 4 in/%d.png");
    fs::write(at.join("in/3.png"), "no image").unwrap();
    assert_refused(&run(at, "in -o out.mp4 --maps maps"), 1, &["3.png", "out.mp4"]);
    assert_eq!(names(&at.join("maps")), ["000000.png", "000001.png"]);
    fs::write(at.join("maps/notes.txt"), "precious").unwrap();
    let shorter = run(at, "in -o out.mp4 --maps maps --duration 0.04 -y");
    assert!(shorter.status.success(), "{}", text(&shorter.stderr));
    assert_eq!(names(&at.join("maps")), ["000000.png", "notes.txt"]);
    assert_eq!(names(at), ["in", "maps", "out.mp4"]);
}

/// Begins a run of the sample with all kinds of outputs, and waits until they are open.
fn begin(folder: &Path, args: &[&str]) -> Child {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut command = salstream(folder);
    command.arg("run").arg(root.join("samples/sample.mp4")).args(["--duration", "1", "--quiet"]);
    command.args(["--device", "cpu", "--precision", "f32", "--preprocess", "unit", "--model"]);
    command.arg(root.join("crates/onnx-grad/tests/fixtures/small.onnx"));
    command.args(["--records", "r.jsonl", "--timeline", "t.png", "--maps", "maps"]).args(args);
    let child = command.stderr(Stdio::piped()).spawn().unwrap();
    let own = format!("-{}-", child.id());
    let since = Instant::now();
    while names(folder).iter().filter(|name| name.contains(&own)).count() < 3 {
        assert!(since.elapsed() < Duration::from_secs(60), "no outputs");
        std::thread::sleep(Duration::from_millis(5));
    }
    child
}

#[test]
fn all_outputs_of_a_run_appear_or_none() {
    for (output, taken) in [("out.mp4", "r.jsonl"), ("out.mp4", "out.mp4"), ("%d.png", "t.png")] {
        let folder = tempdir().unwrap();
        let at = folder.path();
        let child = begin(at, &["-o", output]);
        assert!(names(at).iter().all(|name| name.starts_with('.')), "an output appears early: {:?}", names(at));
        fs::write(at.join(taken), "another's").unwrap();
        assert_refused(&child.wait_with_output().unwrap(), 1, &[taken, "cannot be moved into place: File exists"]);
        assert_eq!(names(at), [taken]);
        assert_eq!(fs::read(at.join(taken)).unwrap(), b"another's");
    }
}

#[test]
fn a_set_that_cannot_replace_all_files_of_an_earlier_one_replaces_none() {
    let folder = tempdir().unwrap();
    let at = folder.path();
    fs::create_dir(at.join("maps")).unwrap();
    let before = ["maps/000000.png", "maps/999999.png", "r.jsonl", "t.png"];
    before.iter().for_each(|name| fs::write(at.join(name), "earlier").unwrap());
    let child = begin(at, &["-y", "-o", "out.mp4"]);
    fs::create_dir_all(at.join("out.mp4/full")).unwrap();
    let problem = "out.mp4: cannot be moved into place: Is a directory";
    assert_refused(&child.wait_with_output().unwrap(), 1, &[problem]);
    assert_eq!(names(at), ["maps", "out.mp4", "r.jsonl", "t.png"]);
    assert_eq!(names(&at.join("maps")), ["000000.png", "999999.png"]);
    assert!(before.iter().all(|name| fs::read(at.join(name)).unwrap() == b"earlier"));
    fs::remove_dir_all(at.join("out.mp4")).unwrap();
    let output = begin(at, &["-y", "-o", "out.mp4"]).wait_with_output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(names(&at.join("maps")).len(), 25);
    assert_eq!(names(at), ["maps", "out.mp4", "r.jsonl", "t.png"]);
}

#[test]
fn ctrl_c_in_a_terminal_does_not_reach_ffmpeg() {
    let folder = tempdir().unwrap();
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/sample.mp4");
    let mut command = salstream(folder.path());
    command.arg("run").arg(sample).args(["-o", "out.mp4", "--maps", "maps", "--progress", "json"]);
    let mut child = command.stderr(Stdio::piped()).process_group(0).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    lines.by_ref().map(Result::unwrap).find(|line| line.contains(r#""event":"progress""#)).expect("progress");
    interrupt(&format!("-{}", child.id()));
    let rest: Vec<_> = lines.map(Result::unwrap).collect();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{rest:?}");
    let frames: usize = probe(&folder.path().join("out.mp4"), "v", "stream=nb_read_packets").parse().unwrap();
    assert!((1..250).contains(&frames), "{frames} frames");
    assert_eq!(names(&folder.path().join("maps")).len(), frames);
    assert_eq!(names(folder.path()), ["maps", "out.mp4"]);
}

#[test]
fn doctor_tells_an_ffmpeg_that_fails_and_survives_a_reader_that_leaves() {
    let folder = tempdir().unwrap();
    let program = folder.path().join("ffmpeg");
    fs::write(&program, "#!/bin/sh\nexit 1\n").unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let output = salstream(folder.path()).arg("doctor").env("PATH", folder.path()).output().unwrap();
    let told = text(&output.stdout);
    let line = told.lines().find(|line| line.contains(" ffmpeg ")).unwrap();
    assert!(line.starts_with("MISSING") && line.contains("fails") && line.contains("repair it"), "{line}");
    assert_eq!(output.status.code(), Some(1), "a run would fail");
    let mut child = salstream(folder.path());
    let mut child = child.arg("doctor").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let mut complaints = String::new();
    child.stderr.take().unwrap().read_to_string(&mut complaints).unwrap();
    assert_eq!((child.wait().unwrap().code(), complaints.as_str()), (Some(0), ""));
}
