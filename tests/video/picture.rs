//! Size, orientation and colours.

use opencv::core::{self, Mat};
use opencv::prelude::*;
use salstream::colour::ColourTags;
use salstream::frame::{ClipEnd, Rate};
use salstream::sink::video::{EncodeOptions, VideoSink};
use salstream::source::SourceOptions;

use crate::tools::{copy, farthest, ffmpeg, ffprobe, packet_times, psnr, read_all, shown_by_ffmpeg, temp};

#[test]
fn rotation_is_as_ffmpeg_shows_it() {
    let folder = temp();
    let plain =
        ffmpeg("-f lavfi -i testsrc2=r=25:s=160x96:d=0.2 -c:v libx264 -crf 10", &folder.path().join("plain.mp4"));
    for angle in [90, 180, 270] {
        let path = folder.path().join(format!("turned{angle}.mp4"));
        let args = format!("-i {} -c copy -metadata:s:v rotate={angle}", plain.display());
        ffmpeg(&args, &path);
        let (info, frames, _) = read_all(&path, &SourceOptions::default()).unwrap();
        let upright = if angle == 180 { (160, 96) } else { (96, 160) };
        assert_eq!((info.size.width, info.size.height), upright, "{angle}");
        let quality = psnr(&frames[2].image, &shown_by_ffmpeg(&path, 2));
        assert!(quality > 25.0, "{angle} degrees: {quality:.1} dB");
    }
}

#[test]
fn odd_sizes_gain_a_pixel_and_nothing_is_lost() {
    let folder = temp();
    for (name, codec) in [("odd.mkv", "-c:v ffv1 -pix_fmt bgr0"), ("odd.webm", "-c:v libvpx-vp9 -pix_fmt yuv420p")] {
        let path = folder.path().join(name);
        ffmpeg(&format!("-f lavfi -i gradients=r=25:s=161x91:d=0.4:seed=7 {codec}"), &path);
        let output = folder.path().join(format!("{name}.mp4"));
        let copied = copy(&path, &output, &SourceOptions::default()).unwrap();
        assert_eq!((copied.info.size.width, copied.info.size.height), (161, 91), "{name}");
        assert_eq!(ffprobe(&output, "v:0", "stream=width,height,nb_frames"), ["162,92,10"], "{name}");
        let written = shown_by_ffmpeg(&output, copied.middle_index);
        let whole = Mat::roi(&written, core::Rect::new(0, 0, 161, 91)).unwrap().try_clone().unwrap();
        assert!(psnr(&whole, &copied.middle) > 25.0, "{name}: {:.1} dB", psnr(&whole, &copied.middle));
    }
}

#[test]
fn colours_survive_the_round_trip() {
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
        let encode =
            EncodeOptions { format: None, crf: 10, overwrite: false, passthrough: None, colour: ColourTags::BT709 };
        let rate = Rate { num: 25, den: 1 };
        let mut sink = VideoSink::create(&output, picture.size().unwrap(), rate, encode).unwrap();
        sink.write(&picture, 0.0).unwrap();
        sink.finish(ClipEnd::default()).unwrap().publish().unwrap();
        let ours = read_all(&output, &SourceOptions::default()).unwrap().1.remove(0).image;
        for (reader, image) in [("ffmpeg", shown_by_ffmpeg(&output, 0)), ("salstream", ours)] {
            let shown = core::mean_def(&image).unwrap();
            let off = (0..3).map(|c| f64::abs(shown[c] - bgr[c])).fold(0.0, f64::max);
            assert!(off <= 4.0, "{name} read by {reader}: {shown:?}, not {bgr:?}");
        }
    }
}

#[test]
fn other_containers_and_pixel_shapes() {
    let folder = temp();
    let path = folder.path().join("oblong.mkv");
    let args = "-f lavfi -i testsrc2=r=30000/1001:s=160x120:d=1,setsar=4/3 -f lavfi -i sine=d=1 -c:v libx264 -c:a aac";
    ffmpeg(args, &path);
    for (name, codecs) in [("out.webm", ["vp9", "opus"]), ("out.mkv", ["h264", "aac"]), ("out.mov", ["h264", "aac"])] {
        let output = folder.path().join(name);
        let copied = copy(&path, &output, &SourceOptions::default()).unwrap();
        assert_eq!((copied.info.size.width, copied.info.size.height, copied.done.frames), (213, 120, 30), "{name}");
        let written = ffprobe(&output, "v:0", "stream=codec_name,r_frame_rate");
        assert_eq!(written, [format!("{},30000/1001", codecs[0])], "{name}");
        assert_eq!(ffprobe(&output, "a:0", "stream=codec_name"), [codecs[1]], "{name}");
        assert!(farthest(&packet_times(&output), &copied.times) < 0.00101, "{name}");
    }
}

#[test]
fn a_clip_that_changes_its_size_goes_on_at_the_first_one() {
    let folder = temp();
    let small = ffmpeg("-f lavfi -i testsrc2=r=25:s=160x120:d=1 -c:v libx264", &folder.path().join("small.ts"));
    let args = "-f lavfi -i testsrc2=r=25:s=320x240:d=1 -c:v libx264 -output_ts_offset 1";
    let large = ffmpeg(args, &folder.path().join("large.ts"));
    let path = folder.path().join("change.ts");
    std::fs::write(&path, [std::fs::read(small).unwrap(), std::fs::read(large).unwrap()].concat()).unwrap();
    let (info, frames, _) = read_all(&path, &SourceOptions::default()).unwrap();
    assert_eq!(frames.len(), 50);
    assert!(frames.iter().all(|frame| frame.size() == info.size && info.size.width == 160));
}
