//! Pipes and devices where a file is expected: read within bounds, or refused; never waited for without end.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::{TempDir, tempdir};

use crate::model::model;
use crate::program::{assert_refused, ffmpeg, interrupt, salstream, text};

/// A folder with a model of three classes, `m.onnx`, its labels, and a picture.
fn folder() -> TempDir {
    let folder = tempdir().unwrap();
    let at = folder.path();
    fs::write(at.join("m.onnx"), model()).unwrap();
    fs::write(at.join("labels.txt"), "red\ngreen\nblue\n").unwrap();
    ffmpeg(at, "-f lavfi -i color=c=0x00ff00:size=64x48 -frames:v 1 in.png");
    folder
}

fn fifo(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

/// `salstream run in.png ARGS` in bash, so that `<(...)` works.
fn run(at: &Path, args: &str) -> Output {
    let program = env!("CARGO_BIN_EXE_salstream");
    let line = format!("{program} run in.png -o out.png -y --device cpu --preprocess unit {args}");
    let began = Instant::now();
    let output = Command::new("bash").current_dir(at).args(["-c", &line]).output().unwrap();
    assert!(began.elapsed() < Duration::from_secs(20), "{args}: {:?}", began.elapsed());
    output
}

#[test]
fn a_process_substitution_is_a_file_of_labels_or_settings() {
    let folder = folder();
    let at = folder.path();
    let output = run(at, "--model m.onnx --labels <(cat labels.txt) --records r.jsonl --config <(echo alpha = 0.5)");
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(fs::read_to_string(at.join("r.jsonl")).unwrap().contains("green"));
}

#[test]
fn endless_files_are_refused() {
    let folder = folder();
    let at = folder.path();
    assert_refused(&run(at, "--model m.onnx --labels <(yes)"), 1, &["/dev/fd/", "more than 67.11 MB"]);
    assert_refused(&run(at, "--model m.onnx --labels /dev/zero"), 1, &["/dev/zero", "more than"]);
    assert_refused(&run(at, "--model m.onnx --labels <(true)"), 1, &["0 lines", "3 classes"]);
    assert_refused(&run(at, "--model m.onnx --config /dev/zero"), 1, &["/dev/zero", "more than"]);
    for model in ["/dev/zero", "<(yes)", "pipe.onnx"] {
        if model == "pipe.onnx" {
            fifo(&at.join(model));
        }
        assert_refused(&run(at, &format!("--model {model}")), 1, &["is not a file"]);
    }
    fifo(&at.join("m.toml"));
    assert_refused(&run(at, "--model m.onnx"), 1, &["m.toml", "is not a file"]);
    fs::remove_file(at.join("m.toml")).unwrap();
    fs::write(at.join("m.toml"), "labels = 'endless.txt'").unwrap();
    std::os::unix::fs::symlink("/dev/zero", at.join("endless.txt")).unwrap();
    assert_refused(&run(at, "--model m.onnx"), 1, &["endless.txt", "more than"]);
}

#[test]
fn a_signal_ends_the_wait_for_a_pipe_that_nobody_writes() {
    let folder = folder();
    let at = folder.path();
    fifo(&at.join("names.txt"));
    for command in ["run in.png -o out.png -y --device cpu --model m.onnx", "model inspect m.onnx"] {
        let mut program = salstream(at);
        program.args(command.split_whitespace()).args(["--labels", "names.txt"]).stderr(Stdio::piped());
        let child = program.spawn().unwrap();
        std::thread::sleep(Duration::from_secs(2));
        let began = Instant::now();
        interrupt(&child.id().to_string());
        let output = child.wait_with_output().unwrap();
        assert!(!output.status.success() && began.elapsed() < Duration::from_secs(5), "{command}");
        assert!(!at.join("out.png").exists());
    }
}
