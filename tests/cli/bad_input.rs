//! Bad input gets one clear line and the right exit status, and leaves no files behind.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Output};

use crate::data::data;
use crate::program::{assert_refused, ffmpeg, names, probe, salstream, text};
use tempfile::{TempDir, tempdir};

/// A folder with a short valid clip, `clip.mp4`.
fn folder_with_clip() -> TempDir {
    let folder = tempdir().unwrap();
    ffmpeg(folder.path(), "-f lavfi -i testsrc2=size=160x120:rate=25 -t 0.4 -pix_fmt yuv420p clip.mp4");
    folder
}

fn run(folder: &Path, args: &[&str]) -> Output {
    salstream(folder).arg("run").args(args).output().unwrap()
}

/// Runs on one input in `folder` and asserts that it is rejected and no new files are left.
fn assert_input_refused(folder: &Path, input: &str, words: &[&str]) {
    let before = names(folder);
    let output = run(folder, &[input, "-o", "out.mp4"]);
    assert_refused(&output, 1, &[&[input], words].concat());
    assert_eq!(names(folder), before);
}

#[test]
fn inputs_that_are_no_video() {
    let folder = tempdir().unwrap();
    let at = folder.path();
    fs::write(at.join("empty.mp4"), "").unwrap();
    fs::write(at.join("text.mp4"), "this is no video\n".repeat(100)).unwrap();
    fs::write(at.join("text.png"), "this is no image\n").unwrap();
    fs::create_dir(at.join("bare")).unwrap();
    ffmpeg(at, "-f lavfi -i sine=duration=1 sound.m4a");
    assert_input_refused(at, "missing.mp4", &["no such file"]);
    assert_input_refused(at, "empty.mp4", &["empty"]);
    assert_input_refused(at, "text.mp4", &["video"]);
    assert_input_refused(at, "bare", &["image"]);
    assert_input_refused(at, "sound.m4a", &["only audio"]);
    assert_input_refused(at, "missing_%03d.png", &["no "]);
    assert_refused(&run(at, &["text.png"]), 1, &["text.png"]);
}

#[test]
#[ignore = "needs the test data"]
fn damaged_real_clips() {
    let folder = tempdir().unwrap();
    let linked = |name: &str| {
        symlink(data("clips").join(name).canonicalize().unwrap(), folder.path().join(name)).unwrap();
    };
    linked("blackswan_truncated_60pct.mp4");
    assert_input_refused(folder.path(), "blackswan_truncated_60pct.mp4", &["cut short"]);
    // One of its 50 frames is broken; the others are kept.
    linked("decord_corrupted.mp4");
    let output = run(folder.path(), &["decord_corrupted.mp4", "-o", "out.mp4"]);
    assert_refused(&output, 1, &["decord_corrupted.mp4", "49 of 50 frames", "out.mp4"]);
    assert_eq!(probe(&folder.path().join("out.mp4"), "v", "stream=nb_read_packets"), "49");
}

#[test]
fn a_clip_of_one_frame_works() {
    let folder = tempdir().unwrap();
    ffmpeg(folder.path(), "-f lavfi -i testsrc2=size=160x120:rate=25 -frames:v 1 -pix_fmt yuv420p one.mp4");
    let output = run(folder.path(), &["one.mp4"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(probe(&folder.path().join("one-saliency.mp4"), "v", "stream=nb_read_packets"), "1");
}

#[test]
fn a_clip_that_breaks_off_keeps_what_was_decoded() {
    let folder = tempdir().unwrap();
    let at = folder.path();
    ffmpeg(at, "-f lavfi -i testsrc2=size=160x120:rate=25 -t 4 -pix_fmt yuv420p -g 10 -movflags faststart whole.mp4");
    let whole = fs::read(at.join("whole.mp4")).unwrap();
    fs::write(at.join("half.mp4"), &whole[..whole.len() / 2]).unwrap();
    let output = run(at, &["half.mp4", "-o", "out.mp4"]);
    assert_refused(&output, 1, &["half.mp4", "of 100 frames"]);
    let frames: u32 = probe(&at.join("out.mp4"), "v", "stream=nb_read_packets").parse().unwrap();
    assert!((20..90).contains(&frames), "{frames} frames kept");
}

#[test]
fn outputs_that_cannot_be() {
    let folder = folder_with_clip();
    let at = folder.path();
    fs::write(at.join("there.mp4"), "precious").unwrap();
    assert_refused(&run(at, &["clip.mp4", "-o", "there.mp4"]), 2, &["there.mp4", "-y"]);
    assert_eq!(fs::read_to_string(at.join("there.mp4")).unwrap(), "precious");
    assert_refused(&run(at, &["clip.mp4", "-o", "clip.mp4", "-y"]), 2, &["clip.mp4", "input"]);
    symlink("clip.mp4", at.join("alias.mp4")).unwrap();
    assert_refused(&run(at, &["clip.mp4", "-o", "alias.mp4", "-y"]), 2, &["alias.mp4", "input"]);
    assert_refused(&run(at, &["clip.mp4", "-o", "nowhere/out.mp4"]), 1, &["nowhere"]);
    assert_refused(&run(at, &["clip.mp4", "-o", "out.txt"]), 2, &["out.txt", ".mp4"]);
    assert_refused(&run(at, &["clip.mp4", "-o", "out.png"]), 2, &["out.png", "video"]);
    assert_refused(&run(at, &["clip.mp4", "-o", "out.mp4", "--records", "out.xml"]), 2, &["out.xml", ".jsonl"]);
    assert_refused(&run(at, &["clip.mp4", "-o", "out.mp4", "--fps", "9"]), 2, &["--fps"]);
    assert_eq!(names(at), ["alias.mp4", "clip.mp4", "there.mp4"]);
}

#[test]
fn a_full_disk_is_named_and_nothing_is_left() {
    let folder = folder_with_clip();
    let program = env!("CARGO_BIN_EXE_salstream");
    // A limit of one block per file fails in the same place as a full disk.
    let script = format!("trap '' XFSZ; ulimit -f 1; exec {program} run clip.mp4 -o out.mp4 --crf 0");
    let output = Command::new("bash").current_dir(folder.path()).args(["-c", &script]).output().unwrap();
    assert_refused(&output, 1, &["out.mp4", "File too large"]);
    assert_eq!(names(folder.path()), ["clip.mp4"]);
}

#[test]
fn models_that_cannot_be() {
    let folder = folder_with_clip();
    let at = folder.path();
    fs::write(at.join("text.onnx"), "no model\n").unwrap();
    fs::write(at.join("few.txt"), "cat\ndog\n").unwrap();
    let refused = |args: &[&str], status, words: &[&str]| {
        let args = [&["clip.mp4", "-o", "out.mp4"], args].concat();
        assert_refused(&run(at, &args), status, words);
    };
    refused(&["--model", "missing.onnx"], 1, &["missing.onnx", "No such file"]);
    refused(&["--model", "/dev/zero"], 1, &["/dev/zero", "not a file"]);
    refused(&["--model", "text.onnx"], 1, &["text.onnx", "ONNX"]);
    refused(&["--model", "no-such-model"], 2, &["no-such-model", "efficientnet-lite0"]);
    refused(&["--labels", "few.txt"], 1, &["few.txt", "2 lines", "1000 classes"]);
    refused(&["--target", "1000"], 2, &["1000", "999"]);
    refused(&["--target", "tabbi"], 2, &["tabbi"]);
    refused(&["--device", "cuda"], 1, &["cuda"]);
    refused(&["--precision", "f16", "--device", "cpu"], 2, &["f16", "cpu"]);
    assert_eq!(names(at), ["clip.mp4", "few.txt", "text.onnx"]);
}

#[test]
fn no_runtime_a_wrong_one_and_no_model() {
    let folder = folder_with_clip();
    let at = folder.path();
    let with = |name: &str, value: &Path| salstream(at).args(["run", "clip.mp4"]).env(name, value).output().unwrap();
    let missing = with("ORT_DYLIB_PATH", &at.join("missing.so"));
    assert_refused(&missing, 1, &["ONNX Runtime", "missing.so", "salstream setup"]);
    let old = with("ORT_DYLIB_PATH", &old_runtime(at));
    assert_refused(&old, 1, &["ONNX Runtime", "1.17.0", "1.24"]);
    let home = at.join("home");
    fs::create_dir(&home).unwrap();
    let installed = salstream::platform::dirs::libraries();
    symlink(installed, home.join("lib")).unwrap();
    assert_refused(&with("SALSTREAM_HOME", &home), 1, &["no model", "salstream setup"]);
    assert!(!at.join("clip-saliency.mp4").exists());
}

/// A library that claims to be ONNX Runtime 1.17.0.
fn old_runtime(folder: &Path) -> std::path::PathBuf {
    let source = "static const char *version(void) { return \"1.17.0\"; }\n\
        static struct { void *api; const char *(*version)(void); } base = { 0, version };\n\
        void *OrtGetApiBase(void) { return &base; }\n";
    fs::write(folder.join("old.c"), source).unwrap();
    let library = folder.join("libonnxruntime.so.1.17.0");
    let status =
        Command::new("cc").current_dir(folder).args(["-shared", "-fPIC", "old.c", "-o"]).arg(&library).status();
    assert!(status.unwrap().success());
    library
}

#[test]
fn wrong_usage_exits_2() {
    let folder = tempdir().unwrap();
    for args in
        [&["--nonsense"][..], &["a.mp4", "--alpha", "2"], &["a.mp4", "--layout", "x"], &["a.mp4", "--map", "static"]]
    {
        assert_eq!(run(folder.path(), args).status.code(), Some(2), "{args:?}");
    }
}
