//! Notes about clips, and what is kept of damaged ones.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::program::{ffmpeg, names, probe, salstream, text};
use crate::{clips, counts, long_clip, run};

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// The clips of `out/summary.json`.
fn summary(folder: &Path) -> Vec<Value> {
    json(&folder.join("out/summary.json"))["clips"].as_array().unwrap().clone()
}

/// A clip with two notes: a second video stream, and small pictures in which little stands out; the first two of its four seconds show `start`.
fn with_two_streams(folder: &Path, start: &str, name: &str) {
    let part = |source: &str| format!("{source}=size=64x48:rate=10:duration=2,format=yuv420p");
    let small = format!("-f lavfi -i {}[a];{}[b];[a][b]concat", part(start), part("testsrc2"));
    let large = "-f lavfi -i testsrc2=size=160x120:rate=10:duration=4";
    ffmpeg(folder, &format!("{small} {large} -map 0:v -map 1:v -c:v libx264 -g 5 -preset ultrafast {name}"));
}

/// A clip of a hundred frames with records of its own, cut off in the middle of its data.
fn with_damage(folder: &Path, name: &str) {
    let source = "-f lavfi -i testsrc2=size=160x120:rate=25:duration=4 -f lavfi -i sine=duration=4";
    ffmpeg(folder, &format!("{source} -c:v libx264 -g 25 -c:a aac -movflags +faststart whole.mp4"));
    let bytes = fs::read(folder.join("whole.mp4")).unwrap();
    fs::write(folder.join(name), &bytes[..bytes.len() * 6 / 10]).unwrap();
}

#[test]
fn notes_about_a_clip_stand_in_the_summary_the_page_and_the_last_line() {
    let folder = clips(1);
    let at = folder.path();
    with_two_streams(at, "testsrc2", "in/two.mkv");
    let first = run(at, "in -o out");
    assert!(first.status.success() && counts(&first) == [2, 0, 0], "{}", text(&first.stderr));
    let again = run(at, "in -o out");
    assert_eq!(counts(&again), [0, 2, 0]);
    for output in [first, again] {
        assert!(text(&output.stderr).ends_with("\n1 clip with notes: see summary.html\n"), "{}", text(&output.stderr));
    }
    let notes = |at: usize| summary(folder.path())[at]["notes"].as_array().unwrap().clone();
    assert_eq!((notes(0).len(), notes(1).len()), (0, 2), "{:?}", notes(1));
    let note = notes(1)[0].as_str().unwrap().to_owned();
    assert!(note.starts_with("has 2 video streams"), "without the path, which stands beside it: {note}");
    let page = fs::read_to_string(at.join("out/summary.html")).unwrap();
    let card = page.split("<article>").find(|card| card.contains("<b>two</b>")).unwrap();
    assert!(card.contains("<p class='note'>note: has 2 video streams") && page.matches("class='note'").count() == 2);

    // A result of a version that had no notes is still valid.
    let mut manifest = json(&at.join("out/two.done.json"));
    manifest.as_object_mut().unwrap().remove("notes").unwrap();
    fs::write(at.join("out/two.done.json"), manifest.to_string()).unwrap();
    let events = text(&run(at, "in -o out --progress json").stderr);
    let last: Value = serde_json::from_str(events.lines().last().unwrap()).unwrap();
    assert_eq!([&last["skipped"], &last["with_notes"], &last["partial"]], [2, 0, 0], "{events}");
}

#[test]
fn notes_of_segments_are_those_of_their_clip() {
    let folder = clips(0);
    let at = folder.path();
    with_two_streams(at, "color", "in/two.mkv");
    let joined = run(at, "in -o out --split 2");
    assert!(joined.status.success() && counts(&joined) == [1, 0, 0], "{}", text(&joined.stderr));
    let notes = summary(at)[0]["notes"].as_array().unwrap().clone();
    let shared = notes.iter().filter(|note| note.as_str().unwrap().starts_with("has 2 video streams")).count();
    assert_eq!(shared, 1, "{notes:?}");
    assert_eq!(notes[1], "segment 1 of 2: nothing stood out in 100 % of the frames: their fused maps stay below 0.5");
}

#[test]
fn notes_of_parts_survive_the_merge_and_may_be_missing() {
    let folder = clips(2);
    let at = folder.path();
    with_two_streams(at, "testsrc2", "in/two.mkv");
    let parts = ["1/2", "2/2"].map(|part| text(&run(at, &format!("in -o out --shard {part}")).stderr)).concat();
    let merge = || text(&salstream(at).args(["batch", "--merge", "out"]).output().unwrap().stderr);
    assert!(parts.contains("1 clip with notes: see summary-"), "{parts}");
    assert!(merge().ends_with("1 clip with notes: see summary.html\n"));
    for index in [1, 2] {
        let path = at.join(format!("out/summary-{index}-of-2.json"));
        let mut part = json(&path);
        part["clips"].as_array_mut().unwrap().iter_mut().for_each(|clip| {
            clip.as_object_mut().unwrap().remove("notes").unwrap();
        });
        fs::write(path, part.to_string()).unwrap();
    }
    let old = merge();
    assert!(old.contains("3 done") && !old.contains("with notes"), "{old}");
}

#[test]
fn the_good_part_of_a_damaged_clip_is_kept_and_tried_again() {
    let folder = clips(1);
    let at = folder.path();
    with_damage(at, "in/cut.mp4");
    let first = run(at, "in -o out --records jsonl");
    let said = text(&first.stderr);
    assert_eq!((first.status.code(), counts(&first)), (Some(1), [1, 0, 0]), "{said}");
    assert!(said.contains("0 failed, 1 partial (up to the damage)"), "{said}");
    assert!(said.contains("  partial  in/cut.mp4: only "), "{said}");
    let frames = probe(&at.join("out/cut.mp4"), "v", "stream=nb_read_packets");
    assert!((20..90).contains(&frames.parse::<u32>().unwrap()), "{frames}");
    assert_eq!(fs::read_to_string(at.join("out/cut.jsonl")).unwrap().lines().count().to_string(), frames);
    assert!(at.join("out/cut.part.json").exists() && !at.join("out/cut.done.json").exists());
    let clip = summary(at).into_iter().find(|clip| clip["place"] == "cut").unwrap();
    assert_eq!((clip["outcome"].as_str(), clip["frames"].to_string()), (Some("partial"), frames.clone()));
    assert!(clip["reason"].as_str().unwrap().starts_with(&format!("only {frames} of ")), "{clip}");
    let page = fs::read_to_string(at.join("out/summary.html")).unwrap();
    let card = page.split("<article>").find(|card| card.contains("<b>cut</b>")).unwrap();
    assert!(card.contains("<p class='bad'>partial: only ") && card.contains(&format!("{frames} frames in ")), "{card}");
    assert!(card.contains("href='cut.jsonl'") && card.matches("points='").count() == 2, "{card}");

    let plan = text(&run(at, "in -o out --records jsonl --dry-run").stdout);
    assert!(plan.contains("redo  in/cut.mp4: its input was damaged"), "{plan}");
    assert_eq!(counts(&run(at, "in -o out --records jsonl")), [0, 1, 0], "it is partial again, not skipped");
    fs::copy(at.join("whole.mp4"), at.join("in/cut.mp4")).unwrap();
    let whole = run(at, "in -o out --records jsonl");
    assert!(whole.status.success() && counts(&whole) == [1, 1, 0], "{}", text(&whole.stderr));
    assert_eq!(probe(&at.join("out/cut.mp4"), "v", "stream=nb_read_packets"), "100");
    assert!(!at.join("out/cut.part.json").exists());

    with_damage(at, "in/cut.mp4");
    let fast = run(at, "in -o out --records jsonl --fail-fast --retry 1");
    assert!(fast.status.code() == Some(1) && text(&fast.stderr).contains("1 partial"), "{}", text(&fast.stderr));
    assert!(!at.join("out/cut.done.json").exists(), "nothing says that it is done");
}

#[test]
fn a_merge_counts_partial_clips_as_failures() {
    let folder = clips(1);
    let at = folder.path();
    with_damage(at, "in/cut.mp4");
    for part in ["1/2", "2/2"] {
        run(at, &format!("in -o out --shard {part}"));
    }
    let merge = || salstream(at).args(["batch", "--merge", "out"]).output().unwrap();
    let merged = merge();
    assert_eq!((merged.status.code(), counts(&merged)), (Some(1), [1, 0, 0]));
    assert!(text(&merged.stderr).contains("  partial  in/cut.mp4: only "), "{}", text(&merged.stderr));
    fs::remove_file(at.join("out/cut.mp4")).unwrap();
    let gone = merge();
    assert_eq!((gone.status.code(), counts(&gone)), (Some(1), [1, 0, 1]), "its result is gone: {}", text(&gone.stderr));
}

#[test]
fn a_clip_in_segments_with_a_damaged_one_fails_and_says_how_to_keep_its_start() {
    let folder = clips(0);
    let at = folder.path();
    long_clip(at, "whole.mp4");
    ffmpeg(at, "-i whole.mp4 -c copy -movflags +faststart fast.mp4");
    let bytes = fs::read(at.join("fast.mp4")).unwrap();
    fs::write(at.join("in/cut.mp4"), &bytes[..bytes.len() / 2]).unwrap();
    let output = run(at, "in -o out --split 5");
    let said = text(&output.stderr);
    assert_eq!((output.status.code(), counts(&output)), (Some(1), [0, 0, 1]), "{said}");
    let line = said
        .lines()
        .find(|line| line.starts_with("  failed  in/cut.mp4: segment "))
        .unwrap_or_else(|| panic!("{said}"));
    assert!(line.contains("run without --split"), "{line}");
    assert!(!names(&at.join("out")).iter().any(|name| name == "cut.mp4"));
    let whole = run(at, "in -o out");
    assert!(text(&whole.stderr).contains("1 partial"), "{}", text(&whole.stderr));
    assert!(at.join("out/cut.mp4").exists());
}
