//! Colours in all common forms of storage, against ffmpeg's `zscale`.

use std::path::{Path, PathBuf};

use opencv::core::{Mat, Vec3b};
use opencv::prelude::*;
use salstream::source::{self, SourceOptions, ToneMap};

use crate::data::data;
use crate::tools::{copy_at, ffmpeg, ffprobe, input, pixels, read_all, temp};

/// SMPTE bars of this size, with patches of even sizes.
const BARS: &str = "-f lavfi -i smptebars=s=280x192:r=25:d=0.08 -vf format=gbrp";
const WIDTH: usize = 280;

/// The reference conversion to RGB, by the tags of the picture.
const RGB: &str = "zscale=m=gbr:r=full,format=gbrp,format=rgb24";

/// The centres of the patches: bars, reverse bars, and the first four patches at the bottom.
fn centres() -> impl Iterator<Item = (usize, usize)> {
    let bars = (0..7).flat_map(|bar| [(20 + 40 * bar, 64), (20 + 40 * bar, 136)]);
    bars.chain((0..4).map(|patch| (24 + 50 * patch, 168)))
}

type Patches = Vec<[u8; 3]>;

/// The patches of a picture of packed RGB.
fn patches(rgb: &[u8]) -> Patches {
    centres().map(|(x, y)| std::array::from_fn(|channel| rgb[(y * WIDTH + x) * 3 + channel])).collect()
}

/// The patches of a frame.
fn frame_patches(image: &Mat) -> Patches {
    let pixel = |(x, y)| image.at_2d::<Vec3b>(y as i32, x as i32).map(|bgr| [bgr[2], bgr[1], bgr[0]]).unwrap();
    centres().map(pixel).collect()
}

/// The patches of the first picture of a file by its own tags.
fn shown(path: &Path) -> Patches {
    patches(&pixels(path, RGB))
}

/// The greatest difference of a channel in any patch, and where it is.
fn difference(a: &[[u8; 3]], b: &[[u8; 3]]) -> (u8, String) {
    let one = |(a, b): (&[u8; 3], &[u8; 3])| (0..3).map(|channel| a[channel].abs_diff(b[channel])).max().unwrap();
    let pairs = a.iter().zip(b).enumerate().map(|(at, pair)| (one(pair), at));
    let (most, at) = pairs.max().unwrap();
    (most, format!("patch {at} is {:?} instead of {:?}", a[at], b[at]))
}

/// Matrix by zscale's and ffmpeg's name, transfer characteristics, primaries.
const BT601: [&str; 4] = ["170m", "smpte170m", "smpte170m", "smpte170m"];
const PAL: [&str; 4] = ["470bg", "bt470bg", "smpte170m", "bt470bg"];
const BT709: [&str; 4] = ["709", "bt709", "bt709", "bt709"];
const BT2020: [&str; 4] = ["2020_ncl", "bt2020nc", "bt2020-10", "bt2020"];

/// Bars in the given form of storage.
fn bars(folder: &Path, colours: [&str; 4], range: &str, format: &str, codec: &str) -> PathBuf {
    let [zscale, matrix, transfer, primaries] = colours;
    let container = if codec.contains("ffv1") { "mkv" } else { "mp4" };
    let path = folder.join(format!("{matrix}-{range}-{format}.{container}"));
    let (full, hevc_range) = if range == "pc" { ("full", "full") } else { ("limited", "limited") };
    let codec =
        codec.replace("libx265", &format!("libx265 -x265-params log-level=error:lossless=1:range={hevc_range}"));
    let tags = format!("-colorspace {matrix} -color_trc {transfer} -color_primaries {primaries} -color_range {range}");
    let rgb = format!("setparams=colorspace=gbr:range=pc:color_trc={transfer}:color_primaries={primaries}");
    ffmpeg(&format!("{BARS},{rgb},zscale=m={zscale}:r={full},format={format} -c:v {codec} {tags}"), &path)
}

/// Asserts that a clip's frames are within 3 of ffmpeg's own conversion, and returns the latter.
fn is_read_exactly(path: &Path) -> Patches {
    let name = path.file_name().unwrap().to_string_lossy();
    let expected = shown(path);
    let (_, frames, error) = read_all(path, &SourceOptions::default()).unwrap();
    assert_eq!((frames.len(), error.map(|e| e.to_string())), (2, None), "{name}");
    let (off, place) = difference(&frame_patches(&frames[0].image), &expected);
    assert!(off <= 3, "{name}: read: {place}");
    expected
}

/// Asserts the same of the file that is written from a clip, the tags of which name `expected_matrix`.
fn is_written_exactly(path: &Path, expected_matrix: &str) {
    let name = path.file_name().unwrap().to_string_lossy();
    let expected = is_read_exactly(path);
    let output = path.with_extension("out.mp4");
    copy_at(1, path, &output, &SourceOptions::default()).unwrap();
    let written = ffprobe(&output, "v:0", "stream=pix_fmt,color_range,color_space");
    assert_eq!(written, [format!("yuv420p,tv,{expected_matrix}")], "{name}");
    let (off, place) = difference(&shown(&output), &expected);
    assert!(off <= 3, "{name}: written: {place}");
}

#[test]
fn every_matrix_range_and_depth_is_exact() {
    let folder = temp();
    let ranges = ["tv", "pc"];
    let forms =
        [("yuv420p", "libx264 -qp 1"), ("yuv420p10le", "ffv1"), ("yuv422p12le", "ffv1"), ("yuv444p", "libx264 -qp 1")];
    for (colours, range) in [BT601, BT709, BT2020].into_iter().flat_map(|c| ranges.map(|range| (c, range))) {
        for (format, codec) in forms {
            let path = bars(folder.path(), colours, range, format, codec);
            if codec == "ffv1" || (format, range) == ("yuv444p", "tv") {
                is_read_exactly(&path);
            } else {
                is_written_exactly(&path, colours[1]);
            }
        }
    }
}

#[test]
fn every_codec_is_exact() {
    let folder = temp();
    let cases = [
        (BT601, "pc", "yuv422p10le", "libx264 -qp 1"),
        (PAL, "tv", "yuv420p", "mpeg2video -q:v 1"),
        (BT709, "pc", "yuv420p10le", "libx265"),
        (BT2020, "tv", "yuv422p12le", "libx265"),
        (BT601, "tv", "yuv444p", "libx265"),
        (BT709, "tv", "yuv420p12le", "libx265"),
        (BT709, "tv", "yuv420p", "libvpx-vp9 -deadline realtime -lossless 1"),
        (BT2020, "pc", "yuv420p10le", "libvpx-vp9 -deadline realtime -lossless 1"),
        (BT601, "pc", "yuv444p12le", "libvpx-vp9 -deadline realtime -lossless 1"),
        (BT2020, "pc", "yuv444p12le", "ffv1"),
    ];
    for (colours, range, format, codec) in cases {
        is_read_exactly(&bars(folder.path(), colours, range, format, codec));
    }
}

#[test]
fn rgb_and_its_relatives_are_exact() {
    let folder = temp();
    let cases = [
        ("rgb.mp4", "libx264rgb -qp 0"),
        ("gbr8.mp4", "libx265 -x265-params log-level=error:lossless=1 -pix_fmt gbrp -color_range pc -colorspace rgb"),
        ("gbr10.mkv", "ffv1 -pix_fmt gbrp10le"),
        ("gbr12.mkv", "ffv1 -pix_fmt gbrp12le"),
        ("vp9.webm", "libvpx-vp9 -deadline realtime -lossless 1 -pix_fmt gbrp -colorspace rgb"),
        ("bgr0.mkv", "ffv1 -pix_fmt bgr0"),
        ("png.mov", "png -pix_fmt rgb24"),
    ];
    for (name, codec) in cases {
        if ["gbr12.mkv", "bgr0.mkv", "png.mov"].contains(&name) {
            is_read_exactly(&ffmpeg(&format!("{BARS} -c:v {codec}"), &folder.path().join(name)));
            continue;
        }
        is_written_exactly(&ffmpeg(&format!("{BARS} -c:v {codec}"), &folder.path().join(name)), "bt709");
    }
}

#[test]
fn a_clip_without_tags_is_bt601_and_becomes_bt709() {
    let folder = temp();
    let path = ffmpeg(&format!("{BARS} -pix_fmt yuv420p -c:v libx264 -qp 1"), &folder.path().join("plain.mp4"));
    let expected = patches(&pixels(&path, &format!("setparams=colorspace=smpte170m:range=tv,{RGB}")));
    let (_, frames, _) = read_all(&path, &SourceOptions::default()).unwrap();
    let (off, place) = difference(&frame_patches(&frames[0].image), &expected);
    assert!(off <= 3, "read: {place}");
    let output = path.with_extension("out.mp4");
    copy_at(1, &path, &output, &SourceOptions::default()).unwrap();
    let written = ffprobe(&output, "v:0", "stream=color_range,color_space,color_transfer,color_primaries");
    assert_eq!(written, ["tv,bt709,bt709,bt709"]);
    let (off, place) = difference(&shown(&output), &expected);
    assert!(off <= 3, "written: {place}");
}

/// The bars in HDR: PQ or HLG, with SDR's white at the reference level.
fn hdr(path: &Path, transfer: &str) -> PathBuf {
    let sdr = "setparams=colorspace=gbr:color_primaries=bt709:color_trc=bt709:range=pc";
    let light = format!("{sdr},format=gbrpf32le,zscale=t=linear:npl=203:p=bt709");
    let hdr = format!("zscale=p=bt2020:t={transfer}:m=2020_ncl:r=limited:npl=203,format=yuv420p10le");
    let tags = format!("-colorspace bt2020nc -color_trc {transfer} -color_primaries bt2020 -color_range tv");
    ffmpeg(&format!("{BARS},{light},{hdr} -c:v libx265 -x265-params log-level=error:lossless=1 {tags}"), path)
}

/// Those values of `patches` that tone mapping can keep: neither SDR's white nor, of what is `original`ly black, the few
/// steps of gamma 2.4 that one step of 10-bit PQ is there.
fn lit(patches: &[[u8; 3]], original: &[[u8; 3]]) -> Patches {
    let pairs = patches.iter().zip(original).filter(|(_, original)| **original != [255; 3]);
    let value = |value: u8, original: u8| if original < 16 && value < 14 { original } else { value };
    pairs.map(|(patch, original)| std::array::from_fn(|c| value(patch[c], original[c]))).collect()
}

#[test]
fn high_dynamic_range_comes_back_as_the_original() {
    let folder = temp();
    let sdr = ffmpeg(&format!("{BARS} -c:v ffv1"), &folder.path().join("sdr.mkv"));
    let expected = patches(&pixels(&sdr, "format=rgb24"));
    for (transfer, name) in [("smpte2084", "PQ"), ("arib-std-b67", "HLG")] {
        let path = hdr(&folder.path().join(format!("{name}.mp4")), transfer);
        let source = source::open(&input(&path), &SourceOptions::default()).unwrap();
        let note = source.warnings().join("\n");
        assert!(note.contains(&format!("is HDR ({name}) and was tone-mapped to SDR")), "{note}");
        let (_, frames, _) = read_all(&path, &SourceOptions::default()).unwrap();
        let read = frame_patches(&frames[0].image);
        // Above 70 % of SDR's light, tone mapping makes room for what is brighter than SDR's white.
        let white = expected.iter().position(|patch| *patch == [255; 3]).unwrap();
        assert!(read[white].iter().all(|value| (230..=255).contains(value)), "{name}: white is {:?}", read[white]);
        let (off, place) = difference(&lit(&read, &expected), &lit(&expected, &expected));
        assert!(off <= 6, "{name}: read: {place}");
        let output = path.with_extension("out.mp4");
        copy_at(1, &path, &output, &SourceOptions::default()).unwrap();
        let written = ffprobe(&output, "v:0", "stream=color_range,color_space,color_transfer,color_primaries");
        assert_eq!(written, ["tv,bt709,bt709,bt709"], "{name}");
        let (off, place) = difference(&lit(&shown(&output), &expected), &lit(&expected, &expected));
        assert!(off <= 6, "{name}: written: {place}");
    }
}

#[test]
fn high_dynamic_range_that_states_only_its_transfer_is_taken_for_bt2020() {
    let folder = temp();
    let tagged = hdr(&folder.path().join("tagged.mp4"), "smpte2084");
    let bare = folder.path().join("bare.ts");
    let copied = format!("-i {} -c copy -bsf:v", tagged.display());
    ffmpeg(&format!("{copied} hevc_metadata=colour_primaries=2:matrix_coefficients=2"), &bare);
    // A transport stream's stream is listed twice.
    assert_eq!(ffprobe(&bare, "v:0", "stream=color_space,color_primaries")[0], "unknown,unknown");
    let first = |path| frame_patches(&read_all(path, &SourceOptions::default()).unwrap().1[0].image);
    assert_eq!(first(&bare), first(&tagged));
}

#[test]
fn high_dynamic_range_can_be_kept() {
    let folder = temp();
    let off = SourceOptions { tone_map: ToneMap::Off, ..SourceOptions::default() };
    for (transfer, name) in [("smpte2084", "PQ"), ("arib-std-b67", "HLG")] {
        let path = hdr(&folder.path().join(format!("{name}.mp4")), transfer);
        let output = path.with_extension("out.mp4");
        copy_at(1, &path, &output, &off).unwrap();
        let written = ffprobe(&output, "v:0", "stream=color_range,color_space,color_transfer,color_primaries");
        assert_eq!(written, [format!("tv,bt2020nc,{transfer},bt2020")]);
        let source = source::open(&input(&path), &off).unwrap();
        assert!(source.warnings()[0].contains(&format!("is HDR ({name}), which the result keeps")));
        let (_, frames, _) = read_all(&path, &off).unwrap();
        for (step, values) in [("read", frame_patches(&frames[0].image)), ("written", shown(&output))] {
            let (off, place) = difference(&values, &shown(&path));
            assert!(off <= 3, "{name}: {step}: {place}");
        }
    }
}

#[test]
#[ignore = "needs the test data"]
fn bars_from_outside_are_exact() {
    for name in ["c6_709.mp4", "c4_full_hevc10.mp4"] {
        let path = data(&format!("cases/video/{name}"));
        let (_, frames, _) = read_all(&path, &SourceOptions::default()).unwrap();
        let rgb = pixels(&path, RGB);
        let image = &frames[0].image;
        for bar in 0..7 {
            let (x, y) = (23 + 46 * bar, 100);
            let bgr = image.at_2d::<Vec3b>(y, x).unwrap();
            let at = (y as usize * image.cols() as usize + x as usize) * 3;
            let off = (0..3).map(|c| bgr[2 - c].abs_diff(rgb[at + c])).max().unwrap();
            assert!(off <= 3, "{name}: bar {bar}: {bgr:?} instead of {:?} (RGB)", &rgb[at..at + 3]);
        }
    }
}
