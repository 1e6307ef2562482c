//! Videos through pipes, and the formats of results.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::program::{assert_refused, ffmpeg, names, probe, salstream, text};
use tempfile::{TempDir, tempdir};

/// Frames of the clip.
const FRAMES: &str = "20";
/// Flags for a quick run.
const QUICK: &str = "--device cpu --fusion motion --static-every 1000";

/// A clip of 0.8 s with sound.
fn clip() -> TempDir {
    let folder = tempdir().unwrap();
    let sources = "-f lavfi -i testsrc2=duration=0.8:rate=25:size=96x64 -f lavfi -i sine=frequency=440:duration=0.8";
    ffmpeg(folder.path(), &format!("{sources} -c:v libx264 -pix_fmt yuv420p -c:a aac clip.mp4"));
    folder
}

/// Runs a shell script in `folder`, in which `$RUN` runs this program quickly.
fn shell(folder: &Path, script: &str) -> Output {
    let program = salstream(folder).get_program().to_string_lossy().into_owned();
    fs::create_dir_all(folder.join("tmp")).unwrap();
    let mut command = Command::new("bash");
    command.current_dir(folder).env("TMPDIR", folder.join("tmp")).env("QUICK", QUICK);
    command
        .env("FF", "ffmpeg -nostdin -v error")
        .args(["-c", &format!("RUN='timeout 60 {program} run'; set -o pipefail; {script}")]);
    command.output().unwrap()
}

fn packets(folder: &Path, name: &str) -> String {
    probe(&folder.join(name), "v", "stream=nb_read_packets")
}

#[test]
fn standard_input_gives_the_same_as_the_file() {
    let folder = clip();
    let at = folder.path();
    for (name, writer) in [
        ("matroska", "$FF -i clip.mp4 -c copy -f matroska -"),
        ("transport stream", "$FF -i clip.mp4 -c copy -f mpegts -"),
        ("fragments", "$FF -i clip.mp4 -c copy -movflags frag_keyframe+empty_moov -f mp4 -"),
        ("index at the end", "cat clip.mp4"),
    ] {
        let output = shell(at, &format!("{writer} | $RUN - -o out.mp4 -y $QUICK"));
        assert!(output.status.success(), "{name}: {}", text(&output.stderr));
        assert_eq!(packets(at, "out.mp4"), FRAMES, "{name}");
        let [picture, sound] = ["v", "a"].map(|s| probe(&at.join("out.mp4"), s, "stream=duration"));
        assert_eq!(picture, "0.800000", "{name}");
        assert!((sound.parse::<f64>().unwrap() - 0.8).abs() < 0.05, "{name}: {sound} s of sound");
        assert_eq!(names(&at.join("tmp")), [""; 0], "{name}: temporary files stay");
    }
    let output = shell(at, "$RUN - -o file.mp4 $QUICK < clip.mp4");
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(packets(at, "file.mp4"), FRAMES);
}

#[test]
fn standard_output_is_a_stream_with_sound() {
    let folder = clip();
    let at = folder.path();
    let output = shell(at, "$RUN clip.mp4 -o - $QUICK > out.mkv && $RUN clip.mp4 -o - --format y4m $QUICK > out.y4m");
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!((packets(at, "out.mkv"), packets(at, "out.y4m")), (FRAMES.into(), FRAMES.into()));
    assert_eq!(probe(&at.join("out.mkv"), "a", "stream=codec_name"), "aac");
    assert_eq!(probe(&at.join("out.y4m"), "v", "stream=r_frame_rate"), "25/1");
}

#[test]
fn audio_goes_from_pipe_to_pipe() {
    let folder = clip();
    let at = folder.path();
    let late = "$FF -i clip.mp4 -itsoffset 3 -i clip.mp4 -map 0:v -map 1:a -c copy late.mkv";
    assert!(shell(at, late).status.success());
    for (name, source, format, codec, start) in [
        ("same format", "clip.mp4", "matroska", "aac", 0.0),
        ("encoded", "clip.mp4", "webm", "opus", 0.0),
        ("late audio", "late.mkv", "matroska", "aac", 3.0),
    ] {
        let chain = format!(
            "$FF -i {source} -c copy -f matroska - | $RUN - -o - --format {format} $QUICK | $FF -y -i - -c copy out.mkv"
        );
        let output = shell(at, &chain);
        assert!(output.status.success(), "{name}: {}", text(&output.stderr));
        assert_eq!(packets(at, "out.mkv"), FRAMES, "{name}");
        assert_eq!(probe(&at.join("out.mkv"), "a", "stream=codec_name"), codec, "{name}");
        let list = "ffprobe -v error -select_streams a -show_entries packet=pts_time -of default=nw=1:nk=1 out.mkv";
        let times: Vec<f64> = text(&shell(at, list).stdout).lines().map(|time| time.parse().unwrap()).collect();
        let (first, last) = (times[0], times[times.len() - 1]);
        assert!((first - start).abs() < 0.03 && (last - start - 0.8).abs() < 0.05, "{name}: {first} to {last}");
        assert_eq!(names(&at.join("tmp")), [""; 0], "{name}: temporary files stay");
    }
}

#[test]
fn named_pipes_are_read_and_written() {
    let folder = clip();
    let script = "mkfifo in out; $FF -y -i clip.mp4 -c copy -f mpegts in & $RUN in -o out --format mpegts $QUICK & \
                  timeout 60 cat out > result.ts; wait";
    let output = shell(folder.path(), script);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(packets(folder.path(), "result.ts"), FRAMES);
}

#[test]
fn a_reader_that_leaves_ends_the_run_quietly() {
    let folder = tempdir().unwrap();
    ffmpeg(folder.path(), "-f lavfi -i testsrc2=duration=4:rate=25:size=320x240 -c:v libx264 -crf 1 clip.mp4");
    let mut command = salstream(folder.path());
    command.args("run clip.mp4 -o -".split(' ')).args(QUICK.split(' ')).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut start = [0; 100];
    child.stdout.take().unwrap().read_exact(&mut start).unwrap();
    let output = child.wait_with_output().unwrap();
    let stderr = text(&output.stderr);
    assert!(output.status.success() && !stderr.contains("error"), "{stderr}");
}

#[test]
fn every_format_has_all_frames() {
    let folder = clip();
    let at = folder.path();
    for name in ["out.ts", "out.webm", "out.gif", "out.y4m", "out.mov"] {
        let output = shell(at, &format!("$RUN clip.mp4 -o {name} $QUICK"));
        assert!(output.status.success(), "{name}: {}", text(&output.stderr));
        assert_eq!(packets(at, name), FRAMES, "{name}");
        let is_silent = ["out.gif", "out.y4m"].contains(&name);
        assert_eq!(text(&output.stderr).contains("holds only pictures, without audio"), is_silent, "{name}");
    }
    fs::create_dir(at.join("frames")).unwrap();
    let numbered = "$RUN clip.mp4 -o frames/%03d.png $QUICK";
    assert!(shell(at, numbered).status.success());
    let found = names(&at.join("frames"));
    assert_eq!((found.len(), &*found[0], &*found[19]), (20, "000.png", "019.png"));
    assert_refused(&shell(at, numbered), 2, &["frames/000.png", "already exists"]);
    assert!(shell(at, &format!("{numbered} -y --duration 0.4")).status.success());
    assert_eq!(names(&at.join("frames")).len(), 10, "images of the longer run are removed");
}

#[test]
fn what_cannot_be_piped_is_refused() {
    let folder = clip();
    let at = folder.path();
    for (script, status, words) in [
        ("$RUN clip.mp4 -o - --format mp4", 2, ["MP4", "--format matroska"]),
        ("cat clip.mp4 | $RUN -", 2, ["no default name", "-o"]),
        ("echo nothing | $RUN - -o out.mp4", 1, ["-: ", "not a video"]),
        ("true | $RUN - -o out.mp4", 1, ["-: ", "empty"]),
        ("$FF -i clip.mp4 -vn -f matroska - | $RUN - -o out.mp4", 1, ["-: ", "only audio"]),
        ("cat clip.mp4 | $RUN - -o out.mp4 --decoder opencv", 1, ["-: ", "only ffmpeg"]),
    ] {
        let output = shell(at, script);
        let stderr = text(&output.stderr);
        let last = stderr.lines().last().unwrap_or_default();
        assert_eq!(output.status.code(), Some(status), "{script}: {stderr}");
        assert!(last.starts_with("error: ") && words.iter().all(|word| last.contains(word)), "{script}: {stderr}");
        assert!(!at.join("out.mp4").exists(), "{script}");
    }
}
