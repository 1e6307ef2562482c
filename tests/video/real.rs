//! Real clips pass through unchanged.

use std::ffi::OsStr;
use std::path::Path;

use salstream::Error;
use salstream::source::SourceOptions;

use crate::data::data;
use crate::tools::{copy, farthest, ffprobe, number, packet_times, psnr, shown_by_ffmpeg, temp};

#[test]
#[ignore = "needs the test data"]
fn real_clips_go_through() {
    let clips = data("clips");
    let folder = temp();
    let mut through = 0;
    for entry in std::fs::read_dir(clips).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if !["mp4", "mov", "mkv", "webm"].map(OsStr::new).contains(&path.extension().unwrap_or_default()) {
            continue;
        }
        let output = folder.path().join(format!("{name}.mp4"));
        if name.contains("truncated") {
            let message =
                copy(&path, &output, &SourceOptions::default()).err().map(|e| e.to_string()).unwrap_or_default();
            assert!(message.contains(&name) && message.contains("cut short"), "{message}");
            continue;
        }
        compare(&name, &path, &output);
        through += 1;
    }
    assert!(through > 10, "only {through} clips went through");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), through, "other files are left besides the results");
}

/// Copies a real clip and compares the output with ffmpeg's information about the original.
fn compare(name: &str, path: &Path, output: &Path) {
    let listed = packet_times(path);
    // One clip has several video streams; the reference is the first one.
    let duration = (listed.len() > 1000).then_some(10.0);
    let options = SourceOptions { duration, video_stream: Some(0), ..SourceOptions::default() };
    let copied = copy(path, output, &options).unwrap();
    let written = packet_times(output);
    assert_eq!(copied.done.warnings, Vec::<String>::new(), "{name}");
    let interval = copied.info.rate.interval();
    let mut expected: Vec<f64> = listed.iter().copied().filter(|&t| options.duration.is_none_or(|d| t < d)).collect();
    if name.contains("corrupted") {
        let message = copied.error.as_ref().map(Error::to_string).unwrap_or_default();
        assert!(message.contains("49 of 50 frames") && message.contains(name), "{message}");
        expected.retain(|time| copied.times.iter().any(|t| (t - time).abs() < interval / 2.0));
        assert_eq!(expected.len(), 49);
    } else {
        assert!(copied.error.is_none(), "{name}: false alarm: {:?}", copied.error);
        let reference = shown_by_ffmpeg(path, copied.middle_index);
        let quality = psnr(&copied.middle, &reference);
        eprintln!("{name}: {quality:.1} dB from ffmpeg's own picture");
        assert!(quality > 24.0, "{name}: wrong orientation or colours: {quality:.1} dB");
    }
    assert!(farthest(&copied.times, &expected) < 0.00101, "{name}: frames read at wrong times");
    assert!(farthest(&written, &expected) < 0.00101, "{name}: frames written at wrong times");
    let length = |path| number(path, "v:0", "stream=duration");
    if let (Some(before), Some(after), None) = (length(path), length(output), options.duration) {
        assert!((before - after).abs() <= interval + 1e-6, "{name}: {before} s became {after} s");
    }
    let sounds = |path| ffprobe(path, "a", "stream=codec_type").len();
    assert_eq!(sounds(path), sounds(output), "{name}: audio streams");
    if let (Some(before), Some(after)) =
        (number(path, "a:0", "stream=duration"), number(output, "a:0", "stream=duration"))
    {
        assert!((before - after).abs() < 0.05, "{name}: audio of {before} s became {after} s");
    }
    let bytes = std::fs::read(output).unwrap();
    let atom = |name: &[u8]| bytes.windows(4).position(|window| window == name);
    assert!(atom(b"moov") < atom(b"mdat"), "{name}: not made for a fast start");
    let colours = |path| ffprobe(path, "V:0", "stream=color_space").pop().filter(|space| space != "unknown");
    let expected = colours(path).unwrap_or_else(|| "bt709".into());
    let written = ffprobe(output, "v:0", "stream=codec_name,pix_fmt,color_range,color_space");
    assert_eq!(written, [format!("h264,yuv420p,tv,{expected}")], "{name}");
}
