//! Data that cannot be scored gets one line that says what is wrong and where.

use std::fs;
use std::path::Path;

use image::{GrayImage, Luma, Rgb, RgbImage};
use tempfile::tempdir;

use super::fixture::{FRAMES, HEIGHT, WIDTH, arrays, davis, eval, frames, masks};
use crate::program::{assert_refused, names};

fn refused(folder: &Path, args: &str, status: i32, words: &[&str]) {
    assert_refused(&eval(folder, args), status, words);
}

#[test]
fn data_sets_that_are_none() {
    let folder = tempdir().unwrap();
    let at = folder.path();
    davis(at);
    fs::create_dir(at.join("empty")).unwrap();
    fs::write(at.join("file"), "").unwrap();
    fs::create_dir_all(at.join("bare/JPEGImages/480p")).unwrap();
    fs::create_dir_all(at.join("bare/Annotations/480p")).unwrap();
    let run = |args: &str, status, words: &[&str]| refused(at, &format!("{args} --score centre"), status, words);
    run("missing", 1, &["missing", "no such folder"]);
    run("file", 1, &["file", "not a folder"]);
    run("empty", 1, &["empty", "unknown layout", "is empty", "JPEGImages", "--truth"]);
    run(".", 1, &["unknown layout", "contains bare, davis, empty, file", "JPEGImages"]);
    run("bare", 1, &["480p", "no folders of frames"]);
    run("empty --truth davis/Annotations/480p/left", 1, &["empty", "is empty"]);
    run("davis --truth nowhere", 1, &["nowhere", "no such folder"]);
    run("davis --sequence up", 2, &["up", "left, right"]);
    run("davis --list train", 2, &["train", "ImageSets"]);
    fs::remove_dir_all(at.join("davis/Annotations/480p/right")).unwrap();
    run("davis", 1, &["right", "no such folder", "masks"]);
}

#[test]
fn frames_and_masks_that_do_not_go_together() {
    let folder = tempdir().unwrap();
    let at = folder.path();
    frames(&at.join("frames"));
    let truth = at.join("truth");
    let run = |words: &[&str]| refused(at, "frames --truth truth --score centre", 1, words);
    masks(&truth, 0, 255);
    fs::remove_file(truth.join("00002.png")).unwrap();
    run(&["truth", "3 masks for 4 frames", "00002 has no mask"]);
    masks(&truth, 0, 255);
    fs::copy(truth.join("00000.png"), truth.join("00009.png")).unwrap();
    run(&["5 masks for 4 frames", "00009 has no frame"]);
    fs::remove_file(truth.join("00001.png")).unwrap();
    run(&["truth", "00001 has no mask"]);
    fs::remove_file(truth.join("00009.png")).unwrap();
    GrayImage::new(WIDTH / 2, HEIGHT).save(truth.join("00001.png")).unwrap();
    run(&["00001.png", "32 x 48", "64 x 48"]);
    for (mask, word) in [([3, 0], "the value 3"), ([1, 255], "the value 255")] {
        GrayImage::from_fn(WIDTH, HEIGHT, |x, _| Luma([mask[x as usize % 2]])).save(truth.join("00001.png")).unwrap();
        run(&["00001.png", word, "palette"]);
    }
    RgbImage::from_pixel(WIDTH, HEIGHT, Rgb([255, 0, 0])).save(truth.join("00001.png")).unwrap();
    run(&["00001.png", "coloured"]);
    fs::write(truth.join("00001.png"), "no picture").unwrap();
    run(&["00001.png", "PNG"]);
    fs::rename(truth.join("00001.png"), truth.join("00001.bmp")).unwrap();
    run(&["00001.bmp", "masks are PNG files"]);
}

#[test]
fn a_frame_that_is_damaged() {
    let folder = tempdir().unwrap();
    let at = folder.path();
    frames(&at.join("frames"));
    masks(&at.join("truth"), 0, 255);
    fs::write(at.join("frames/00002.png"), "no picture").unwrap();
    refused(at, "frames --truth truth --score centre --json j.json --keep-maps kept", 1, &["00002.png", "image"]);
    assert_eq!(names(at), ["frames", "truth"], "files are left behind");
}

#[test]
fn predictions_that_cannot_be() {
    let folder = tempdir().unwrap();
    let at = folder.path();
    frames(&at.join("frames"));
    masks(&at.join("truth"), 0, 255);
    let maps = at.join("maps");
    let run = |words: &[&str]| refused(at, "frames --truth truth --score none --pred mine=maps", 1, words);
    run(&["maps", "no such folder"]);
    masks(&maps, 0, 255);
    fs::remove_file(maps.join("00003.png")).unwrap();
    run(&["maps", "1 of 4 frames have no map", "00003"]);
    arrays(&maps, 0, 1.0);
    run(&["maps", "same frame"]);
    fs::remove_dir_all(&maps).unwrap();
    for (value, word) in [(f32::NAN, "NaN"), (255.0, "has 255"), (-0.5, "has -0.5")] {
        arrays(&maps, 0, value);
        run(&["000000.npy", word, "0 to 1"]);
    }
    arrays(&maps, 0, 1.0);
    ndarray_npy::write_npy(maps.join("000000.npy"), &ndarray::Array3::<f32>::zeros((3, 48, 64))).unwrap();
    run(&["000000.npy", "3 axes"]);
    ndarray_npy::write_npy(maps.join("000000.npy"), &ndarray::Array2::<i64>::zeros((48, 64))).unwrap();
    run(&["000000.npy", "i8", "float32"]);
    ndarray_npy::write_npy(maps.join("000000.npy"), &ndarray::Array2::<f32>::zeros((64, 48))).unwrap();
    run(&["000000.npy", "48 x 64", "64 x 48"]);
    let huge = b"\x93NUMPY\x01\x00\x46\x00{'descr': '<f4', 'fortran_order': False, 'shape': (99999999, 99999999)} \n";
    fs::write(maps.join("000000.npy"), huge).unwrap();
    run(&["000000.npy", "NumPy"]);
}

#[test]
fn flags_that_contradict_each_other() {
    let folder = tempdir().unwrap();
    let at = folder.path();
    frames(&at.join("frames"));
    masks(&at.join("truth"), 0, 255);
    let run = |args: &str, words: &[&str]| refused(at, &format!("frames --truth truth {args}"), 2, words);
    run("--score none", &["nothing to score"]);
    run("--score none,fused", &["none"]);
    run("--score centre --pred centre=truth", &["two methods are called centre"]);
    run("--score none --pred a=truth --keep-maps kept", &["--keep-maps"]);
    run("--target 1 --target 2", &["several --target"]);
    fs::write(at.join("there.json"), "precious").unwrap();
    run("--score centre --json there.json", &["there.json", "-y"]);
    fs::create_dir_all(at.join("kept/centre")).unwrap();
    run("--score centre --keep-maps kept", &["kept/centre", "-y"]);
    for wrong in ["--threshold 2", "--pred truth", "--score nonsense"] {
        assert_eq!(eval(at, &format!("frames --truth truth {wrong}")).status.code(), Some(2), "{wrong}");
    }
    for index in 2..FRAMES {
        fs::remove_file(at.join(format!("frames/{index:05}.png"))).unwrap();
        fs::remove_file(at.join(format!("truth/{index:05}.png"))).unwrap();
    }
    run("--score centre --skip-ends", &["--skip-ends", "2 frames"]);
}
