//! Still images, single and in sequences.

use std::path::Path;

use opencv::core::{self, Mat};
use opencv::imgcodecs;
use opencv::prelude::*;
use salstream::Error;
use salstream::frame::Rate;
use salstream::source::SourceOptions;

use crate::tools::{read_all, temp};

/// Writes `count` images of increasing grey level, named after `name`.
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
            read_all(named, &SourceOptions { rate: Rate { num: 10, den: 1 }, ..SourceOptions::default() }).unwrap();
        assert_eq!((info.frames, frames.len(), frames[5].time), (Some(12), 12, 0.5));
        let levels: Vec<f64> = frames.iter().map(|f| core::mean_def(&f.image).unwrap()[0]).collect();
        assert!(levels.windows(2).all(|pair| pair[1] > pair[0]), "{levels:?}");
    }
    let options = SourceOptions {
        start: Some(0.4),
        duration: Some(0.2),
        rate: Rate { num: 10, den: 1 },
        ..SourceOptions::default()
    };
    assert_eq!(read_all(folder.path(), &options).unwrap().1.len(), 2);
}

#[test]
fn images_of_any_depth_become_bgr_and_of_other_sizes_are_refused() {
    let folder = temp();
    let path = folder.path().join("deep.png");
    let deep = Mat::new_rows_cols_with_default(8, 8, core::CV_16UC4, core::Scalar::all(32768.0)).unwrap();
    imgcodecs::imwrite_def(&path, &deep).unwrap();
    let (info, frames, _) = read_all(&path, &SourceOptions::default()).unwrap();
    assert_eq!((frames[0].image.typ(), info.frames), (core::CV_8UC3, Some(1)));
    assert!((core::mean_def(&frames[0].image).unwrap()[1] - 128.0).abs() <= 1.0);
    stills(folder.path(), 1, |_| "other.png".to_owned());
    let (_, frames, error) = read_all(folder.path(), &SourceOptions::default()).unwrap();
    let message = error.map(|e| e.to_string()).unwrap_or_default();
    assert!(frames.len() == 1 && message.contains("other.png: is 30x20"), "{message}");
}

#[test]
fn an_image_that_opencv_gives_up_on_ends_the_clip_as_damage() {
    let folder = temp();
    stills(folder.path(), 3, |k| format!("{k}.bmp"));
    let second = folder.path().join("1.bmp");
    let mut bytes = std::fs::read(&second).unwrap();
    // The width exceeds OpenCV's limit, so OpenCV throws instead of returning no image.
    bytes[18..22].copy_from_slice(&3_000_000_u32.to_le_bytes());
    std::fs::write(&second, bytes).unwrap();
    let (_, frames, error) = read_all(folder.path(), &SourceOptions::default()).unwrap();
    let message = error.as_ref().map(Error::to_string).unwrap_or_default();
    assert_eq!(frames.len(), 1);
    assert!(matches!(error, Some(Error::Input { path, .. }) if path == second), "{message}");
    assert!(message.contains("cannot be decoded") && !message.contains('\n'), "{message}");
}
