//! Kinds of input: sizes, rotation, single pictures, folders.

use tempfile::tempdir;

use super::fixture::{PLAIN, clip, column, path, said};
use crate::program::{ffmpeg, probe};

fn size(file: &std::path::Path) -> [String; 2] {
    ["width", "height"].map(|side| probe(file, "v", &format!("stream={side}")))
}

#[test]
fn portrait_in_portrait_is_the_whole_picture_and_is_said() {
    let folder = tempdir().unwrap();
    ffmpeg(folder.path(), "-f lavfi -i testsrc2=s=90x160:r=25:d=0.2 -pix_fmt yuv420p in.mp4");
    let said = said(folder.path(), "in.mp4");
    assert!(said.contains("already is 9:16: nothing is cropped"), "{said}");
    assert_eq!(size(&folder.path().join("in-9x16.mp4")), ["90", "160"], "the default name and size");
}

#[test]
fn a_turned_clip_is_cropped_as_it_is_shown() {
    let folder = tempdir().unwrap();
    let at = folder.path();
    clip(at, "plain.mp4", 0.4, PLAIN, &[("300", "140+50*t")], "");
    ffmpeg(at, "-i plain.mp4 -c copy -metadata:s:v rotate=90 in.mp4");
    let (path, _) = path(at, "in.mp4 -o out.mp4 --aspect 1:1");
    assert_eq!(path["picture"], serde_json::json!([360, 640]));
    assert_eq!((size(&at.join("out.mp4")), column(&path, "x")[0]), (["360".into(), "360".into()], 0));
}

#[test]
fn odd_sizes_give_even_ones() {
    let folder = tempdir().unwrap();
    let at = folder.path();
    ffmpeg(at, "-f lavfi -i testsrc=s=321x241:r=25:d=0.2 -pix_fmt yuv444p in.mkv");
    for (aspect, expected) in [("9:16", ["136", "240"]), ("1:1", ["240", "240"]), ("3:1", ["320", "106"])] {
        said(at, &format!("in.mkv -y -o out.mp4 --aspect {aspect}"));
        assert_eq!(size(&at.join("out.mp4")), expected, "{aspect}");
    }
}

#[test]
fn a_clip_of_one_frame_a_picture_and_a_folder_of_pictures() {
    let folder = tempdir().unwrap();
    let at = folder.path();
    clip(at, "in.mp4", 0.4, PLAIN, &[("400", "140")], "");
    let (path, _) = path(at, "in.mp4 -o out.mp4 --duration 0.03");
    assert_eq!(
        (column(&path, "x").len(), probe(&at.join("out.mp4"), "v", "stream=nb_read_packets").as_str()),
        (1, "1")
    );

    std::fs::create_dir(at.join("frames")).unwrap();
    ffmpeg(at, "-i in.mp4 frames/%03d.png");
    said(at, "frames/001.png -o out.png --aspect 1:1");
    assert_eq!(size(&at.join("out.png")), ["360", "360"]);
    said(at, "frames --fps 25 -o folder.mp4");
    assert_eq!(probe(&at.join("folder.mp4"), "v", "stream=nb_read_packets"), "10");
}
