use std::fs;

use ndarray::s;
use opencv::core::{CV_8UC1, Scalar};
use opencv::imgcodecs;
use opencv::prelude::*;
use tempfile::TempDir;

use super::*;

/// A black picture of 6 x 8 pixels with white ones; its folder is created.
fn draw(root: &TempDir, file: &str, bright: &[[i32; 2]]) {
    draw_sized(root, file, (6, 8), bright);
}

fn draw_sized(root: &TempDir, file: &str, (height, width): (i32, i32), bright: &[[i32; 2]]) {
    let path = root.path().join(file);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut image = Mat::new_rows_cols_with_default(height, width, CV_8UC1, Scalar::all(0.0)).unwrap();
    for &[row, column] in bright {
        *image.at_2d_mut::<u8>(row, column).unwrap() = 255;
    }
    assert!(imgcodecs::imwrite(path.to_str().unwrap(), &image, &opencv::core::Vector::new()).unwrap());
}

fn write(root: &TempDir, file: &str, text: &str) {
    let path = root.path().join(file);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn root() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn found(root: &TempDir) -> Vec<FixationItem> {
    find(root.path()).unwrap().unwrap().items
}

fn names(items: &[FixationItem]) -> Vec<&str> {
    items.iter().map(|item| item.name.as_str()).collect()
}

/// The error message for a data set that cannot be used.
fn problem(root: &TempDir) -> String {
    let items = find(root.path()).map(|dataset| dataset.unwrap().items);
    let read = items.and_then(|items| items.iter().map(FixationItem::read).collect::<Result<Vec<_>>>());
    let line = read.unwrap_err().to_string();
    assert!(!line.contains('\n'), "{line}");
    line
}

#[test]
fn mit1003_as_published() {
    let root = root();
    draw(&root, "ALLSTIMULI/i1.jpeg", &[]);
    draw(&root, "ALLFIXATIONMAPS/ALLFIXATIONMAPS/i1_fixMap.jpg", &[[1, 1]]);
    draw(&root, "ALLFIXATIONMAPS/ALLFIXATIONMAPS/i1_fixPts.jpg", &[[2, 3], [5, 7]]);
    let items = found(&root);
    assert_eq!(names(&items), ["i1"]);
    let gaze = items[0].read().unwrap();
    assert_eq!(gaze.fixations.unwrap(), [[2, 3], [5, 7]]);
    assert_eq!((gaze.shape, gaze.density.unwrap().dim()), ((6, 8), (6, 8)));
}

#[test]
fn maps_alone_are_a_density() {
    let root = root();
    draw(&root, "stimuli/a.jpg", &[]);
    draw(&root, "fixation_maps/a.png", &[[3, 4]]);
    let gaze = found(&root)[0].read().unwrap();
    assert_eq!(gaze.fixations, None);
    assert_eq!(gaze.weights().unwrap()[[3, 4]], 255.0);
}

#[test]
fn salicon_with_its_list() {
    let root = root();
    for name in ["images/val/COCO_1.jpg", "images/test/COCO_2.jpg"] {
        draw(&root, name, &[]);
    }
    draw(&root, "maps/val/COCO_1.png", &[[0, 0]]);
    let list = r#"{"images": [{"id": 7, "file_name": "COCO_1.jpg", "height": 6, "width": 8}], "annotations": [
        {"image_id": 7, "worker_id": 1, "fixations": [[1, 1], [6, 8]]},
        {"image_id": 7, "worker_id": 2, "fixations": [[7, 1], [0, 3], [1, 1]]}]}"#;
    write(&root, "annotations/fixations_val2014.json", list);
    let items = found(&root);
    assert_eq!(names(&items), ["val/COCO_1"]);
    assert_eq!(items[0].read().unwrap().fixations.unwrap(), [[0, 0], [5, 7], [0, 0]]);
}

#[test]
fn dhf1k_with_frames_beside() {
    let root = root();
    for frame in ["0001", "0002"] {
        draw(&root, &format!("annotation/0001/maps/{frame}.png"), &[[1, 1]]);
        draw(&root, &format!("annotation/0001/fixation/{frame}.png"), &[[1, 2]]);
    }
    for frame in ["001", "002", "003"] {
        draw(&root, &format!("frames/0001/{frame}.jpg"), &[]);
    }
    let items = found(&root);
    assert_eq!(names(&items), ["0001/0001", "0001/0002"]);
    assert_eq!(items[0].group(), "0001");
    assert_eq!(items[1].read().unwrap().fixations.unwrap(), [[1, 2]]);
}

#[test]
fn other_layouts_are_left_to_others() {
    let root = root();
    draw(&root, "JPEGImages/480p/camel/00000.jpg", &[]);
    draw(&root, "Annotations/480p/camel/00000.png", &[]);
    assert!(find(root.path()).unwrap().is_none());
}

#[test]
fn what_does_not_go_together_is_said() {
    let missing = root();
    draw(&missing, "stimuli/a.jpg", &[]);
    draw(&missing, "stimuli/b.jpg", &[]);
    draw(&missing, "maps/a.jpg", &[]);
    assert!(problem(&missing).contains("b.jpg: has no fixation map with its name"));

    let strange = root();
    draw(&strange, "stimuli/a.jpg", &[]);
    draw(&strange, "maps/a.jpg", &[]);
    draw(&strange, "maps/c.jpg", &[]);
    assert!(problem(&strange).contains("c.jpg: belongs to no stimulus"));

    let sizes = root();
    draw(&sizes, "stimuli/a.jpg", &[]);
    draw_sized(&sizes, "maps/a.jpg", (4, 4), &[]);
    assert!(problem(&sizes).contains("a.jpg: is 8x6, its fixation map 4x4: scale them to the same size"));

    let damaged = root();
    draw(&damaged, "stimuli/a.jpg", &[]);
    write(&damaged, "maps/a.jpg", "no picture");
    assert!(problem(&damaged).contains("cannot be read as a picture"));

    let without_frames = root();
    draw(&without_frames, "annotation/0001/maps/0001.png", &[]);
    assert!(problem(&without_frames).contains("has no frames: put them into frames/0001"));
}

#[test]
fn matlab_files_and_strange_lists_are_refused() {
    let matlab = root();
    draw(&matlab, "images/val/a.jpg", &[]);
    draw(&matlab, "maps/val/a.png", &[]);
    write(&matlab, "fixations/val/a.mat", "MATLAB 5.0");
    assert!(problem(&matlab).contains("has MATLAB files, which are not supported: save each as a PNG"));

    let list = root();
    draw(&list, "images/a.jpg", &[]);
    write(&list, "fixations_val2014.json", "{}");
    assert!(problem(&list).contains("is not an annotation file in SALICON's format"));
}

#[test]
fn others_leave_out_the_own_group_and_fit_the_shape() {
    let root = root();
    for (name, place) in [("a", [0, 0]), ("b", [3, 4]), ("c", [5, 7])] {
        draw(&root, &format!("stimuli/{name}.png"), &[]);
        draw(&root, &format!("fixations/{name}.png"), &[place]);
    }
    let others = OtherFixations::gather(&find(root.path()).unwrap().unwrap()).unwrap();
    assert_eq!(others.than("a", (12, 16)).unwrap().fixations.unwrap(), [[6, 8], [10, 14]]);
}

#[test]
fn others_of_densities_count_alike() {
    let root = root();
    for (name, places) in [("a", vec![[0, 0]]), ("b", vec![[1, 1], [1, 2]]), ("c", vec![[4, 6]])] {
        draw(&root, &format!("stimuli/{name}.png"), &[]);
        draw(&root, &format!("maps/{name}.png"), &places);
    }
    let others = OtherFixations::gather(&find(root.path()).unwrap().unwrap()).unwrap();
    let density = others.than("a", (6, 8)).unwrap().density.unwrap();
    let (left, right) = (density.slice(s![..3, ..5]).sum(), density.slice(s![3.., 5..]).sum());
    assert!((left / right - 1.0).abs() < 1e-6 && density[[0, 0]] < right / 10.0, "{density}");
}
