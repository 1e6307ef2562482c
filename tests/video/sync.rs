//! Sound stays with its picture, whatever the container and however late either starts.

use std::path::{Path, PathBuf};

use salstream::source::SourceOptions;

use crate::data::data;
use crate::tools::{copy, ffmpeg, ffprobe, number, pixels, temp};

/// A clip of 2 s at 25 frames per second that flashes and beeps at 0.4 and 1.7 s.
fn flash(folder: &Path) -> PathBuf {
    let picture =
        "color=black:s=96x64:r=25:d=2,drawbox=t=fill:c=white:enable='between(t,0.399,0.5)+between(t,1.699,1.8)'";
    let sound = "aevalsrc='0.8*sin(6283*t)*(between(t,0.4,0.5)+between(t,1.7,1.8))':s=48000:d=2";
    let codecs = "-c:v libx264 -preset veryfast -g 10 -bf 2 -c:a libmp3lame";
    ffmpeg(&format!("-f lavfi -i {picture} -f lavfi -i {sound} {codecs}"), &folder.join("flash.mkv"))
}

/// By how many seconds the sound of the flash comes after its picture, as a player that goes by the timestamps shows it.
fn apart(path: &Path) -> f64 {
    let levels = pixels(path, "scale=1:1,format=gray");
    // The last flash: the first one of a clip may be cut.
    let begins = |at: &usize| levels[*at] > 128 && (*at == 0 || levels[*at - 1] <= 128);
    let bright = (0..levels.len()).rev().find(begins).expect("a flash");
    let mut times: Vec<f64> =
        ffprobe(path, "V:0", "frame=best_effort_timestamp_time").iter().map(|time| time.parse().unwrap()).collect();
    times.sort_by(f64::total_cmp);
    sounds_at(path) - times[bright]
}

/// When the last beep starts, by the file's own clock.
fn sounds_at(path: &Path) -> f64 {
    let mut command = std::process::Command::new("ffmpeg");
    command.args(["-nostdin", "-v", "error", "-copyts", "-i"]).arg(path).args(["-map", "0:a:0", "-ac", "1"]);
    command.args(["-af", "aresample=48000:async=1:min_hard_comp=0.001:first_pts=0", "-f", "s16le", "-"]);
    let samples = command.output().unwrap().stdout;
    let levels: Vec<_> = samples.chunks_exact(2).map(|s| i16::from_le_bytes([s[0], s[1]]).unsigned_abs()).collect();
    let loud = levels.chunks(480).map(|part| part.iter().any(|level| *level > 3000)).collect::<Vec<_>>();
    let part = (0..loud.len())
        .rev()
        .find(|&at| loud[at] && (at == 0 || !loud[at - 1]))
        .unwrap_or_else(|| panic!("{} has no beep", path.display()));
    let first = levels[part * 480..].iter().position(|level| *level > 3000).unwrap();
    (part * 480 + first) as f64 / 48000.0
}

/// Asserts that a copy of `path` to each of `containers` is in sync as the original is.
fn stays(path: &Path, containers: &[&str], options: &SourceOptions) {
    let before = apart(path);
    for container in containers {
        let output = path.with_extension(format!("out.{container}"));
        let copied = copy(path, &output, options).unwrap();
        let place = format!("{} to {container} from {:?}", path.display(), options.start);
        assert_eq!((copied.error.map(|e| e.to_string()), copied.done.warnings), (None, vec![]), "{place}");
        let after = apart(&output);
        assert!((after - before).abs() < 0.02, "{place}: {before:.3} s apart became {after:.3} s");
        std::fs::remove_file(output).unwrap();
    }
}

#[test]
fn a_picture_that_starts_late_stays_in_sync() {
    let folder = temp();
    let plain = flash(folder.path());
    let plain = plain.display();
    let cases = [
        (0.055, "mp4", "mkv"),
        (0.055, "ts", "mp4"),
        (0.095, "mkv", "mp4"),
        (0.095, "flv", "mp4"),
        (0.5, "mp4", "webm"),
        (0.5, "avi", "mp4"),
        (1.5, "ts", "mkv"),
        (1.5, "mp4", "mp4"),
        (1.5, "mkv", "mp4"),
    ];
    for (offset, container, result) in cases {
        let path = folder.path().join(format!("video{offset}.{container}"));
        let audio = if container == "mp4" { "aac" } else { "copy" };
        let video = if container == "avi" { "mpeg4 -bf 0" } else { "copy" };
        let codecs = format!("-c:v {video} -c:a {audio} -ar 44100");
        ffmpeg(&format!("-itsoffset {offset} -i {plain} -i {plain} -map 0:v -map 1:a {codecs}"), &path);
        stays(&path, &[result], &SourceOptions::default());
    }
}

#[test]
fn sound_that_starts_late_stays_in_sync() {
    let folder = temp();
    let plain = flash(folder.path());
    let plain = plain.display();
    let cases =
        [(0.055, "mkv", "mp4"), (0.095, "mp4", "mkv"), (0.5, "ts", "mp4"), (0.2, "flv", "mkv"), (1.5, "mp4", "webm")];
    for (offset, container, result) in cases {
        let path = folder.path().join(format!("audio{offset}.{container}"));
        let codecs = "-c:v copy -c:a libmp3lame -ar 44100";
        ffmpeg(&format!("-i {plain} -itsoffset {offset} -i {plain} -map 0:v -map 1:a {codecs}"), &path);
        stays(&path, &[result], &SourceOptions::default());
    }
}

#[test]
fn fragments_and_parts_stay_in_sync() {
    let folder = temp();
    let plain = flash(folder.path());
    let start = |start| SourceOptions { start: Some(start), ..SourceOptions::default() };
    for (name, options) in [
        ("fragments.mp4", "-c:v copy -c:a aac -movflags +frag_keyframe+empty_moov"),
        ("plain.mp4", "-c:v copy -c:a aac"),
        ("plain.ts", "-c:v copy -c:a mp2"),
        ("late.mkv", "-c copy -output_ts_offset 0.7"),
    ] {
        let path = folder.path().join(name);
        ffmpeg(&format!("-i {} {options}", plain.display()), &path);
        stays(&path, &["mp4"], &SourceOptions::default());
        stays(&path, &["mp4"], &start(0.52));
    }
    stays(&plain, &["mp4", "mkv", "webm"], &start(0.33));
}

#[test]
fn unusual_audio_is_encoded_well() {
    let folder = temp();
    let picture = "-f lavfi -i testsrc2=s=96x64:r=25:d=1";
    let side = "sine=440:d=1:r=48000,pan=5.1(side)|FL=c0|FR=c0|FC=0.5*c0|LFE=0.2*c0|SL=0.3*c0|SR=0.3*c0";
    let side = ffmpeg(&format!("{picture} -f lavfi -i {side} -c:v libx264 -c:a ac3"), &folder.path().join("side.mkv"));
    let speex = folder.path().join("speex.flv");
    ffmpeg(&format!("{picture} -f lavfi -i sine=d=1 -c:v flv1 -c:a speex -ar 16000 -ac 1"), &speex);
    let noise = "aevalsrc='random(0)|random(1)|random(2)|random(3)|random(4)|random(5)':c=5.1:s=48000:d=1";
    let rich =
        ffmpeg(&format!("{picture} -f lavfi -i {noise} -c:v libx264 -c:a flac"), &folder.path().join("rich.mkv"));
    let cases = [
        (&side, "webm", "opus,6"),
        (&side, "mp4", "ac3,6"),
        (&speex, "mp4", "aac,1"),
        (&speex, "webm", "opus,1"),
        (&rich, "mp4", "aac,6"),
        (&rich, "webm", "opus,6"),
    ];
    for (path, container, expected) in cases {
        let output = path.with_extension(format!("out.{container}"));
        let copied = copy(path, &output, &SourceOptions::default()).unwrap();
        assert_eq!(copied.done.warnings, Vec::<String>::new(), "{}", output.display());
        assert_eq!(ffprobe(&output, "a", "stream=codec_name,channels"), [expected], "{}", output.display());
    }
    let rate = number(&rich.with_extension("out.mp4"), "a:0", "stream=bit_rate").unwrap();
    assert!(rate > 200_000.0, "six channels get only {rate} bit/s");
}

#[test]
#[ignore = "needs the test data"]
fn clips_from_outside_stay_in_sync() {
    let folder = temp();
    for name in ["m_095.mp4", "t2_video_late.mp4", "t3_frag.mp4"] {
        let path = folder.path().join(name);
        std::fs::copy(data(&format!("cases/video/{name}")), &path).unwrap();
        stays(&path, &["mp4", "mkv"], &SourceOptions::default());
    }
    for (name, container) in [("a2_ac3_51side.mkv", "webm"), ("a4_speex.flv", "mp4")] {
        let output = folder.path().join(format!("{name}.{container}"));
        let copied = copy(&data(&format!("cases/video/{name}")), &output, &SourceOptions::default()).unwrap();
        assert_eq!(copied.done.warnings, Vec::<String>::new(), "{name}");
        assert_eq!(ffprobe(&output, "a", "stream=index").len(), 1, "{name}");
    }
}
