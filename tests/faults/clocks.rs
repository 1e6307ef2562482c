//! Times that cannot be: files from the past and the future, a clock without a zone.

use std::fs::File;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::program::{names, salstream, text};
use crate::{clip, frames, report};

#[test]
fn files_of_any_time_are_processed_once() {
    let folder = clip(1);
    let at = folder.path();
    std::fs::create_dir(at.join("in")).unwrap();
    let now = SystemTime::now();
    let day = Duration::from_secs(86_400);
    let times = [("past", UNIX_EPOCH), ("before", UNIX_EPOCH - 30 * day), ("future", now + 40_000 * day)];
    for (name, time) in times {
        let path = at.join(format!("in/{name}.mp4"));
        std::fs::copy(at.join("clip.mp4"), &path).unwrap();
        File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
    }
    let batch = || {
        let mut command = salstream(at);
        command.args(["batch", "in", "-o", "out", "--device", "cpu", "--jobs", "1"]).env("TZ", "No/Such+99");
        command.output().unwrap()
    };
    let (first, second) = (batch(), batch());
    let mut lost = Vec::new();
    for (name, _) in times {
        let count = frames(&at.join(format!("out/{name}.mp4")));
        lost.extend((count != Some(25)).then(|| format!("{name}: {count:?} frames: {}", text(&first.stderr))));
    }
    assert!(first.status.success() && second.status.success(), "{}", text(&second.stderr));
    assert!(text(&second.stdout).contains("3 skipped") || text(&second.stderr).contains("3 skipped"));
    // A temporary file from the future belongs to somebody whose clock is wrong.
    let foreign = at.join("out/.salstream-0123456789ab-7-1-abcdef.mp4");
    File::create(&foreign).unwrap().set_modified(now + 30 * day).unwrap();
    batch();
    lost.extend((!foreign.exists()).then(|| format!("{foreign:?} is gone; {:?}", names(&at.join("out")))));
    report("times of files", 4, &lost);
}
