//! The main use, as users see it: the sample becomes an annotated video with its audio.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use crate::program::{ffmpeg, interrupt, names, probe, salstream, text};
use serde_json::Value;
use tempfile::tempdir;

fn sample() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/sample.mp4")
}

/// Runs `salstream run SAMPLE ARGS` in `folder`, which must succeed.
fn run(folder: &Path, args: &str) -> Output {
    let mut command = salstream(folder);
    let output = command.arg("run").arg(sample()).args(args.split_whitespace()).output().unwrap();
    assert!(output.status.success(), "{args}: {}", text(&output.stderr));
    output
}

fn records(file: &Path) -> Vec<Value> {
    let text = fs::read_to_string(file).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn the_sample_becomes_an_annotated_video_with_its_sound() {
    let folder = tempdir().unwrap();
    let output = run(folder.path(), "-o out.mp4 --records out.jsonl");
    let closing = text(&output.stderr);
    assert!(closing.contains("250 frames") && closing.contains("efficientnet-lite0") && closing.contains("out.mp4"));
    let video = folder.path().join("out.mp4");
    assert_eq!(probe(&video, "v", "stream=nb_read_packets"), "250");
    assert_eq!(probe(&video, "v", "stream=codec_name"), "h264");
    assert_eq!(probe(&video, "v", "stream=pix_fmt"), "yuv420p");
    assert_eq!(probe(&video, "v", "stream=avg_frame_rate"), "25/1");
    assert_eq!(probe(&video, "a", "stream=codec_name"), "aac");
    let duration: f64 = probe(&video, "v", "format=duration").parse().unwrap();
    assert!((duration - 10.0).abs() < 0.04, "{duration} s");
    let bytes = fs::read(&video).unwrap();
    let atom = |name: &[u8]| bytes.windows(4).position(|window| window == name).unwrap();
    assert!(atom(b"moov") < atom(b"mdat"), "not faststart");

    let records = records(&folder.path().join("out.jsonl"));
    assert_eq!(records.len(), 250);
    let cuts: Vec<_> = records.iter().filter(|record| record["cut"] == true).map(|record| &record["index"]).collect();
    assert_eq!(cuts.len(), 3, "cuts at {cuts:?}");
    let seen = |label: &str| records.iter().filter(|record| record["label"] == label).count();
    for label in ["espresso", "missile", "space shuttle"] {
        assert!(seen(label) > 40, "{label} on {} frames", seen(label));
    }
    assert!(seen("Egyptian cat") + seen("tabby") + seen("tiger cat") > 40);
    for start in [0, 60, 125, 190] {
        let mean = |index: usize| records[index]["fused_mean"].as_f64().unwrap();
        // Until something has moved, the map shows what the classifier looks at; then it changes to what moves.
        assert!(mean(start) < mean(start + 1) + 0.06, "a flash of {} at frame {start}", mean(start));
    }
    assert_eq!(names(folder.path()), ["out.jsonl", "out.mp4"]);
}

#[test]
fn the_same_run_gives_the_same_maps_and_they_change_over_time() {
    let folder = tempdir().unwrap();
    let maps = |name: &str| {
        run(folder.path(), &format!("-y -q -o out.mp4 --duration 0.4 --maps {name} --map-format npy"));
        let files = names(&folder.path().join(name));
        assert_eq!((files.len(), files[9].as_str()), (10, "000009.npy"));
        files.iter().map(|file| fs::read(folder.path().join(name).join(file)).unwrap()).collect::<Vec<_>>()
    };
    let (first, second) = (maps("a"), maps("b"));
    assert!(first == second, "two runs differ");
    assert_ne!(first[1], first[9]);
    let header = String::from_utf8_lossy(&first[0][..128]).into_owned();
    assert!(header.contains("'<f4'") && header.contains("(480, 854)"), "{header}");
}

#[test]
fn every_layout_has_its_size() {
    let folder = tempdir().unwrap();
    let tiles = [("overlay", "854,480"), ("map", "854,480"), ("panels", "2562,480")];
    // With a strip a quarter as high as a tile.
    let charted = [("grid", "1708,1080"), ("timeline", "854,600")];
    for (layout, size) in tiles.into_iter().chain(charted) {
        run(folder.path(), &format!("-y -o out.mp4 --duration 0.1 --layout {layout}"));
        let video = folder.path().join("out.mp4");
        let found = format!("{},{}", probe(&video, "v", "stream=width"), probe(&video, "v", "stream=height"));
        assert_eq!(found, size, "{layout}");
    }
}

#[test]
fn the_target_can_be_locked_by_name_by_id_and_by_the_first_frame() {
    let folder = tempdir().unwrap();
    for (target, class) in [("zebra", Some(340)), ("341", Some(341)), ("locked", None)] {
        run(folder.path(), &format!("-y -o out.mp4 --start 2 --duration 1 --target {target} --records out.jsonl"));
        let records = records(&folder.path().join("out.jsonl"));
        let class = class.map_or_else(|| records[0]["class"].clone(), Value::from);
        assert_eq!(records.len(), 25);
        assert!(records.iter().all(|record| record["class"] == class), "{target}");
    }
}

#[test]
fn key_frames_carry_their_class_to_the_frames_between() {
    let folder = tempdir().unwrap();
    run(folder.path(), "-o out.mp4 --duration 0.4 --static-every 4 --records out.jsonl");
    let records = records(&folder.path().join("out.jsonl"));
    let computed: Vec<_> = records.iter().map(|record| record["ms_static"].as_f64().unwrap() > 0.0).collect();
    assert_eq!(computed, [true, false, false, false, true, false, false, false, true, false]);
    assert!(records.iter().all(|record| record["static_mean"].as_f64().unwrap() > 0.01));
}

#[test]
fn key_frames_may_be_as_near_as_the_machine_allows() {
    let folder = tempdir().unwrap();
    let computed = |args: &str| {
        run(folder.path(), &format!("-y -o out.mp4 --static-every auto --records out.jsonl {args}"));
        let records = records(&folder.path().join("out.jsonl"));
        assert!(records[0]["ms_static"].as_f64().unwrap() > 0.0);
        (records.len(), records.iter().filter(|record| record["ms_static"].as_f64().unwrap() > 0.0).count())
    };
    assert_eq!(computed("--duration 2 --fps-target 1"), (50, 50), "nothing is left out without need");
    let (frames, keys) = computed("--fps-target 1000");
    assert!(keys < frames * 3 / 4, "{keys} of {frames}");
}

#[test]
fn no_class_is_claimed_between_a_cut_and_the_next_key_frame() {
    let folder = tempdir().unwrap();
    run(folder.path(), "-o out.mp4 --start 2.2 --duration 0.6 --static-every 8 --records out.jsonl");
    // The sample cuts from the cat to the coffee at 2.4 s, which is frame 5 here.
    let records = records(&folder.path().join("out.jsonl"));
    let labels: Vec<_> = records.iter().map(|record| record["label"].as_str()).collect();
    assert_eq!(records.iter().position(|record| record["cut"] == true), Some(5));
    assert!(labels[..5].iter().all(|label| label.is_some_and(|label| label != "espresso")), "{labels:?}");
    assert!(labels[5..8] == [None; 3] && labels[8..] == [Some("espresso"); 7], "{labels:?}");
}

#[test]
fn images_folders_and_patterns_are_inputs() {
    let folder = tempdir().unwrap();
    let at = folder.path();
    fs::create_dir(at.join("frames")).unwrap();
    ffmpeg(at, &format!("-i {} -frames:v 6 frames/%03d.png", sample().display()));
    for (input, result, count) in [("frames", "frames-saliency.mp4", "6"), ("frames/%03d.png", "pattern.mkv", "6")] {
        let output = salstream(at).args(["run", input, "-o", result, "--fps", "10"]).output().unwrap();
        assert!(output.status.success(), "{input}: {}", text(&output.stderr));
        assert_eq!(probe(&at.join(result), "v", "stream=nb_read_packets"), count);
        assert_eq!(probe(&at.join(result), "v", "stream=avg_frame_rate"), "10/1");
    }
    let args = ["run", "frames/003.png", "--layout", "panels", "--records", "still.jsonl"];
    let output = salstream(at).args(args).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(records(&at.join("still.jsonl"))[0]["fused_mean"].as_f64().unwrap() > 0.1, "an image has a map");
    assert_eq!(probe(&at.join("003-saliency.png"), "v", "stream=width"), "2562");
}

#[test]
fn json_progress_is_json_to_the_last_line() {
    let folder = tempdir().unwrap();
    let output = run(folder.path(), "-o out.mp4 --duration 2 --progress json");
    let lines: Vec<Value> = text(&output.stderr).lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    let done = lines.last().unwrap();
    assert_eq!((&done["event"], &done["frames"], &done["ending"]), (&"done".into(), &50.into(), &"complete".into()));
    assert!(lines.iter().any(|line| line["event"] == "progress" && line["frames"] == 50), "{lines:?}");
    let quiet = run(folder.path(), "-o out.mp4 -y -q --duration 0.1");
    assert!(quiet.stderr.is_empty() && quiet.stdout.is_empty());
}

#[test]
fn an_interrupted_run_leaves_a_playable_file_and_exits_130() {
    let folder = tempdir().unwrap();
    let mut command = salstream(folder.path());
    command.arg("run").arg(sample()).args(["-o", "out.mp4", "--progress", "json"]).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    lines.by_ref().map(Result::unwrap).find(|line| line.contains(r#""event":"progress""#)).expect("progress");
    interrupt(&child.id().to_string());
    let last = lines.map(Result::unwrap).last().unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(last.contains("interrupted"), "{last}");
    let video = folder.path().join("out.mp4");
    let frames: f64 = probe(&video, "v", "stream=nb_read_packets").parse().unwrap();
    assert!((1.0..250.0).contains(&frames), "{frames} frames");
    let sound: f64 = probe(&video, "a", "stream=duration").parse().unwrap();
    assert!((sound - frames / 25.0).abs() < 0.1, "{sound} s of audio for {frames} frames");
}

/// Whether a process has its own handler for SIGINT, signal 2.
fn catches_interrupts(id: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap();
    u64::from_str_radix(caught.trim(), 16).unwrap() & 0b10 != 0
}

#[test]
fn a_run_stopped_before_its_first_frame_leaves_nothing_and_exits_130() {
    let folder = tempdir().unwrap();
    let mut command = salstream(folder.path());
    let mut child = command.arg("run").arg(sample()).args(["-o", "out.mp4"]).stderr(Stdio::piped()).spawn().unwrap();
    // Signals are handled before the model is loaded, which takes much longer than sending a signal.
    while !catches_interrupts(child.id()) {
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    interrupt(&child.id().to_string());
    let status = child.wait().unwrap();
    let mut said = String::new();
    std::io::Read::read_to_string(&mut child.stderr.take().unwrap(), &mut said).unwrap();
    assert_eq!(status.code(), Some(130), "{said}");
    assert_eq!(said.lines().last(), Some("stopped before the first frame, nothing was written"));
    assert!(names(folder.path()).is_empty());
}

#[test]
fn without_ffmpeg_the_picture_is_written_and_the_missing_sound_said() {
    let folder = tempdir().unwrap();
    let mut command = salstream(folder.path());
    command.arg("run").arg(sample()).args(["-o", "out.mp4", "--duration", "0.4"]).env("PATH", folder.path());
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("ffmpeg is not installed"), "{}", text(&output.stderr));
    let video = folder.path().join("out.mp4");
    assert_eq!(probe(&video, "v", "stream=nb_read_packets"), "10");
    assert_eq!(probe(&video, "a", "stream=codec_name"), "");
}

#[test]
fn doctor_completions_and_manual_page_are_printed() {
    let folder = tempdir().unwrap();
    let printed = |args: &[&str]| {
        let output = salstream(folder.path()).args(args).output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", text(&output.stderr));
        text(&output.stdout)
    };
    let doctor = printed(&["doctor"]);
    for word in ["ONNX Runtime", "OpenCV", "ffmpeg", "efficientnet-lite0", "openvino"] {
        assert!(doctor.contains(word), "no {word} in {doctor}");
    }
    assert!(printed(&["completions", "bash"]).contains("--static-every"));
    let manual = printed(&["man"]);
    assert!(manual.contains(".TH salstream") && manual.contains("static\\-every") && manual.contains(".SH DOCTOR"));
    let home = folder.path().join("nothing");
    let bare = salstream(folder.path()).arg("doctor").env("SALSTREAM_HOME", home).output().unwrap();
    assert_eq!(bare.status.code(), Some(1));
    assert!(text(&bare.stdout).contains("MISSING") && text(&bare.stdout).contains("salstream setup"));
}
