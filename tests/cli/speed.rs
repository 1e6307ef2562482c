//! Where and how the gradient is computed: measured once, cached, requested by flags, missing.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::Value;
use tempfile::{TempDir, tempdir};

use crate::program::{assert_refused, ffmpeg, salstream, text};

const MODEL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/crates/onnx-grad/tests/fixtures/small.onnx");

/// A folder with a picture, a clip, and its own cache.
fn folder() -> TempDir {
    let folder = tempdir().unwrap();
    ffmpeg(folder.path(), "-f lavfi -i testsrc2=size=160x120 -frames:v 1 picture.png");
    ffmpeg(folder.path(), "-f lavfi -i testsrc2=size=160x120:rate=10 -frames:v 9 clip.mp4");
    folder
}

fn run(folder: &Path, args: &str) -> Output {
    let mut command = salstream(folder);
    command.env("XDG_CACHE_HOME", folder.join("cache")).env_remove("SALSTREAM_HOME");
    command.args(["run", "picture.png", "-o", "out.png", "-y", "--preprocess", "unit", "--model", MODEL]);
    command.args(args.split_whitespace()).output().unwrap()
}

/// Whether a run measured which setting is fastest, according to its output.
fn measured(output: &Output) -> bool {
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stderr).contains("measured here once: cpu f32 ")
}

/// The only file called `name` in the cache.
fn kept(folder: &Path, name: &str) -> PathBuf {
    let choices = fs::read_dir(folder.join("cache/salstream/choices")).unwrap().flatten();
    let found: Vec<_> = choices.map(|choice| choice.path().join(name)).filter(|path| path.is_file()).collect();
    assert_eq!(found.len(), 1, "{found:?}");
    found[0].clone()
}

#[test]
fn the_fastest_is_measured_once_and_again_when_asked_or_when_what_was_kept_is_damaged() {
    let folder = folder();
    // More threads than cores disturb each other, so that the load of the machine plays no part.
    let threads = std::thread::available_parallelism().unwrap().get() + 1;
    let run = |args: &str| measured(&run(folder.path(), &format!("--threads {threads} {args}")));
    assert!(run(""), "the first start measures");
    let first = image::open(folder.path().join("out.png")).unwrap();
    assert!(!run(""), "the second trusts it");
    assert_eq!(image::open(folder.path().join("out.png")).unwrap(), first, "the kept graph makes the same picture");
    assert!(run("--remeasure"));
    assert!(!run(""));
    let graph = kept(folder.path(), "gradient.onnx");
    let whole = fs::read(&graph).unwrap();
    fs::write(&graph, &whole[..whole.len() / 2]).unwrap();
    assert!(run(""), "a truncated graph is not used");
    assert!(!run(""));
    fs::write(kept(folder.path(), "selection.json"), "{").unwrap();
    assert!(run(""), "a truncated choice is not used");
    assert!(!run("--device cpu"), "ONNX Runtime's own kernels leave nothing to measure");
}

#[test]
fn a_cache_that_cannot_be_written_costs_a_note_not_the_run() {
    let folder = folder();
    fs::write(folder.path().join("cache"), "a file").unwrap();
    let output = run(folder.path(), "");
    assert!(measured(&output));
    assert!(text(&output.stderr).contains("the measurement could not be cached"), "{}", text(&output.stderr));
}

#[test]
fn a_device_that_is_missing_is_an_error_unless_another_may_stand_in() {
    let folder = folder();
    for device in ["cuda", "tensorrt"] {
        let flag = format!("--device {device}");
        let output = run(folder.path(), &flag);
        if output.status.success() {
            eprintln!("SKIPPED: this machine has {device}, whose absence was to be tested");
            continue;
        }
        assert_refused(&output, 1, &[&format!("no {device} provider"), "--device cpu"]);
        assert!(!folder.path().join("out.png").exists());
        let output = run(folder.path(), &format!("{flag} --fallback"));
        assert!(output.status.success(), "{}", text(&output.stderr));
        let said = text(&output.stderr);
        assert!(said.contains(&format!("no {device} provider")) && said.contains("(--fallback)"), "{said}");
        fs::remove_file(folder.path().join("out.png")).unwrap();
    }
}

#[test]
fn a_precision_that_a_device_has_not_is_wrong_usage() {
    let folder = folder();
    assert_refused(&run(folder.path(), "--device cpu --precision bf16"), 2, &["cpu cannot compute in bf16"]);
    assert_refused(&run(folder.path(), "--device openvino --precision tf32"), 2, &["openvino cannot compute in tf32"]);
}

#[test]
fn bench_names_every_device_and_its_figures_fit_each_other() {
    let folder = folder();
    let bench = |args: &str| {
        let mut command = salstream(folder.path());
        command.args(["bench", "--preprocess", "unit", "--model", MODEL]).args(args.split_whitespace());
        command.output().unwrap()
    };
    let output = bench("");
    assert!(output.status.success(), "{}", text(&output.stderr));
    for device in ["cpu f32", "openvino", "cuda", "tensorrt", "Name a clip"] {
        assert!(text(&output.stdout).contains(device), "no {device} in: {}", text(&output.stdout));
    }
    let output = bench("clip.mp4 --json");
    assert!(output.status.success(), "{}", text(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let cpu = &report["gradients"][0];
    assert_eq!((cpu["device"].as_str(), cpu["precision"].as_str()), (Some("cpu"), Some("f32")));
    assert!(cpu["milliseconds"].as_f64().unwrap() > 0.0 && cpu["correlation"].as_f64().unwrap() > 0.9999);
    let clips = report["clips"].as_array().unwrap();
    assert_eq!(clips.iter().map(|clip| clip["static_every"].as_u64().unwrap()).collect::<Vec<_>>(), [1, 4]);
    for clip in clips {
        assert_eq!(clip["frames"], 9);
        let (fps, seconds) = (clip["fps"].as_f64().unwrap(), clip["seconds"].as_f64().unwrap());
        assert!((fps * seconds - 9.0).abs() < 1e-6 && clip["stages"]["motion"].as_f64().unwrap() > 0.0);
    }
    let files: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(files.len(), 2, "the result is thrown away: {files:?}");
    assert_refused(&bench("absent.mp4"), 1, &["absent.mp4"]);
}

#[test]
fn several_frames_at_once_are_explained_as_one_by_one() {
    let folder = folder();
    let at = folder.path();
    for (file, batch) in [("one.onnx", "1"), ("four.onnx", "4")] {
        let made = salstream(at).args(["model", "grad", MODEL, file, "--batch", batch]).output().unwrap();
        assert!(made.status.success(), "{}", text(&made.stderr));
    }
    let records = |model: &str, args: &str| -> Vec<Value> {
        let mut command = salstream(at);
        command.args(["run", "clip.mp4", "-o", "out.mp4", "-y", "--records", "r.jsonl", "--device", "cpu"]);
        let output = command.args(["--preprocess", "unit", "--model", model]).args(args.split_whitespace()).output();
        let output = output.unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        let lines = fs::read_to_string(at.join("r.jsonl")).unwrap();
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    // Nine frames make two full batches and one frame left over, or key frames too far apart to wait for each other.
    for args in ["", "--static-every 4", "--target locked", "--target frequent"] {
        let (single, batched) = (records("one.onnx", args), records("four.onnx", args));
        assert_eq!((single.len(), batched.len()), (9, 9));
        for (a, b) in single.iter().zip(&batched) {
            assert_eq!((&a["index"], &a["class"]), (&b["index"], &b["class"]), "{args}");
            for part in ["probability", "static_mean", "fused_mean"] {
                let (a, b) = (a[part].as_f64().unwrap(), b[part].as_f64().unwrap());
                assert!((a - b).abs() < 1e-4, "{args}: {part} {a} {b}");
            }
        }
    }
}
