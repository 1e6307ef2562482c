//! A last picture that is shown for long keeps its duration.

use std::path::Path;

use salstream::source::SourceOptions;

use crate::data::data;
use crate::tools::{copy, farthest, ffmpeg, ffprobe, number, packet_times, read_all, temp};

/// Ten frames at 25 per second, the last of which is shown until `end` seconds.
fn held(path: &Path, end: u32, frames: &str, audio: bool) {
    let plain = path.with_extension("plain.mp4");
    ffmpeg(&format!("-f lavfi -i testsrc2=s=96x64:r=25:d=0.4 -c:v libx264 {frames}"), &plain);
    // In decoding order, the last packet is not the last picture if there are B frames: the file's end counts.
    let ticks = if path.extension() == Some("mkv".as_ref()) { 1000 } else { 12800 } * end;
    let hold = format!("setts=pts=PTS:dts=DTS:duration=if(eq(N\\,9)\\,{ticks}-DTS\\,DURATION)");
    let sound = if audio { format!("-f lavfi -i sine=d={end} -c:a aac -b:a 32k") } else { String::new() };
    ffmpeg(&format!("-i {} {sound} -c:v copy -bsf:v {hold}", plain.display()), path);
}

/// The end of the picture in seconds.
fn end_of_picture(path: &Path) -> f64 {
    if let Some(duration) = number(path, "v:0", "stream=duration") {
        return duration;
    }
    let clock = &ffprobe(path, "v:0", "stream_tags=DURATION")[0];
    clock.split(':').fold(0.0, |total, part| total * 60.0 + part.parse::<f64>().unwrap())
}

#[test]
fn a_last_picture_is_held_as_long_as_in_the_source() {
    let folder = temp();
    let cases = [
        (3, "-bf 0", true, "mp4", "mkv"),
        (3, "-bf 3", true, "mkv", "mp4"),
        (20, "-bf 3", false, "mp4", "mp4"),
        (20, "-bf 0", true, "mkv", "mkv"),
        (60, "-bf 0", false, "mp4", "mp4"),
        (60, "-bf 3", true, "mkv", "mp4"),
        (60, "-bf 3", true, "mp4", "mkv"),
    ];
    for (end, frames, audio, container, result) in cases {
        let path = folder.path().join(format!("{end}.{container}"));
        held(&path, end, frames, audio);
        let expected = end_of_picture(&path);
        let place = format!("{end} s with {frames} in {container} to {result}");
        assert!((expected - f64::from(end)).abs() < 0.2, "{place}: the clip itself lasts {expected} s");
        let output = path.with_extension(format!("out.{result}"));
        let copied = copy(&path, &output, &SourceOptions::default()).unwrap();
        assert_eq!((copied.times.len(), copied.error.map(|e| e.to_string())), (10, None), "{place}");
        let got = end_of_picture(&output);
        assert!((got - expected).abs() < 0.05, "{place}: {expected} s became {got} s");
        let (before, after) = (packet_times(&path), packet_times(&output));
        assert!(farthest(&before, &after) < 0.00201, "{place}: {after:?}");
        let length = number(&output, "v:0", "format=duration").unwrap();
        assert!((length - expected).abs() < 0.1, "{place}: the file lasts {length} s");
        // What was written is whole when it is read again.
        let (_, frames, error) = read_all(&output, &SourceOptions::default()).unwrap();
        assert_eq!((frames.len(), error.map(|e| e.to_string())), (10, None), "{place}: read again");
        std::fs::remove_file(output).unwrap();
    }
}

#[test]
fn a_slow_clip_keeps_its_last_interval() {
    let folder = temp();
    let path = folder.path().join("slow.mp4");
    ffmpeg("-f lavfi -i testsrc2=s=96x64:r=1/20 -frames:v 3 -c:v libx264 -pix_fmt yuv420p", &path);
    let output = folder.path().join("out.mp4");
    let copied = copy(&path, &output, &SourceOptions::default()).unwrap();
    assert_eq!((copied.times.len(), copied.error.map(|e| e.to_string())), (3, None));
    assert!((end_of_picture(&output) - 60.0).abs() < 0.1, "{} s", end_of_picture(&output));
}

#[test]
fn a_clip_of_a_variable_rate_ends_when_its_last_picture_does() {
    let folder = temp();
    for container in ["mp4", "mkv"] {
        let path = folder.path().join(format!("variable.{container}"));
        // The last of these intervals is shorter than the mean.
        let times = "setpts=if(lt(N\\,10)\\,N*0.1\\,1+(N-10)*0.02)/TB";
        ffmpeg(&format!("-f lavfi -i testsrc2=s=96x64:r=25:d=0.8,{times} -c:v libx264 -fps_mode vfr"), &path);
        let (expected, last) = (end_of_picture(&path), *packet_times(&path).last().unwrap());
        assert!(
            (0.0..0.05).contains(&(expected - last)),
            "{container}: the clip itself ends {} s late",
            expected - last
        );
        let output = folder.path().join(format!("out.{container}"));
        copy(&path, &output, &SourceOptions::default()).unwrap();
        let got = end_of_picture(&output);
        assert!((got - expected).abs() < 0.0031, "{container}: {expected} s became {got} s");
    }
}

#[test]
#[ignore = "needs the test data"]
fn a_clip_from_outside_holds_its_last_picture() {
    let folder = temp();
    let path = data("cases/video/t12_lasthold.mp4");
    let output = folder.path().join("out.mp4");
    copy(&path, &output, &SourceOptions::default()).unwrap();
    let (before, after) = (end_of_picture(&path), end_of_picture(&output));
    assert!((before - after).abs() < 0.05, "{before} s became {after} s");
}
