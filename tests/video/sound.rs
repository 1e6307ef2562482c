//! Audio is kept, stays in sync, and is as long as it was, or as the picture if only a part of the clip was read.

use salstream::frame::ClipEnd;
use salstream::sink::video::{EncodeOptions, VideoSink};
use salstream::source::{self, SourceOptions};

use crate::tools::{clapper, copy, ffmpeg, ffprobe, first_bright, first_loud, input, number, temp};

#[test]
fn sound_is_kept_by_kind_and_in_sync() {
    let folder = temp();
    let cases = [
        ("aac.mp4", "-c:a aac", "mp4", "aac"),
        ("mp3.mkv", "-c:a libmp3lame", "mp4", "mp3"),
        ("opus.mkv", "-c:a libopus", "mp4", "aac"),
        ("opus2.mkv", "-c:a libopus", "mkv", "opus"),
        ("pcm.mov", "-c:a pcm_s16le", "mp4", "aac"),
    ];
    for (name, codec, container, kept) in cases {
        let path = clapper(&folder.path().join(name), 2.0, codec);
        let output = path.with_extension(format!("out.{container}"));
        let copied = copy(&path, &output, &SourceOptions::default()).unwrap();
        assert_eq!(copied.done.warnings, Vec::<String>::new());
        assert_eq!(ffprobe(&output, "a", "stream=codec_name"), [kept], "{name}");
        let apart = first_loud(&output, "a:0") - first_bright(&output);
        let before = first_loud(&path, "a:0") - first_bright(&path);
        assert!((apart - before).abs() < 0.03, "{name}: {before:.3} s apart became {apart:.3} s");
        assert!((first_bright(&output) - 2.0).abs() < 0.001, "{name}");
    }
}

#[test]
fn a_picture_that_starts_late_and_a_part_of_a_clip_stay_in_sync() {
    let folder = temp();
    let plain = clapper(&folder.path().join("plain.mkv"), 2.0, "-c:a aac");
    let shown = plain.display();
    let late = folder.path().join("late.mkv");
    ffmpeg(&format!("-itsoffset 0.5 -i {shown} -i {shown} -map 0:v -map 1:a -c copy"), &late);
    let parts = [
        (&plain, SourceOptions { start: Some(1.0), ..SourceOptions::default() }, 1.0, 0.0),
        (&plain, SourceOptions { start: Some(1.0), duration: Some(2.0), ..SourceOptions::default() }, 1.0, 0.0),
        (&late, SourceOptions::default(), 2.0, -0.5),
        (&late, SourceOptions { start: Some(1.5), ..SourceOptions::default() }, 1.0, -0.5),
    ];
    for (part, (path, options, bright, apart)) in parts.into_iter().enumerate() {
        let output = folder.path().join(format!("part{part}.mp4"));
        let copied = copy(path, &output, &options).unwrap();
        assert_eq!(copied.error.map(|e| e.to_string()), None);
        assert!((first_bright(&output) - bright).abs() < 0.001, "part {part}: bright at {}", first_bright(&output));
        let loud = first_loud(&output, "a:0");
        assert!((loud - bright - apart).abs() < 0.03, "part {part}: loud at {loud}, bright at {bright}");
        let (picture, sound) = (number(&output, "v:0", "stream=duration"), number(&output, "a:0", "stream=duration"));
        assert!(sound.unwrap() < picture.unwrap() + 0.06, "part {part}: the audio outlasts the picture");
    }
}

#[test]
fn audio_that_outlasts_the_picture_is_kept_to_its_end() {
    let folder = temp();
    let cases = [("late.flv", "-c:v flv1 -c:a mp3", "mp4"), ("late.mkv", "-c:v libx264 -c:a aac", "webm")];
    for (name, codecs, container) in cases {
        let path = folder.path().join(name);
        ffmpeg(&format!("-f lavfi -i testsrc2=s=96x64:r=25:d=1 -f lavfi -i sine=d=2.5:r=44100 {codecs}"), &path);
        let output = path.with_extension(container);
        let length = |options: SourceOptions| {
            let copied = copy(&path, &output, &options).unwrap();
            assert_eq!(copied.done.warnings, Vec::<String>::new(), "{name}");
            let times = ffprobe(&output, "a:0", "packet=pts_time");
            std::fs::remove_file(&output).unwrap();
            times.last().unwrap().parse::<f64>().unwrap()
        };
        let whole = length(SourceOptions::default());
        assert!((whole - 2.5).abs() < 0.1, "{name}: the audio ends at {whole} s");
        let part = length(SourceOptions { duration: Some(0.6), ..SourceOptions::default() });
        assert!(part < 0.65, "{name}: the audio of a part ends at {part} s");
    }
}

#[test]
fn damaged_audio_is_reported_when_it_is_decoded() {
    let folder = temp();
    let path = folder.path().join("damaged.avi");
    ffmpeg("-f lavfi -i testsrc2=s=96x64:r=25:d=2 -f lavfi -i sine=d=2:r=44100 -c:v mpeg4 -c:a mp3", &path);
    let mut bytes = std::fs::read(&path).unwrap();
    let chunks: Vec<_> = (0..bytes.len() - 4).filter(|&at| bytes[at..].starts_with(b"01wb")).collect();
    for &chunk in &chunks[20..30] {
        bytes[chunk + 8..chunk + 60].fill(0x5a);
    }
    std::fs::write(&path, bytes).unwrap();
    for (container, is_decoded) in [("webm", true), ("mp4", false)] {
        let copied = copy(&path, &path.with_extension(container), &SourceOptions::default()).unwrap();
        let warned = copied.done.warnings.join("\n");
        assert_eq!(warned.contains("the input's audio is damaged"), is_decoded, "{container}: {warned}");
    }
}

#[test]
fn a_run_that_ends_early_has_no_sound_without_picture() {
    let folder = temp();
    let path = clapper(&folder.path().join("in.mp4"), 2.0, "-c:a aac");
    let mut source = source::open(&input(&path), &SourceOptions::default()).unwrap();
    let info = source.info().clone();
    let output = folder.path().join("out.mp4");
    let encode = EncodeOptions {
        format: None,
        crf: 20,
        overwrite: false,
        passthrough: info.passthrough.clone(),
        colour: info.colour,
    };
    let mut sink = VideoSink::create(&output, info.size, info.rate, encode).unwrap();
    for _ in 0..25 {
        let frame = source.read().unwrap().unwrap();
        sink.write(&frame.image, frame.time).unwrap();
    }
    assert_eq!(sink.finish(ClipEnd::default()).unwrap().publish().unwrap().frames, 25);
    assert!((number(&output, "v:0", "stream=duration").unwrap() - 1.0).abs() < 0.001);
    assert!((number(&output, "a:0", "stream=duration").unwrap() - 1.0).abs() < 0.05);
}

#[test]
fn a_sound_stream_of_an_unknown_kind_costs_no_other_one() {
    let folder = temp();
    let path = folder.path().join("two.mkv");
    let sound = "-f lavfi -i sine=d=1";
    ffmpeg(
        &format!("-f lavfi -i testsrc2=s=96x64:r=25:d=1 {sound} {sound} -map 0 -map 1 -map 2 -c:a:0 aac -c:a:1 mp3"),
        &path,
    );
    let mut bytes = std::fs::read(&path).unwrap();
    let at = bytes.windows(5).position(|name| name == b"A_AAC").unwrap();
    bytes[at..at + 5].copy_from_slice(b"A_XXX");
    std::fs::write(&path, bytes).unwrap();
    let source = source::open(&input(&path), &SourceOptions::default()).unwrap();
    assert!(source.warnings().iter().any(|note| note.contains("1 of 2 audio streams")), "{:?}", source.warnings());
    for (container, kept) in [("mp4", "mp3"), ("mov", "mp3"), ("webm", "opus")] {
        let output = folder.path().join(format!("out.{container}"));
        let copied = copy(&path, &output, &SourceOptions::default()).unwrap();
        assert_eq!(copied.done.warnings, Vec::<String>::new(), "{container}");
        assert_eq!(ffprobe(&output, "a", "stream=codec_name"), [kept], "{container}");
    }
}
