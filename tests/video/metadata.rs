//! What a file holds beside its picture is in the result, or a warning says that it is not.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use salstream::source::SourceOptions;
use serde_json::Value;

use crate::data::data;
use crate::program::{salstream, text};
use crate::tools::{copy, ffmpeg, ffprobe, temp};

/// Everything that ffprobe says about a file.
fn described(path: &Path) -> Value {
    let mut command = Command::new("ffprobe");
    command.args(["-v", "error", "-show_format", "-show_streams", "-show_chapters", "-of", "json"]).arg(path);
    serde_json::from_slice(&command.output().unwrap().stdout).unwrap()
}

/// The streams of a type.
fn streams<'a>(described: &'a Value, kind: &str) -> Vec<&'a Value> {
    described["streams"].as_array().unwrap().iter().filter(|stream| stream["codec_type"] == kind).collect()
}

/// The subtitles of a file: from when to when they are shown, in milliseconds since the first frame, and their text.
fn subtitles(path: &Path) -> Vec<(i32, i32, String)> {
    let milliseconds = |text: &str| (text.parse::<f64>().unwrap() * 1000.0).round() as i32;
    let start = milliseconds(&ffprobe(path, "v:0", "stream=start_time")[0]);
    let times = ffprobe(path, "s:0", "packet=pts_time,duration_time");
    let mut command = Command::new("ffmpeg");
    command.args(["-nostdin", "-v", "error", "-i"]).arg(path).args(["-map", "0:s:0", "-f", "srt", "-"]);
    let shown = text(&command.output().unwrap().stdout);
    let lines: Vec<_> = shown.lines().collect();
    let texts = lines.windows(2).filter(|pair| pair[0].contains(" --> ")).map(|pair| pair[1].to_owned());
    // An MP4 fills the gaps with packets that have no text.
    let sizes = ffprobe(path, "s:0", "packet=size");
    let spoken = times.iter().zip(sizes).filter(|(_, size)| size != "2").map(|(times, _)| times);
    let spans = spoken
        .map(|times| times.split_once(',').unwrap())
        .map(|(from, long)| (milliseconds(from) - start, milliseconds(from) - start + milliseconds(long)));
    spans.zip(texts).map(|((from, to), text)| (from, to, text)).collect()
}

/// A Matroska file with tags, chapters, two audio tracks, subtitles, a font and a picture as attachments.
fn rich(folder: &Path) -> PathBuf {
    let write = |name: &str, text: &str| {
        fs::write(folder.join(name), text).unwrap();
        folder.join(name).display().to_string()
    };
    let srt =
        write("s.srt", "1\n00:00:00,200 --> 00:00:00,800\nHello there\n\n2\n00:00:01,000 --> 00:00:01,500\nBye\n");
    let chapter = |from: u32, to: u32, title: &str| {
        format!("[CHAPTER]\nTIMEBASE=1/1000\nSTART={from}\nEND={to}\ntitle={title}\n")
    };
    let chapters = chapter(0, 1000, "First") + &chapter(1000, 1600, "Second");
    let tags = write("tags.txt", &format!(";FFMETADATA1\ntitle=A title\n{chapters}"));
    let font = write("font.ttf", "not really a font");
    let path = folder.join("rich.mkv");
    let inputs = "-f lavfi -i testsrc2=s=96x64:r=25:d=1.6 -f lavfi -i sine=d=1.6 -f lavfi -i sine=880:d=1.6";
    let maps = "-map 0 -map 1 -map 2 -map 3 -map_metadata 4 -map_chapters 4 -c:v libx264 -c:a flac -c:s srt";
    let metadata = "-metadata date=2019-05-04 -metadata location=+12.3456+098.7654/ \
        -metadata creation_time=2019-05-04T10:20:30.000000Z -metadata:s:v language=jpn -metadata:s:a:0 language=fre \
        -metadata:s:a:0 title=Direct -metadata:s:a:1 language=ger -metadata:s:s language=spa \
        -disposition:a:0 0 -disposition:a:1 default";
    let attachment = format!("-attach {font} -metadata:s:t mimetype=application/x-truetype-font");
    ffmpeg(&format!("{inputs} -i {srt} -i {tags} {maps} {metadata} {attachment}"), &path)
}

#[test]
fn tags_tracks_chapters_and_subtitles_are_kept() {
    let folder = temp();
    let path = rich(folder.path());
    for (container, subtitle_codec, attachments) in
        [("mkv", "subrip", 1), ("mp4", "mov_text", 0), ("webm", "webvtt", 0)]
    {
        let output = folder.path().join(format!("out.{container}"));
        let copied = copy(&path, &output, &SourceOptions::default()).unwrap();
        let warned = copied.done.warnings.join("\n");
        assert_eq!(warned.is_empty(), attachments == 1, "{container}: {warned}");
        assert!(attachments == 1 || warned.contains("cannot hold the attachment font.ttf"), "{container}: {warned}");
        let got = described(&output);
        let tags = got["format"]["tags"].as_object().unwrap();
        let tag = |name: &str| {
            let found = tags.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
            found.map(|(_, value)| value.as_str().unwrap().to_owned()).unwrap_or_default()
        };
        assert_eq!((tag("title"), tag("date")), ("A title".into(), "2019-05-04".into()), "{container}");
        assert_eq!(tag("location"), "+12.3456+098.7654/", "{container}: {tags:?}");
        assert_eq!(tag("creation_time"), "2019-05-04T10:20:30.000000Z", "{container}");
        let language = |stream: &Value| stream["tags"]["language"].as_str().unwrap_or_default().to_owned();
        let video = streams(&got, "video");
        assert_eq!((video.len(), language(video[0])), (1, "jpn".into()), "{container}");
        let audio = streams(&got, "audio");
        let kept: Vec<_> = audio.iter().map(|s| (language(s), s["disposition"]["default"].as_u64().unwrap())).collect();
        assert_eq!(kept, [("fre".into(), 0), ("ger".into(), 1)], "{container}");
        if container != "mp4" {
            assert_eq!(audio[0]["tags"]["title"], "Direct", "{container}");
        }
        let texts = streams(&got, "subtitle");
        assert_eq!((texts.len(), language(texts[0])), (1, "spa".into()), "{container}");
        assert_eq!(texts[0]["codec_name"], subtitle_codec, "{container}");
        let expected = [(200, 800, "Hello there".to_owned()), (1000, 1500, "Bye".to_owned())];
        assert_eq!(subtitles(&output), expected, "{container}");
        let chapters = got["chapters"].as_array().unwrap();
        let titles: Vec<_> = chapters.iter().map(|c| (&c["start_time"], &c["tags"]["title"])).collect();
        assert_eq!(titles, [(&"0.000000".into(), &"First".into()), (&"1.000000".into(), &"Second".into())]);
        let fonts = streams(&got, "attachment");
        assert_eq!(fonts.len(), attachments, "{container}");
        assert!(fonts.iter().all(|font| font["tags"]["filename"] == "font.ttf"), "{container}");
    }
}

#[test]
fn a_part_of_a_clip_has_its_chapters_and_subtitles_at_the_right_times() {
    let folder = temp();
    let path = rich(folder.path());
    for container in ["mkv", "mp4", "webm"] {
        let output = folder.path().join(format!("part.{container}"));
        let copied = copy(&path, &output, &SourceOptions { start: Some(0.4), ..SourceOptions::default() }).unwrap();
        let expected = (600, 1100, "Bye".to_owned());
        let shown = subtitles(&output);
        assert_eq!(shown.last(), Some(&expected), "{container}");
        // Only copied subtitles can be shortened.
        let cut = container == "mkv";
        assert_eq!(shown.len(), if cut { 2 } else { 1 }, "{container}: {shown:?}");
        assert!(!cut || shown[0] == (0, 400, "Hello there".into()), "{container}: {shown:?}");
        let note = "a subtitle that begins before --start is left out";
        assert_eq!(copied.done.warnings.join("\n").contains(note), !cut, "{container}");
        let got = described(&output);
        let second = got["chapters"].as_array().unwrap().last().unwrap();
        assert_eq!((&second["tags"]["title"], &second["start_time"]), (&"Second".into(), &"0.600000".into()));
    }
}

#[test]
fn what_comes_after_the_last_picture_is_kept() {
    let folder = temp();
    let srt = folder.path().join("s.srt");
    fs::write(&srt, "1\n00:00:00,200 --> 00:00:00,800\nHello\n\n2\n00:00:01,400 --> 00:00:01,900\nAfter\n").unwrap();
    let chapters = folder.path().join("chapters.txt");
    let chapter = |from, to| format!("[CHAPTER]\nTIMEBASE=1/1000\nSTART={from}\nEND={to}\ntitle=C\n");
    fs::write(&chapters, format!(";FFMETADATA1\n{}{}", chapter(0, 1200), chapter(1200, 1900))).unwrap();
    let path = folder.path().join("late.mkv");
    let inputs = format!("-f lavfi -i testsrc2=s=96x64:r=25:d=1 -i {} -i {}", srt.display(), chapters.display());
    ffmpeg(&format!("{inputs} -map 0 -map 1 -map_chapters 2 -c:v libx264 -c:s srt"), &path);
    for container in ["mkv", "mp4", "webm"] {
        let output = folder.path().join(format!("out.{container}"));
        let copied = copy(&path, &output, &SourceOptions::default()).unwrap();
        assert_eq!(copied.done.warnings, Vec::<String>::new(), "{container}");
        assert_eq!(subtitles(&output).last(), Some(&(1400, 1900, "After".to_owned())), "{container}");
        assert_eq!(described(&output)["chapters"].as_array().unwrap().len(), 2, "{container}");
    }
}

#[test]
fn an_mp4_keeps_its_own_tags_in_every_container() {
    let folder = temp();
    let path = folder.path().join("phone.mp4");
    let tags = "-metadata title=Title -metadata artist=Me -metadata date=2020 -metadata comment=Note \
        -metadata location=+01.5000-002.5000/ -metadata creation_time=2020-02-03T04:05:06Z -metadata:s:v language=nor";
    ffmpeg(&format!("-f lavfi -i testsrc2=s=96x64:r=25:d=0.4 -c:v libx264 {tags}"), &path);
    for container in ["mp4", "mov", "mkv"] {
        let output = folder.path().join(format!("out.{container}"));
        let copied = copy(&path, &output, &SourceOptions::default()).unwrap();
        assert_eq!(copied.done.warnings, Vec::<String>::new(), "{container}");
        let got = described(&output).to_string().to_lowercase();
        for word in ["\"title\"", "\"me\"", "\"2020\"", "\"note\"", "+01.5000-002.5000/", "2020-02-03t04:05:06", "nor"]
        {
            assert!(got.contains(word), "{container}: no {word} in {got}");
        }
        let has_brand = got.contains("major_brand");
        assert_eq!(has_brand, ["mp4", "mov"].contains(&container), "{container}: {got}");
    }
}

#[test]
fn unusual_tags_are_kept_too() {
    let folder = temp();
    let path = folder.path().join("camera.mov");
    let tags = "-movflags use_metadata_tags -metadata com.apple.quicktime.model=Phone -metadata lens=35mm";
    ffmpeg(&format!("-f lavfi -i testsrc2=s=96x64:r=25:d=0.2 -c:v libx264 {tags}"), &path);
    for container in ["mp4", "mkv"] {
        let output = folder.path().join(format!("out.{container}"));
        copy(&path, &output, &SourceOptions::default()).unwrap();
        let got = described(&output)["format"]["tags"].to_string().to_lowercase();
        assert!(got.contains("35mm") && got.contains("phone"), "{container}: {got}");
        let bytes = fs::read(&output).unwrap();
        let atom = |name: &[u8]| bytes.windows(4).position(|window| window == name);
        assert!(container == "mkv" || atom(b"moov") < atom(b"mdat"), "not made for a fast start");
    }
}

#[test]
fn nothing_is_called_english_that_has_no_language() {
    let folder = temp();
    for container in ["mp4", "mkv", "webm"] {
        let codecs = if container == "webm" {
            "-c:v libvpx-vp9 -deadline realtime -cpu-used 8"
        } else {
            "-c:v libx264 -c:a aac"
        };
        let path = folder.path().join(format!("plain.{container}"));
        ffmpeg(&format!("-f lavfi -i testsrc2=s=96x64:r=25:d=0.3 -f lavfi -i sine=d=0.3 {codecs}"), &path);
        for result in ["mp4", "mkv", "webm"].into_iter().filter(|result| *result != container) {
            let output = folder.path().join(format!("{container}.out.{result}"));
            copy(&path, &output, &SourceOptions::default()).unwrap();
            let got = described(&output);
            for stream in got["streams"].as_array().unwrap() {
                let language = stream["tags"]["language"].as_str().unwrap_or("und");
                assert_eq!(language, "und", "{container} to {result}: {}", stream["codec_type"]);
            }
            let tags = got["format"]["tags"].to_string();
            assert!(result == "mp4" || !tags.contains("brand"), "{container} to {result}: {tags}");
        }
    }
}

#[test]
fn cover_art_is_no_video() {
    let folder = temp();
    let cover = ffmpeg("-f lavfi -i color=red:s=320x320 -frames:v 1", &folder.path().join("cover.jpg"));
    let inputs = format!("-i {} -f lavfi -i color=blue:s=96x64:r=25:d=0.4 -f lavfi -i sine=d=0.4", cover.display());
    let path = folder.path().join("cover.mp4");
    let codecs = "-c:v:0 copy -c:v:1 libx264 -c:a aac -disposition:v:0 attached_pic";
    ffmpeg(&format!("{inputs} -map 0 -map 1 -map 2 {codecs}"), &path);
    for (container, covers) in [("mp4", 1), ("mkv", 0)] {
        let output = folder.path().join(format!("out.{container}"));
        let copied = copy(&path, &output, &SourceOptions::default()).unwrap();
        assert_eq!((copied.info.size.width, copied.done.frames), (96, 10), "{container}");
        let warned = copied.done.warnings.join("\n");
        assert_eq!(warned.contains("cannot hold cover art"), covers == 0, "{container}: {warned}");
        let mean = opencv::core::mean_def(&copied.middle).unwrap();
        assert!(mean[0] > 200.0 && mean[2] < 50.0, "{container}: the picture is blue: {mean:?}");
        let got = described(&output);
        let videos: Vec<_> = streams(&got, "video").iter().map(|s| s["disposition"]["attached_pic"].clone()).collect();
        assert_eq!(videos, [0, 1][..=covers].iter().map(|n| Value::from(*n)).collect::<Vec<_>>(), "{container}");
        assert_eq!(streams(&got, "audio").len(), 1, "{container}");
    }
}

#[test]
fn no_metadata_leaves_only_the_sound() {
    let folder = temp();
    rich(folder.path());
    let run = |args: &str| {
        let mut command = salstream(folder.path());
        let output = command.arg("run").args(args.split_whitespace()).output().unwrap();
        assert!(output.status.success(), "{args}: {}", text(&output.stderr));
        text(&output.stderr)
    };
    run("rich.mkv -o bare.mkv --no-metadata --duration 0.1");
    let bare = described(&folder.path().join("bare.mkv"));
    assert_eq!((streams(&bare, "audio").len(), streams(&bare, "subtitle").len()), (2, 0));
    assert_eq!((streams(&bare, "attachment").len(), bare["chapters"].as_array().unwrap().len()), (0, 0));
    let all = bare.to_string();
    for word in ["A title", "12.3456", "2019", "jpn", "font.ttf"] {
        assert!(!all.contains(word), "{word} is left in {all}");
    }
    let noted = run("rich.mkv -o silent.mp4 --no-audio --duration 0.1");
    assert!(noted.contains("the attachment font.ttf"), "{noted}");
    let silent = described(&folder.path().join("silent.mp4"));
    assert_eq!((streams(&silent, "audio").len(), streams(&silent, "subtitle").len()), (0, 1));
    assert!(silent["format"]["tags"]["title"] == "A title");
}

#[test]
#[ignore = "needs the test data"]
fn a_rich_file_from_outside_is_kept() {
    let folder = temp();
    let path = data("cases/video/a1_multi.mkv");
    let before = described(&path);
    let output = folder.path().join("out.mkv");
    let copied = copy(&path, &output, &SourceOptions::default()).unwrap();
    assert_eq!(copied.done.warnings, Vec::<String>::new());
    let after = described(&output);
    for kind in ["video", "audio", "subtitle", "attachment"] {
        assert_eq!(streams(&before, kind).len(), streams(&after, kind).len(), "{kind}");
    }
    assert_eq!(before["chapters"].as_array().unwrap().len(), after["chapters"].as_array().unwrap().len());
    assert_eq!(before["format"]["tags"]["title"], after["format"]["tags"]["title"]);
}
