//! Clips whose pictures change their size go on at the first size, with every picture whole.

use std::path::{Path, PathBuf};

use opencv::core::{self, Mat, Rect};
use opencv::prelude::*;
use salstream::source::SourceOptions;

use crate::data::data;
use crate::tools::{copy, ffmpeg, packet_times, pixels, psnr, read_all, temp};

/// A second of a clip in MPEG-TS, from `at` seconds on.
fn second(folder: &Path, size: &str, at: u32, codec: &str) -> PathBuf {
    let picture = format!("-f lavfi -i testsrc2=r=25:s={size}:d=1,setpts=PTS+{at}/TB");
    let path = folder.join(format!("{size}-{at}.ts"));
    ffmpeg(&format!("{picture} -c:v {codec} -pix_fmt yuv420p -bf 0 -muxdelay 0 -muxpreload 0"), &path)
}

/// Seconds of these sizes, one after the other.
fn changing(folder: &Path, sizes: &[&str], codec: &str) -> (PathBuf, Vec<PathBuf>) {
    let parts: Vec<_> = (0..).zip(sizes).map(|(at, size)| second(folder, size, at, codec)).collect();
    let path = folder.join("change.ts");
    std::fs::write(&path, parts.iter().flat_map(|part| std::fs::read(part).unwrap()).collect::<Vec<_>>()).unwrap();
    (path, parts)
}

/// The part of `image` inside `area`.
fn inside(image: &Mat, area: Rect) -> Mat {
    Mat::roi(image, area).unwrap().try_clone().unwrap()
}

/// Packed BGR bytes as a picture.
fn picture(bytes: &[u8], width: i32, height: i32) -> Mat {
    let image = Mat::new_rows_cols_with_bytes::<core::Vec3b>(height, width, bytes).unwrap();
    image.try_clone().unwrap()
}

#[test]
fn every_picture_is_whole_and_keeps_its_shape() {
    // The place of the second size in the first one.
    let cases = [
        ("160x120", "96x96", Rect::new(20, 0, 120, 120), "libx264"),
        ("160x120", "320x160", Rect::new(0, 20, 160, 80), "libx264"),
        ("96x128", "128x64", Rect::new(0, 40, 96, 48), "libx264"),
        ("160x120", "320x240", Rect::new(0, 0, 160, 120), "libx265 -x265-params log-level=error"),
    ];
    for (first, second, area, codec) in cases {
        let folder = temp();
        let (path, parts) = changing(folder.path(), &[first, second, first], codec);
        let name = format!("{first} to {second}");
        let (info, frames, error) = read_all(&path, &SourceOptions::default()).unwrap();
        let size = format!("{}x{}", info.size.width, info.size.height);
        assert_eq!((&*size, frames.len(), error.map(|e| e.to_string())), (first, 75, None), "{name}");
        assert!(frames.iter().all(|frame| frame.size() == info.size), "{name}");
        let expected = pixels(&parts[1], &format!("scale={}:{}:flags=bicubic,format=bgr24", area.width, area.height));
        for index in [0, 12, 24] {
            let image = &frames[25 + index].image;
            let bytes = (area.width * area.height * 3) as usize;
            let reference = picture(&expected[index * bytes..][..bytes], area.width, area.height);
            let quality = psnr(&inside(image, area), &reference);
            assert!(quality > 25.0, "{name}: frame {}: {quality:.1} dB", 25 + index);
            let (bar, side) = (Rect::new(0, 0, area.x, info.size.height), Rect::new(0, 0, info.size.width, area.y));
            for bar in [bar, side].into_iter().filter(|bar| bar.area() > 0) {
                let level = core::mean_def(&inside(image, bar)).unwrap();
                assert!((0..3).all(|c| level[c] < 3.0), "{name}: the bar is not black: {level:?}");
            }
        }
        let again = pixels(&parts[2], "scale=flags=bicubic,format=bgr24");
        let reference = picture(&again[..(info.size.area() * 3) as usize], info.size.width, info.size.height);
        let quality = psnr(&frames[50].image, &reference);
        assert!(quality > 25.0, "{name}: back at the first size: {quality:.1} dB");
        if area.y == 0 {
            continue; // The writer knows nothing of the sizes.
        }
        let output = folder.path().join("out.mp4");
        let copied = copy(&path, &output, &SourceOptions::default()).unwrap();
        assert_eq!((copied.done.frames, packet_times(&output).len()), (75, 75), "{name}");
        let note = format!("changes its size from {first} to {second}: 25 frames are fitted into the first size");
        assert!(copied.late.len() == 1 && copied.late[0].ends_with(&note), "{name}: {:?}", copied.late);
    }
}

#[test]
fn pixels_of_another_shape_are_another_size() {
    let folder = temp();
    let wide = folder.path().join("wide.ts");
    ffmpeg(
        "-f lavfi -i testsrc2=r=25:s=160x120:d=1,setpts=PTS+1/TB,setsar=2 -c:v libx264 -bf 0 -muxdelay 0 -muxpreload 0",
        &wide,
    );
    let parts = [second(folder.path(), "160x120", 0, "libx264"), wide];
    let path = folder.path().join("change.ts");
    std::fs::write(&path, parts.iter().flat_map(|part| std::fs::read(part).unwrap()).collect::<Vec<_>>()).unwrap();
    let copied = copy(&path, &folder.path().join("out.mp4"), &SourceOptions::default()).unwrap();
    assert_eq!((copied.info.size.width, copied.done.frames), (160, 50));
    assert!(
        copied.late.join("\n").contains("changes its size from 160x120 to 320x120: 25 frames"),
        "{:?}",
        copied.late
    );
    let (_, frames, _) = read_all(&path, &SourceOptions::default()).unwrap();
    let area = Rect::new(0, 30, 160, 60);
    let expected = pixels(&parts[1], "scale=160:60:flags=bicubic,format=bgr24");
    let reference = picture(&expected[12 * 160 * 60 * 3..][..160 * 60 * 3], 160, 60);
    let quality = psnr(&inside(&frames[37].image, area), &reference);
    // Of so small a picture, the chroma samples are few, and each converter takes others.
    assert!(quality > 20.0, "{quality:.1} dB");
    let bar = core::mean_def(&inside(&frames[37].image, Rect::new(0, 0, 160, 30))).unwrap();
    assert!((0..3).all(|channel| bar[channel] < 3.0), "{bar:?}");
}

#[test]
#[ignore = "needs the test data"]
fn a_clip_from_outside_that_changes_its_size_is_whole() {
    let path = data("cases/video/size_changes.ts");
    let (_, frames, error) = read_all(&path, &SourceOptions::default()).unwrap();
    assert_eq!((frames.len(), error.map(|e| e.to_string())), (packet_times(&path).len(), None));
}
