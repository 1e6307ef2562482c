//! Video in and out: times, sound, rotation, colours, damage; on clips made here and on real ones.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use opencv::core::{self, Mat};
use opencv::imgcodecs;
use opencv::prelude::*;
use salstream::frame::{Frame, Rate, VideoInfo};
use salstream::sink::image::ImageSink;
use salstream::sink::video::{EncodeOptions, VideoSink};
use salstream::sink::{self, Finished};
use salstream::source::{self, Input, Options};
use salstream::{Error, Result};

/// Whether `ffmpeg` and `ffprobe` are there; says so loudly where not.
fn have_ffmpeg() -> bool {
    let found = ["ffmpeg", "ffprobe"].iter().all(|p| Command::new(p).arg("-version").output().is_ok());
    if !found {
        eprintln!("SKIPPED: ffmpeg and ffprobe are not installed");
    }
    found
}

/// The folder of real clips, if it is there.
fn clips() -> Option<PathBuf> {
    let data = std::env::var_os("SALSTREAM_DATA").map_or_else(|| "../shared/data".into(), PathBuf::from);
    let clips = data.join("clips");
    if !clips.is_dir() {
        eprintln!("SKIPPED: no real clips at {}", clips.display());
        return None;
    }
    Some(clips)
}

/// Runs ffmpeg on space-separated `args`, then `output`.
fn ffmpeg(args: &str, output: &Path) -> PathBuf {
    let mut command = Command::new("ffmpeg");
    command.args(["-nostdin", "-v", "error", "-y"]).args(args.split_whitespace()).arg(output);
    let result = command.output().unwrap();
    assert!(result.status.success(), "ffmpeg {args}: {}", String::from_utf8_lossy(&result.stderr));
    output.to_owned()
}

/// What ffprobe prints for `entries` of the streams that `select` chooses, one line each.
fn ffprobe(path: &Path, select: &str, entries: &str) -> Vec<String> {
    let mut command = Command::new("ffprobe");
    command.args(["-v", "error", "-select_streams", select, "-show_entries", entries, "-of", "csv=p=0"]).arg(path);
    let output = String::from_utf8(command.output().unwrap().stdout).unwrap();
    output.lines().map(|line| line.trim_end_matches(',').to_owned()).filter(|line| !line.is_empty()).collect()
}

/// Presentation times of the video packets that are shown, in seconds, ascending from 0.
fn packet_times(path: &Path) -> Vec<f64> {
    let lines = ffprobe(path, "v:0", "packet=pts_time,flags");
    let shown = lines.iter().filter_map(|line| line.split_once(',')).filter(|(_, flags)| !flags.contains('D'));
    let mut times: Vec<f64> = shown.map(|(time, _)| time.parse().unwrap()).collect();
    times.sort_by(f64::total_cmp);
    let first = times[0];
    times.iter().map(|time| time - first).collect()
}

fn number(path: &Path, select: &str, entry: &str) -> Option<f64> {
    ffprobe(path, select, entry).first()?.parse().ok()
}

fn input(path: &Path) -> Input {
    Input::parse(path.as_os_str()).unwrap()
}

/// All frames of a clip, and the error that ended it, if one did.
fn read_all(path: &Path, options: &Options) -> Result<(VideoInfo, Vec<Frame>, Option<Error>)> {
    let mut source = source::open(&input(path), options)?;
    let mut frames = Vec::new();
    let error = loop {
        match source.read() {
            Ok(Some(frame)) => frames.push(frame),
            Ok(None) => break None,
            Err(error) => break Some(error),
        }
    };
    assert!(source.read().unwrap().is_none(), "after its end a source stays at its end");
    Ok((source.info().clone(), frames, error))
}

/// A clip sent from source to sink as it is.
struct Copied {
    info: VideoInfo,
    times: Vec<f64>,
    middle: Mat,
    middle_index: usize,
    error: Option<Error>,
    done: Finished,
}

fn copy(path: &Path, output: &Path, options: &Options) -> Result<Copied> {
    let mut source = source::open(&input(path), options)?;
    let info = source.info().clone();
    let encode = EncodeOptions { crf: 18, overwrite: false, sound: info.sound.clone() };
    let mut sink = VideoSink::create(output, info.size, info.rate, encode)?;
    let middle_index = info.frames.map_or(10, |frames| frames as usize / 2);
    let (mut times, mut middle, mut error) = (Vec::new(), Mat::default(), None);
    loop {
        match source.read() {
            Ok(Some(frame)) => {
                sink.write(&frame.image, frame.time)?;
                times.push(frame.time);
                if frame.index == middle_index as u64 {
                    middle = frame.image;
                }
            }
            Ok(None) => break,
            Err(e) => error = Some(e),
        }
    }
    Ok(Copied { info, times, middle, middle_index, error, done: sink.finish()? })
}

/// Frame `index` of a clip as ffmpeg itself shows it: turned upright, in true colours.
fn shown_by_ffmpeg(path: &Path, index: usize) -> Mat {
    let folder = tempfile::tempdir().unwrap();
    let png = folder.path().join("reference.png");
    let mut command = Command::new("ffmpeg");
    let filter = format!("select=eq(n\\,{index}),scale=flags=bicubic,format=rgb24");
    command.args(["-nostdin", "-v", "error", "-y", "-i"]).arg(path).args(["-map", "0:v:0", "-vf", &filter]);
    let result = command.args(["-fps_mode", "passthrough", "-frames:v", "1"]).arg(&png).output().unwrap();
    assert!(png.exists(), "{}", String::from_utf8_lossy(&result.stderr));
    imgcodecs::imread(&png, imgcodecs::IMREAD_COLOR).unwrap()
}

/// Peak signal-to-noise ratio of two pictures, in dB.
fn psnr(a: &Mat, b: &Mat) -> f64 {
    assert_eq!(a.size().unwrap(), b.size().unwrap());
    core::psnr(a, b, 255.0).unwrap()
}

fn farthest(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len(), "as many frames");
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

/// When the sound of a file first gets loud, in seconds on the file's clock.
fn first_loud(path: &Path, select: &str) -> f64 {
    let mut command = Command::new("ffmpeg");
    command.args(["-nostdin", "-v", "error", "-i"]).arg(path).args(["-map", &format!("0:{select}")]);
    command.args(["-af", "aresample=48000:async=1:first_pts=0", "-ac", "1", "-f", "s16le", "-"]);
    let samples = command.output().unwrap().stdout;
    let loud = samples.chunks_exact(2).position(|s| i16::from_le_bytes([s[0], s[1]]).unsigned_abs() > 3000);
    loud.expect("a loud sample") as f64 / 48000.0
}

/// When the picture of a file first gets bright, in seconds on the file's clock.
fn first_bright(path: &Path) -> f64 {
    let (_, frames, _) = read_all(path, &Options::default()).unwrap();
    let bright = frames.iter().find(|f| core::mean_def(&f.image).unwrap()[0] > 128.0);
    bright.expect("a bright frame").time + number(path, "v:0", "stream=start_time").unwrap_or(0.0)
}

/// A clip whose picture turns white and whose sound turns on, both at `at` seconds of it.
fn clapper(path: &Path, at: f64, codecs: &str) -> PathBuf {
    let picture = format!("color=black:s=96x64:r=25:d=4,drawbox=t=fill:c=white:enable='gte(t,{at}-0.001)'");
    let sound = format!("aevalsrc='0.8*sin(2500*t)*gte(t,{at})':s=48000:d=4");
    ffmpeg(&format!("-f lavfi -i {picture} -f lavfi -i {sound} -g 40 {codecs}"), path)
}

fn temp() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

#[test]
fn real_clips_go_through() {
    let (Some(clips), true) = (clips(), have_ffmpeg()) else { return };
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
            let message = copy(&path, &output, &Options::default()).err().map(|e| e.to_string()).unwrap_or_default();
            assert!(message.contains(&name) && message.contains("cut short"), "{message}");
            continue;
        }
        compare(&name, &path, &output);
        through += 1;
    }
    assert!(through > 10, "only {through} clips went through");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), through, "nothing but the results is left");
}

/// Copies one real clip and compares what comes out with what ffmpeg says of the original.
fn compare(name: &str, path: &Path, output: &Path) {
    let listed = packet_times(path);
    let options = Options { duration: (listed.len() > 1000).then_some(10.0), ..Options::default() };
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
        assert!(quality > 24.0, "{name}: picture turned or recoloured: {quality:.1} dB");
    }
    assert!(farthest(&copied.times, &expected) < 0.00101, "{name}: frames read at wrong times");
    assert!(farthest(&written, &expected) < 0.00101, "{name}: frames written at wrong times");
    let length = |path| number(path, "v:0", "stream=duration");
    if let (Some(before), Some(after), None) = (length(path), length(output), options.duration) {
        assert!((before - after).abs() <= interval + 1e-6, "{name}: {before} s became {after} s");
    }
    let sounds = |path| ffprobe(path, "a", "stream=codec_type").len();
    assert_eq!(sounds(path), sounds(output), "{name}: sound streams");
    if let (Some(before), Some(after)) =
        (number(path, "a:0", "stream=duration"), number(output, "a:0", "stream=duration"))
    {
        assert!((before - after).abs() < 0.05, "{name}: sound of {before} s became {after} s");
    }
    let bytes = std::fs::read(output).unwrap();
    let atom = |name: &[u8]| bytes.windows(4).position(|window| window == name);
    assert!(atom(b"moov") < atom(b"mdat"), "{name}: not made for a fast start");
    let colours = ffprobe(output, "v:0", "stream=codec_name,pix_fmt,color_range,color_space");
    assert_eq!(colours, ["h264,yuv420p,tv,bt709"], "{name}");
}

#[test]
fn rational_rates_stay_exact() {
    if !have_ffmpeg() {
        return;
    }
    let folder = temp();
    for (rate, container) in [("30000/1001", "mp4"), ("24000/1001", "mkv"), ("25", "avi"), ("60000/1001", "ts")] {
        let path = folder.path().join(format!("{container}.{container}"));
        ffmpeg(&format!("-f lavfi -i testsrc2=r={rate}:s=160x120:d=3 -c:v libx264 -preset veryfast"), &path);
        let output = path.with_extension("out.mp4");
        let copied = copy(&path, &output, &Options::default()).unwrap();
        let exact = if rate.contains('/') { rate.to_owned() } else { format!("{rate}/1") };
        let rates = ffprobe(&output, "v:0", "stream=r_frame_rate,avg_frame_rate");
        assert_eq!(rates, [format!("{exact},{exact}")], "{container}");
        let grid: Vec<f64> = (0..copied.times.len()).map(|k| k as f64 * copied.info.rate.interval()).collect();
        assert!(farthest(&copied.times, &grid) < 1e-9, "{container}: a constant rate has become uneven");
        assert_eq!(copied.done.frames as usize, ffprobe(&path, "v:0", "packet=flags").len(), "{container}");
        assert_eq!(copied.error.map(|e| e.to_string()), None, "{container}");
    }
}

#[test]
fn variable_rates_stay_true_to_the_last_frame() {
    if !have_ffmpeg() {
        return;
    }
    let folder = temp();
    let uneven = "testsrc2=r=60:s=160x120:d=3,select='lt(mod(n\\,7)\\,2)+eq(mod(n\\,11)\\,5)'";
    for container in ["mp4", "mkv"] {
        let path = folder.path().join(format!("vfr.{container}"));
        ffmpeg(&format!("-f lavfi -i {uneven} -fps_mode vfr -c:v libx264 -bf 3"), &path);
        let output = folder.path().join(format!("out.{container}"));
        let copied = copy(&path, &output, &Options::default()).unwrap();
        let expected = packet_times(&path);
        assert!(farthest(&copied.times, &expected) < 0.00101, "{container}: read");
        assert!(farthest(&packet_times(&output), &expected) < 0.00201, "{container}: written");
        assert!(copied.times.windows(2).all(|pair| pair[1] > pair[0]));
    }
}

#[test]
fn rotation_is_as_ffmpeg_shows_it() {
    if !have_ffmpeg() {
        return;
    }
    let folder = temp();
    let plain =
        ffmpeg("-f lavfi -i testsrc2=r=25:s=160x96:d=0.2 -c:v libx264 -crf 10", &folder.path().join("plain.mp4"));
    for angle in [90, 180, 270] {
        let path = folder.path().join(format!("turned{angle}.mp4"));
        let args = format!("-i {} -c copy -metadata:s:v rotate={angle}", plain.display());
        ffmpeg(&args, &path);
        let (info, frames, _) = read_all(&path, &Options::default()).unwrap();
        let upright = if angle == 180 { (160, 96) } else { (96, 160) };
        assert_eq!((info.size.width, info.size.height), upright, "{angle}");
        let quality = psnr(&frames[2].image, &shown_by_ffmpeg(&path, 2));
        assert!(quality > 25.0, "{angle} degrees: {quality:.1} dB");
    }
}

#[test]
fn odd_sizes_gain_a_pixel_and_nothing_is_lost() {
    if !have_ffmpeg() {
        return;
    }
    let folder = temp();
    for (name, codec) in [("odd.mkv", "-c:v ffv1 -pix_fmt bgr0"), ("odd.webm", "-c:v libvpx-vp9 -pix_fmt yuv420p")] {
        let path = folder.path().join(name);
        ffmpeg(&format!("-f lavfi -i gradients=r=25:s=161x91:d=0.4:seed=7 {codec}"), &path);
        let output = folder.path().join(format!("{name}.mp4"));
        let copied = copy(&path, &output, &Options::default()).unwrap();
        assert_eq!((copied.info.size.width, copied.info.size.height), (161, 91), "{name}");
        assert_eq!(ffprobe(&output, "v:0", "stream=width,height,nb_frames"), ["162,92,10"], "{name}");
        let written = shown_by_ffmpeg(&output, copied.middle_index);
        let whole = Mat::roi(&written, core::Rect::new(0, 0, 161, 91)).unwrap().try_clone().unwrap();
        assert!(psnr(&whole, &copied.middle) > 25.0, "{name}: {:.1} dB", psnr(&whole, &copied.middle));
    }
}

#[test]
fn sound_is_kept_by_kind_and_in_sync() {
    if !have_ffmpeg() {
        return;
    }
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
        let copied = copy(&path, &output, &Options::default()).unwrap();
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
    if !have_ffmpeg() {
        return;
    }
    let folder = temp();
    let plain = clapper(&folder.path().join("plain.mkv"), 2.0, "-c:a aac");
    let shown = plain.display();
    let late = folder.path().join("late.mkv");
    ffmpeg(&format!("-itsoffset 0.5 -i {shown} -i {shown} -map 0:v -map 1:a -c copy"), &late);
    let parts = [
        (&plain, Options { start: Some(1.0), ..Options::default() }, 1.0, 0.0),
        (&plain, Options { start: Some(1.0), duration: Some(2.0), ..Options::default() }, 1.0, 0.0),
        (&late, Options::default(), 2.0, -0.5),
        (&late, Options { start: Some(1.5), ..Options::default() }, 1.0, -0.5),
    ];
    for (part, (path, options, bright, apart)) in parts.into_iter().enumerate() {
        let output = folder.path().join(format!("part{part}.mp4"));
        let copied = copy(path, &output, &options).unwrap();
        assert_eq!(copied.error.map(|e| e.to_string()), None);
        assert!((first_bright(&output) - bright).abs() < 0.001, "part {part}: bright at {}", first_bright(&output));
        let loud = first_loud(&output, "a:0");
        assert!((loud - bright - apart).abs() < 0.03, "part {part}: loud at {loud}, bright at {bright}");
        let (picture, sound) = (number(&output, "v:0", "stream=duration"), number(&output, "a:0", "stream=duration"));
        assert!(sound.unwrap() < picture.unwrap() + 0.06, "part {part}: sound outlasts the picture");
    }
}

#[test]
fn a_run_that_ends_early_has_no_sound_without_picture() {
    if !have_ffmpeg() {
        return;
    }
    let folder = temp();
    let path = clapper(&folder.path().join("in.mp4"), 2.0, "-c:a aac");
    let mut source = source::open(&input(&path), &Options::default()).unwrap();
    let info = source.info().clone();
    let output = folder.path().join("out.mp4");
    let encode = EncodeOptions { crf: 20, overwrite: false, sound: info.sound.clone() };
    let mut sink = VideoSink::create(&output, info.size, info.rate, encode).unwrap();
    for _ in 0..25 {
        let frame = source.read().unwrap().unwrap();
        sink.write(&frame.image, frame.time).unwrap();
    }
    assert_eq!(sink.finish().unwrap().frames, 25);
    assert!((number(&output, "v:0", "stream=duration").unwrap() - 1.0).abs() < 0.001);
    assert!((number(&output, "a:0", "stream=duration").unwrap() - 1.0).abs() < 0.05);
}

/// A clip of 100 frames at 25 fps whose grey level is twice the frame's number.
fn counter(path: &Path, codec: &str) -> PathBuf {
    ffmpeg(&format!("-f lavfi -i color=black:s=64x64:r=25:d=4,format=gray,geq=lum='2*N+20' {codec}"), path)
}

#[test]
fn start_and_duration_are_exact_to_the_frame() {
    if !have_ffmpeg() {
        return;
    }
    let folder = temp();
    for container in ["mp4", "mkv", "ts"] {
        let path = folder.path().join(format!("count.{container}"));
        let path = counter(&path, "-c:v libx264 -crf 5 -preset veryfast -g 60 -bf 3");
        let (_, all, _) = read_all(&path, &Options::default()).unwrap();
        for start in [0.0, 0.05, 1.0, 2.36, 2.44, 3.92, 3.96] {
            starts_exactly(&path, start, &all);
        }
        let late = source::open(&input(&path), &Options { start: Some(4.0), ..Options::default() });
        assert!(matches!(late.err(), Some(Error::Usage(message)) if message.contains("past the end, 4.000 s")));
    }
}

/// Reads 0.2 s from `start` on and compares them with the same part of `all` frames and with ffmpeg's first frame.
fn starts_exactly(path: &Path, start: f64, all: &[Frame]) {
    let level = |image: &Mat| core::mean_def(image).unwrap()[0];
    let options = Options { start: Some(start), duration: Some(0.2), ..Options::default() };
    let (info, frames, error) = read_all(path, &options).unwrap();
    let first = (start * 25.0 - 1e-9).ceil() as usize;
    let expected = 5.min(all.len() - first);
    let place = format!("{} from {start} s", path.display());
    assert_eq!((frames.len(), error.map(|e| e.to_string())), (expected, None), "{place}");
    assert_eq!(info.frames, Some(expected as u64), "{place}");
    assert_eq!((frames[0].index, frames[0].time), (0, 0.0));
    for (got, wanted) in frames.iter().zip(&all[first..]) {
        assert!((level(&got.image) - level(&wanted.image)).abs() < 0.5, "{place}: another frame");
    }
    if path.extension() != Some(OsStr::new("ts")) {
        // FFmpeg itself seeks to key frames only in transport streams.
        let seek = path.with_extension("png");
        ffmpeg(&format!("-ss {start} -i {} -frames:v 1", path.display()), &seek);
        let reference = imgcodecs::imread(&seek, imgcodecs::IMREAD_COLOR).unwrap();
        assert!((level(&frames[0].image) - level(&reference)).abs() < 0.9, "{place}: not ffmpeg's frame");
    }
}

#[test]
fn colours_survive_the_round_trip() {
    if !have_ffmpeg() {
        return;
    }
    let folder = temp();
    for (name, bgr) in [
        ("red", [30.0, 30.0, 220.0]),
        ("green", [30.0, 200.0, 30.0]),
        ("blue", [220.0, 40.0, 40.0]),
        ("skin", [120.0, 160.0, 210.0]),
    ] {
        let picture =
            Mat::new_rows_cols_with_default(64, 64, core::CV_8UC3, core::Scalar::new(bgr[0], bgr[1], bgr[2], 0.0))
                .unwrap();
        let output = folder.path().join(format!("{name}.mp4"));
        let encode = EncodeOptions { crf: 10, overwrite: false, sound: None };
        let rate = Rate { num: 25, den: 1 };
        let mut sink = VideoSink::create(&output, picture.size().unwrap(), rate, encode).unwrap();
        sink.write(&picture, 0.0).unwrap();
        sink.finish().unwrap();
        let ours = read_all(&output, &Options::default()).unwrap().1.remove(0).image;
        for (reader, image) in [("ffmpeg", shown_by_ffmpeg(&output, 0)), ("salstream", ours)] {
            let shown = core::mean_def(&image).unwrap();
            let off = (0..3).map(|c| f64::abs(shown[c] - bgr[c])).fold(0.0, f64::max);
            assert!(off <= 4.0, "{name} read by {reader}: {shown:?}, not {bgr:?}");
        }
    }
}

#[test]
fn short_and_cut_clips_raise_no_false_alarm() {
    if !have_ffmpeg() {
        return;
    }
    let folder = temp();
    let one = ffmpeg("-f lavfi -i testsrc2=r=25:s=160x120 -frames:v 1 -c:v libx264", &folder.path().join("one.mp4"));
    let copied = copy(&one, &folder.path().join("one.out.mp4"), &Options::default()).unwrap();
    assert_eq!((copied.done.frames, copied.error.is_none(), copied.info.frames), (1, true, Some(1)));
    let long = "-f lavfi -i testsrc2=r=30000/1001:s=160x120:d=5 -f lavfi -i sine=d=5 -c:v libx264 -g 60 -c:a aac";
    let long = ffmpeg(long, &folder.path().join("long.mp4"));
    let cut = folder.path().join("cut.mp4");
    ffmpeg(&format!("-ss 1.3 -i {} -c copy", long.display()), &cut);
    let (info, frames, error) = read_all(&cut, &Options::default()).unwrap();
    assert_eq!((frames.len(), error.map(|e| e.to_string())), (packet_times(&cut).len(), None));
    assert_eq!(info.frames, Some(frames.len() as u64), "an edit list hides frames");
}

#[test]
fn damage_is_reported_after_the_frames_that_could_be_read() {
    if !have_ffmpeg() {
        return;
    }
    let folder = temp();
    let args =
        "-f lavfi -i testsrc2=r=25:s=160x120:d=4 -f lavfi -i sine=d=4 -c:v libx264 -g 25 -c:a aac -movflags +faststart";
    for container in ["mp4", "mkv"] {
        let whole = ffmpeg(args, &folder.path().join(format!("whole.{container}")));
        let bytes = std::fs::read(&whole).unwrap();
        let cut = folder.path().join(format!("cut.{container}"));
        std::fs::write(&cut, &bytes[..bytes.len() * 6 / 10]).unwrap();
        let mut spoilt = bytes.clone();
        spoilt[bytes.len() / 2..].fill(0x55);
        let noise = folder.path().join(format!("noise.{container}"));
        std::fs::write(&noise, spoilt).unwrap();
        for path in [cut, noise] {
            let (_, frames, error) = read_all(&path, &Options::default()).unwrap();
            assert!((20..90).contains(&frames.len()), "{}: {} frames", path.display(), frames.len());
            let message = error.map(|e| e.to_string()).unwrap_or_default();
            let told = format!("only {} of ", frames.len());
            assert!(message.contains(&told), "{}: {} frames, but: {message}", path.display(), frames.len());
        }
    }
}

#[test]
fn bad_inputs_get_one_clear_line() {
    if !have_ffmpeg() {
        return;
    }
    let folder = temp();
    let at = |name: &str| folder.path().join(name);
    std::fs::write(at("empty.mp4"), "").unwrap();
    std::fs::write(at("text.mp4"), "This is no video.\n".repeat(100)).unwrap();
    std::fs::write(at("text.png"), "This is no picture.\n").unwrap();
    std::fs::create_dir(at("nothing")).unwrap();
    ffmpeg("-f lavfi -i sine=d=1 -c:a aac", &at("sound.m4a"));
    let cases = [
        ("missing.mp4", "no such file"),
        ("empty.mp4", "is empty"),
        ("text.mp4", "not a video"),
        ("text.png", "cannot be read as an image"),
        ("missing.png", "no such file"),
        ("nothing", "holds no images"),
        ("frame_%03d.png", "no file has a name"),
        ("sound.m4a", "holds only sound"),
    ];
    for (name, expected) in cases {
        let error =
            source::open(&input(&at(name)), &Options::default()).err().unwrap_or_else(|| panic!("{name} opens"));
        let message = error.to_string();
        assert!(message.contains(expected) && message.contains(name), "{name}: {message}");
        assert!(!message.contains('\n') && error.exit_status() == 1, "{name}: {message}");
    }
}

#[test]
fn bad_outputs_are_refused_before_any_work() {
    let folder = temp();
    let at = |name: &str| folder.path().join(name);
    std::fs::write(at("there.mp4"), "precious").unwrap();
    let refused = |name: &str, input: Option<&Path>, overwrite| sink::check(&at(name), input, overwrite).unwrap_err();
    assert!(refused("there.mp4", None, false).to_string().contains("-y"));
    assert!(refused("there.mp4", Some(&at("there.mp4")), true).to_string().contains("the input itself"));
    assert!(refused("no/folder/out.mp4", None, false).to_string().contains("no such folder"));
    assert!(matches!(refused("there.mp4", None, false), Error::Usage(_)));
    assert!(sink::check(&at("there.mp4"), None, true).is_ok());
    #[cfg(unix)]
    {
        std::fs::hard_link(at("there.mp4"), at("link.mp4")).unwrap();
        assert!(matches!(refused("link.mp4", Some(&at("there.mp4")), true), Error::Usage(_)));
    }
    assert_eq!(std::fs::read(at("there.mp4")).unwrap(), b"precious");
}

#[test]
fn other_containers_and_pixel_shapes() {
    if !have_ffmpeg() {
        return;
    }
    let folder = temp();
    let path = folder.path().join("oblong.mkv");
    let args = "-f lavfi -i testsrc2=r=30000/1001:s=160x120:d=1,setsar=4/3 -f lavfi -i sine=d=1 -c:v libx264 -c:a aac";
    ffmpeg(args, &path);
    for (name, codecs) in [("out.webm", ["vp9", "opus"]), ("out.mkv", ["h264", "aac"]), ("out.mov", ["h264", "aac"])] {
        let output = folder.path().join(name);
        let copied = copy(&path, &output, &Options::default()).unwrap();
        assert_eq!((copied.info.size.width, copied.info.size.height, copied.done.frames), (213, 120, 30), "{name}");
        let written = ffprobe(&output, "v:0", "stream=codec_name,r_frame_rate");
        assert_eq!(written, [format!("{},30000/1001", codecs[0])], "{name}");
        assert_eq!(ffprobe(&output, "a:0", "stream=codec_name"), [codecs[1]], "{name}");
        assert!(farthest(&packet_times(&output), &copied.times) < 0.00101, "{name}");
    }
}

#[test]
fn a_clip_that_changes_its_size_goes_on_at_the_first_one() {
    if !have_ffmpeg() {
        return;
    }
    let folder = temp();
    let small = ffmpeg("-f lavfi -i testsrc2=r=25:s=160x120:d=1 -c:v libx264", &folder.path().join("small.ts"));
    let args = "-f lavfi -i testsrc2=r=25:s=320x240:d=1 -c:v libx264 -output_ts_offset 1";
    let large = ffmpeg(args, &folder.path().join("large.ts"));
    let path = folder.path().join("change.ts");
    std::fs::write(&path, [std::fs::read(small).unwrap(), std::fs::read(large).unwrap()].concat()).unwrap();
    let (info, frames, _) = read_all(&path, &Options::default()).unwrap();
    assert_eq!(frames.len(), 50);
    assert!(frames.iter().all(|frame| frame.size() == info.size && info.size.width == 160));
}

#[test]
fn what_is_not_finished_leaves_nothing() {
    if !have_ffmpeg() {
        return;
    }
    let folder = temp();
    let picture = Mat::new_rows_cols_with_default(64, 64, core::CV_8UC3, core::Scalar::all(90.0)).unwrap();
    let rate = Rate { num: 25, den: 1 };
    let create = |name: &str| {
        let encode = EncodeOptions { crf: 20, overwrite: false, sound: None };
        VideoSink::create(&folder.path().join(name), picture.size().unwrap(), rate, encode)
    };
    let mut sink = create("dropped.mp4").unwrap();
    sink.write(&picture, 0.0).unwrap();
    drop(sink);
    assert!(create("empty.mp4").unwrap().finish().is_err(), "a video without a frame");
    assert!(matches!(create("clip.gif").err(), Some(Error::Usage(message)) if message.contains(".mp4")));
    let small = Mat::new_rows_cols_with_default(32, 32, core::CV_8UC3, core::Scalar::all(90.0)).unwrap();
    assert!(create("sizes.mp4").unwrap().write(&small, 0.0).is_err(), "a frame of another size");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn strange_names_are_taken_literally() {
    if !have_ffmpeg() {
        return;
    }
    let folder = temp();
    let plain = clapper(&folder.path().join("plain.mp4"), 1.0, "-c:a aac");
    for name in ["-y.mp4", "a:b.mp4", "100%d.mp4", "with space 'and' \"quote\".mp4", "#hash?x=1.mp4"] {
        let path = folder.path().join(name);
        std::fs::copy(&plain, &path).unwrap();
        let output = folder.path().join(format!("out {name}"));
        assert_eq!(copy(&path, &output, &Options::default()).unwrap().done.frames, 100, "{name}");
        assert!(output.exists());
    }
}

/// Writes `count` images of a rising grey level, named by `name`.
fn stills(folder: &Path, count: u32, name: impl Fn(u32) -> String) {
    for k in 0..count {
        let level = core::Scalar::all(f64::from(10 * k + 20));
        let image = Mat::new_rows_cols_with_default(20, 30, core::CV_8UC3, level).unwrap();
        assert!(imgcodecs::imwrite_def(folder.join(name(k)), &image).unwrap());
    }
}

#[test]
fn images_come_in_natural_order() {
    let folder = temp();
    stills(folder.path(), 12, |k| format!("f{}.png", k + 1));
    std::fs::write(folder.path().join("notes.txt"), "no frame").unwrap();
    let pattern = folder.path().join("f%d.png");
    for named in [folder.path(), &pattern] {
        let (info, frames, _) =
            read_all(named, &Options { rate: Rate { num: 10, den: 1 }, ..Options::default() }).unwrap();
        assert_eq!((info.frames, frames.len(), frames[5].time), (Some(12), 12, 0.5));
        let levels: Vec<f64> = frames.iter().map(|f| core::mean_def(&f.image).unwrap()[0]).collect();
        assert!(levels.windows(2).all(|pair| pair[1] > pair[0]), "{levels:?}");
    }
    let options = Options { start: Some(0.4), duration: Some(0.2), rate: Rate { num: 10, den: 1 } };
    assert_eq!(read_all(folder.path(), &options).unwrap().1.len(), 2);
}

#[test]
fn images_of_any_depth_become_bgr_and_of_other_sizes_are_refused() {
    let folder = temp();
    let path = folder.path().join("deep.png");
    let deep = Mat::new_rows_cols_with_default(8, 8, core::CV_16UC4, core::Scalar::all(32768.0)).unwrap();
    imgcodecs::imwrite_def(&path, &deep).unwrap();
    let (info, frames, _) = read_all(&path, &Options::default()).unwrap();
    assert_eq!((frames[0].image.typ(), info.frames), (core::CV_8UC3, Some(1)));
    assert!((core::mean_def(&frames[0].image).unwrap()[1] - 128.0).abs() <= 1.0);
    stills(folder.path(), 1, |_| "other.png".to_owned());
    let (_, frames, error) = read_all(folder.path(), &Options::default()).unwrap();
    let message = error.map(|e| e.to_string()).unwrap_or_default();
    assert!(frames.len() == 1 && message.contains("other.png: is 30x20"), "{message}");
}

#[test]
fn an_image_is_written_whole_or_not_at_all() {
    let folder = temp();
    let picture = Mat::new_rows_cols_with_default(9, 7, core::CV_8UC3, core::Scalar::new(1.0, 2.0, 3.0, 0.0)).unwrap();
    let path = folder.path().join("out.png");
    ImageSink::create(&path, false).unwrap().finish(&picture).unwrap();
    assert_eq!(imgcodecs::imread(&path, imgcodecs::IMREAD_COLOR).unwrap().data_bytes().unwrap()[..3], [1, 2, 3]);
    assert!(matches!(ImageSink::create(&path, false).err(), Some(Error::Usage(_))));
    drop(ImageSink::create(&folder.path().join("dropped.jpg"), false).unwrap());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

/// A black clip with one bright corner.
fn corner(folder: &Path) -> PathBuf {
    let picture = "color=black:s=96x64:r=25:d=0.2,drawbox=w=20:h=20:t=fill:c=white";
    ffmpeg(&format!("-f lavfi -i {picture} -c:v libx264"), &folder.join("corner.mp4"))
}

#[test]
fn without_ffmpeg_the_picture_is_still_written() {
    if !have_ffmpeg() {
        return;
    }
    let folder = temp();
    let path = clapper(&folder.path().join("in.mp4"), 1.0, "-c:a aac");
    let turned = path.with_file_name("turned.mp4");
    ffmpeg(&format!("-i {} -c copy -an -metadata:s:v rotate=90", corner(folder.path()).display()), &turned);
    let reference = shown_by_ffmpeg(&turned, 0);
    imgcodecs::imwrite_def(path.with_file_name("turned.png"), &reference).unwrap();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "without_ffmpeg_inner", "--ignored"]).env("PATH", "").env("SALSTREAM_TEST_CLIP", &path);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let written = folder.path().join("out.mp4");
    assert_eq!(packet_times(&written).len(), 100);
    assert!((first_bright(&written) - 1.0).abs() < 0.041);
}

#[test]
#[ignore = "runs in a process of its own, without ffmpeg, for without_ffmpeg_the_picture_is_still_written"]
fn without_ffmpeg_inner() {
    let Some(path) = std::env::var_os("SALSTREAM_TEST_CLIP").map(PathBuf::from) else { return };
    let mut source = source::open(&input(&path), &Options::default()).unwrap();
    assert!(source.warnings()[0].contains("ffprobe is not installed"));
    let info = source.info().clone();
    assert_eq!((info.rate, info.frames), (Rate { num: 25, den: 1 }, Some(100)));
    let encode = EncodeOptions { crf: 20, overwrite: false, sound: None };
    let mut sink = VideoSink::create(&path.with_file_name("out.mp4"), info.size, info.rate, encode).unwrap();
    while let Some(frame) = source.read().unwrap() {
        sink.write(&frame.image, frame.time).unwrap();
    }
    assert!(sink.finish().unwrap().warnings[0].contains("ffmpeg is not installed"));
    let (_, frames, _) = read_all(&path.with_file_name("turned.mp4"), &Options::default()).unwrap();
    let reference = imgcodecs::imread(path.with_file_name("turned.png"), imgcodecs::IMREAD_COLOR).unwrap();
    assert!(psnr(&frames[0].image, &reference) > 30.0, "turned the wrong way without ffprobe");
}
