//! What the set-up scripts, the model catalog and the sample promise, checked without a network.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A file of the repository.
fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn read(name: &str) -> String {
    std::fs::read_to_string(path(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

fn run(command: &mut Command) -> Output {
    command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"))
}

fn catalog() -> Vec<toml::Table> {
    let table: toml::Table = read("models/catalog.toml").parse().expect("catalog.toml parses");
    let models = table["model"].as_array().expect("an array of models");
    models.iter().map(|model| model.as_table().expect("a table").clone()).collect()
}

#[test]
fn class_names_are_a_thousand_distinct_ascii_lines() {
    let names = read("models/imagenet_classes.txt");
    let distinct: HashSet<_> = names.lines().map(str::to_lowercase).collect();
    assert_eq!((names.lines().count(), distinct.len()), (1000, 1000));
    assert!(names.is_ascii() && names.lines().all(|name| !name.is_empty() && name.trim() == name));
    let at = |index| names.lines().nth(index);
    assert_eq!(
        [at(0), at(285), at(967), at(999)].map(Option::unwrap),
        ["tench", "Egyptian cat", "espresso", "toilet tissue"]
    );
}

#[test]
fn every_catalog_entry_is_complete() {
    let models = catalog();
    let names: HashSet<_> = models.iter().map(|model| model["name"].as_str().expect("a name")).collect();
    assert_eq!(names.len(), models.len(), "names are distinct");
    assert!(names.contains("efficientnet-lite0") && names.contains("resnet50"));
    for model in &models {
        let text = |key: &str| model[key].as_str().unwrap_or_else(|| panic!("{key} of {model:?}"));
        assert!(text("sha256").len() == 64 && text("sha256").bytes().all(|byte| b"0123456789abcdef".contains(&byte)));
        assert_eq!(text("file"), format!("{}.onnx", text("name")));
        assert!(text("url").starts_with("https://") || text("url").starts_with("pkg:pypi/"));
        assert!(path("models").join(text("labels")).is_file());
        assert!(model["bytes"].as_integer() > Some(1_000_000));
        assert_eq!(
            (text("license"), text("layout"), text("channels"), text("scores")),
            ("Apache-2.0", "NCHW", "RGB", "logits")
        );
        for key in ["mean", "std"] {
            assert_eq!(model[key].as_array().map(Vec::len), Some(3), "{key} of {model:?}");
        }
        assert_eq!(model["size"].as_array().map(Vec::len), Some(2));
    }
}

#[test]
fn scripts_parse_and_know_their_options() {
    for script in ["scripts/setup", "scripts/demo", "scripts/test", ".ci/run"] {
        assert!(run(Command::new("bash").arg("-n").arg(path(script))).status.success(), "{script}");
        let help = run(Command::new(path(script)).arg("--help"));
        assert!(help.status.success() && help.stdout.starts_with(b"Usage: "), "{script} --help: {help:?}");
        let unknown = run(Command::new(path(script)).arg("--no-such-option"));
        assert_eq!(unknown.status.code(), Some(2), "{script}: {unknown:?}");
    }
}

#[test]
fn the_sample_is_short_small_and_has_sound() {
    let sample = path("samples/sample.mp4");
    assert!(sample.metadata().expect("the sample").len() < 4_000_000);
    let entries = "stream=codec_type,width,height,pix_fmt,r_frame_rate,nb_frames:format=duration";
    let probe = run(Command::new("ffprobe").args(["-v", "error", "-of", "json", "-show_entries", entries]).arg(sample));
    let probe: serde_json::Value = serde_json::from_slice(&probe.stdout).expect("ffprobe's JSON");
    let (video, audio) = (&probe["streams"][0], &probe["streams"][1]);
    assert_eq!(video["codec_type"], "video");
    assert_eq!((video["width"].as_i64(), video["height"].as_i64()), (Some(854), Some(480)));
    assert_eq!(
        (&video["pix_fmt"], &video["r_frame_rate"], &video["nb_frames"]),
        (&"yuv420p".into(), &"25/1".into(), &"250".into())
    );
    assert_eq!(audio["codec_type"], "audio");
    assert_eq!(probe["format"]["duration"], "10.000000");
}
