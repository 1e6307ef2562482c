//! `--jobs auto`: the number of workers is measured once, only if it pays off, and never does harm.

use std::fs;
use std::path::Path;
use std::process::Output;
use std::time::{Duration, Instant};

use crate::program::{interrupt, names, text};
use crate::{batch, clips, counts};

/// A batch that caches its measurements in a folder of its own.
fn run(folder: &Path, args: &str) -> Output {
    batch(folder, args).env("XDG_CACHE_HOME", folder.join("cache")).output().unwrap()
}

#[test]
fn the_number_of_workers_is_measured_once() {
    let folder = clips(3);
    let at = folder.path();
    let is_said = |output: &Output| text(&output.stderr).contains("workers x threads ");
    assert!(!is_said(&run(at, "in -o little")), "too little work to pay off");
    let first = run(at, "in -o out --remeasure");
    assert!(first.status.success() && is_said(&first) && counts(&first) == [3, 0, 0], "{}", text(&first.stderr));
    let expected = ["0.done.json", "0.jpg", "0.mp4", "2.done.json", "2.jpg", "2.mp4", "settings.toml", "sub"];
    assert_eq!(names(&at.join("out"))[..8], expected, "other files are left behind");
    let second = run(at, "in -o again");
    assert!(second.status.success() && !is_said(&second), "{}", text(&second.stderr));
    let kept = at.join("cache/salstream/worker-counts.json");
    let changed = fs::read_to_string(&kept).unwrap().replacen("\"jobs\": ", "\"jobs\": 1", 1);
    fs::write(kept, changed).unwrap();
    let third = run(at, "in -o third");
    assert!(third.status.success() && text(&third.stderr).contains("worker-counts.json: is damaged"));
}

#[test]
fn a_bad_clip_or_an_impatient_user_does_no_harm_to_measuring() {
    let folder = clips(2);
    let at = folder.path();
    fs::create_dir(at.join("bad")).unwrap();
    // The header is valid but the file is truncated, so it gives no measurement.
    let whole = fs::read(at.join("in/sub/1.mkv")).unwrap();
    for name in ["a", "b", "c"] {
        fs::write(at.join(format!("bad/{name}.mkv")), &whole[..whole.len() / 3]).unwrap();
    }
    let bad = run(at, "bad -o none --remeasure");
    let said = text(&bad.stderr);
    assert_eq!((bad.status.code(), counts(&bad)), (Some(1), [0, 0, 0]), "{said}");
    assert!(said.contains("3 partial") && !said.contains("workers x threads"), "{said}");
    let parts =
        ["a", "b", "c"].into_iter().flat_map(|name| ["jpg", "mp4", "part.json"].map(|end| format!("{name}.{end}")));
    let summaries = ["settings.toml", "summary.html", "summary.json"].map(str::to_owned);
    assert_eq!(names(&at.join("none")), parts.chain(summaries).collect::<Vec<_>>());

    let mut command = batch(at, "in -o out --remeasure");
    let mut child = command.env("XDG_CACHE_HOME", at.join("cache")).spawn().unwrap();
    let is_measuring = || names(&at.join("out")).iter().any(|name| name.starts_with(".salstream-"));
    let since = Instant::now();
    while !(at.join("out").exists() && is_measuring()) {
        assert!(since.elapsed() < Duration::from_secs(20), "not measuring");
        std::thread::sleep(Duration::from_millis(5));
    }
    interrupt(&child.id().to_string());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(names(&at.join("out")), ["settings.toml", "sub", "summary.html", "summary.json"]);
}
