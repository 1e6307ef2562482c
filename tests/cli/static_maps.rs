//! The flags of the static map.

use std::os::unix::fs::symlink;
use std::path::Path;

use image::{GrayImage, RgbImage};
use tempfile::tempdir;

use crate::data::data;
use crate::program::{assert_refused, ffmpeg, salstream, text};

/// The static map of `picture` in `folder`, from a run with `args`.
fn static_map(folder: &Path, picture: &str, args: &str) -> GrayImage {
    let run = format!("run {picture} -o out.png -y --map static --maps maps {args}");
    let output = salstream(folder).args(run.split_whitespace()).output().unwrap();
    assert!(output.status.success(), "{args}: {}", text(&output.stderr));
    image::open(folder.join("maps/000000.png")).unwrap().to_luma8()
}

/// The centroid of a map, in pixels.
fn middle(map: &GrayImage) -> [f64; 2] {
    let mut sums = [0.0; 3];
    for (x, y, pixel) in map.enumerate_pixels() {
        let value = f64::from(pixel[0]);
        sums = [sums[0] + value * f64::from(x), sums[1] + value * f64::from(y), sums[2] + value];
    }
    [sums[0] / sums[2], sums[1] / sums[2]]
}

#[test]
#[ignore = "needs the test data"]
fn a_portrait_between_bars_has_its_object_where_it_is() {
    let folder = tempdir().unwrap();
    symlink(data("photos/coral_parrot.jpg").canonicalize().unwrap(), folder.path().join("parrot.jpg")).unwrap();
    let drawn = "[1]scale=110:110[parrot];[0][parrot]overlay=10:400";
    let inputs = "-f lavfi -i color=gray:size=300x600 -i parrot.jpg";
    ffmpeg(folder.path(), &format!("{inputs} -filter_complex {drawn} -frames:v 1 portrait.png"));
    for fit in ["stretch", "letterbox"] {
        let map = static_map(folder.path(), "portrait.png", &format!("--method guided --fit {fit}"));
        assert_eq!(map.dimensions(), (300, 600));
        let [x, y] = middle(&map);
        // The parrot's centre is at (65, 455). If the letterbox bars were not cropped, it would be at about (108, 455).
        assert!((x - 65.0).abs() < 25.0 && (y - 455.0).abs() < 40.0, "{fit}: {x} {y}");
    }
}

#[test]
fn raw_and_smooth_contradict_each_other() {
    let folder = tempdir().unwrap();
    RgbImage::new(32, 32).save(folder.path().join("a.png")).unwrap();
    let run = |args: &str| salstream(folder.path()).args(args.split_whitespace()).output().unwrap();
    assert_refused(&run("run a.png --raw --smooth 0.5"), 2, &["--smooth", "--raw"]);
    assert_refused(&run("eval . --raw --smooth 0.5"), 2, &["--smooth", "--raw"]);
}
