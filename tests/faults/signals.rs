//! Signals at any moment.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use rand::RngExt;

use crate::program;
use crate::{child_of, clip, frames, report, said, salstream, start, stays, temporaries, tries, wait};

const RUN: &str = "run clip.mp4 -o out.mp4 --records out.csv --device cpu -y";
/// How long a run may take to end after a signal.
const LIMIT: Duration = Duration::from_secs(60);

/// What is wrong in a folder in which a run was stopped: the results must be there, whole, or not at all.
fn wrong(folder: &Path) -> Option<String> {
    let (video, table) = (folder.join("out.mp4"), folder.join("out.csv"));
    let left = temporaries(folder);
    match (video.exists(), table.exists()) {
        _ if !left.is_empty() => Some(format!("{left:?} stays")),
        (false, false) => None,
        (true, true) => {
            let lines = fs::read_to_string(&table).unwrap().lines().count() as u64 - 1;
            let count = frames(&video);
            (count != Some(lines) || lines == 0).then(|| format!("{count:?} frames, {lines} records"))
        }
        (video, table) => Some(format!("only one of the results: video {video}, records {table}")),
    }
}

#[test]
fn a_signal_at_any_moment_leaves_a_playable_result_or_none() {
    let mut lost = Vec::new();
    let mut tried = 0;
    for (signal, status) in [("HUP", 129), ("TERM", 130), ("INT", 130)] {
        let folder = clip(8);
        for _ in 0..tries(2, 25) {
            let mut child = start(folder.path(), RUN);
            std::thread::sleep(Duration::from_millis(rand::rng().random_range(50..4000)));
            program::signal(signal, child.id());
            let ended = wait(&mut child, LIMIT);
            tried += 1;
            // A signal can come before it is handled, and after the work is done.
            let is_right = ended.code() == Some(status) || ended.code() == Some(0) || ended.signal().is_some();
            let problem = wrong(folder.path()).or((!is_right).then(|| format!("{ended}: {}", said(folder.path()))));
            lost.extend(problem.map(|problem| format!("{signal}: {problem}")));
            for name in ["out.mp4", "out.csv"] {
                let _ = fs::remove_file(folder.path().join(name));
            }
        }
    }
    report("signals HUP, TERM, INT", tried, &lost);
}

#[test]
fn what_a_killed_run_leaves_is_removed_by_the_next_one() {
    let folder = clip(8);
    let (mut lost, mut seen) = (Vec::new(), 0);
    for _ in 0..tries(2, 25) {
        let mut child = start(folder.path(), RUN);
        child_of(child.id(), "libx264").expect("an encoder");
        std::thread::sleep(Duration::from_millis(rand::rng().random_range(0..500)));
        child.kill().unwrap();
        child.wait().unwrap();
        seen += usize::from(!temporaries(folder.path()).is_empty());
        lost.extend(stays(&folder.path().display().to_string()).then(|| "a child stays".to_owned()));
        let mut next = start(folder.path(), "run clip.mp4 -o next.mp4 --device cpu --duration 0.2 -y");
        let ended = wait(&mut next, LIMIT);
        let left = temporaries(folder.path());
        lost.extend((!ended.success() || !left.is_empty()).then(|| format!("{ended}; {left:?} stays")));
    }
    assert!(seen > 0, "no killed run left a temporary file: the test shows nothing");
    report("SIGKILL, then the next run", tries(2, 25), &lost);
}

#[test]
fn a_run_that_is_paused_goes_on() {
    let folder = clip(2);
    for _ in 0..tries(1, 10) {
        let mut child = start(folder.path(), RUN);
        std::thread::sleep(Duration::from_millis(rand::rng().random_range(200..2500)));
        program::signal("STOP", child.id());
        std::thread::sleep(Duration::from_millis(1500));
        program::signal("CONT", child.id());
        assert!(wait(&mut child, LIMIT).success(), "{}", said(folder.path()));
        assert_eq!(frames(&folder.path().join("out.mp4")), Some(50));
    }
}

#[test]
fn a_hangup_that_is_ignored_stays_ignored() {
    let folder = clip(1);
    let program = salstream(folder.path()).get_program().to_owned();
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' HUP; exec \"$0\" run clip.mp4 -o out.mp4 --device cpu"]).arg(program);
    let mut child = command.current_dir(folder.path()).stderr(Stdio::null()).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(300));
    program::signal("HUP", child.id());
    assert!(wait(&mut child, LIMIT).success());
    assert_eq!(frames(&folder.path().join("out.mp4")), Some(25));
}
