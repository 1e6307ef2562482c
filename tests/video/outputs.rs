//! Outputs are rejected early or written completely, under any name.

use std::path::Path;

use opencv::core::{self, Mat};
use opencv::imgcodecs;
use opencv::prelude::*;
use salstream::Error;
use salstream::colour::ColourTags;
use salstream::frame::{ClipEnd, Rate};
use salstream::sink::image::ImageSink;
use salstream::sink::video::{EncodeOptions, VideoSink};
use salstream::sink::{self};
use salstream::source::SourceOptions;

use crate::tools::{clapper, copy, temp};

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
fn what_is_not_finished_leaves_nothing() {
    let folder = temp();
    let picture = Mat::new_rows_cols_with_default(64, 64, core::CV_8UC3, core::Scalar::all(90.0)).unwrap();
    let rate = Rate { num: 25, den: 1 };
    let create = |name: &str| {
        let encode =
            EncodeOptions { format: None, crf: 20, overwrite: false, passthrough: None, colour: ColourTags::BT709 };
        VideoSink::create(&folder.path().join(name), picture.size().unwrap(), rate, encode)
    };
    let mut sink = create("dropped.mp4").unwrap();
    sink.write(&picture, 0.0).unwrap();
    drop(sink);
    assert!(create("empty.mp4").unwrap().finish(ClipEnd::default()).is_err(), "a video without a frame");
    assert!(matches!(create("clip.wmv").err(), Some(Error::Usage(message)) if message.contains(".mp4")));
    let small = Mat::new_rows_cols_with_default(32, 32, core::CV_8UC3, core::Scalar::all(90.0)).unwrap();
    assert!(create("sizes.mp4").unwrap().write(&small, 0.0).is_err(), "a frame of another size");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn strange_names_are_taken_literally() {
    let folder = temp();
    let plain = clapper(&folder.path().join("plain.mp4"), 1.0, "-c:a aac");
    for name in ["-y.mp4", "a:b.mp4", "100%d.mp4", "with space 'and' \"quote\".mp4", "#hash?x=1.mp4"] {
        let path = folder.path().join(name);
        std::fs::copy(&plain, &path).unwrap();
        let output = folder.path().join(format!("out {name}"));
        assert_eq!(copy(&path, &output, &SourceOptions::default()).unwrap().done.frames, 100, "{name}");
        assert!(output.exists());
    }
}

#[test]
fn an_image_is_written_whole_or_not_at_all() {
    let folder = temp();
    let picture = Mat::new_rows_cols_with_default(9, 7, core::CV_8UC3, core::Scalar::new(1.0, 2.0, 3.0, 0.0)).unwrap();
    let path = folder.path().join("out.png");
    ImageSink::create(&path, false).unwrap().finish(&picture).unwrap().publish().unwrap();
    assert_eq!(imgcodecs::imread(&path, imgcodecs::IMREAD_COLOR).unwrap().data_bytes().unwrap()[..3], [1, 2, 3]);
    assert!(matches!(ImageSink::create(&path, false).err(), Some(Error::Usage(_))));
    drop(ImageSink::create(&folder.path().join("dropped.jpg"), false).unwrap());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}
