//! A recorder that is started again, killed, or robbed of its disk or its encoder always records again.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use tempfile::tempdir;

use crate::processes::child_with;
use crate::program::{self, assert_refused, names, probe, text};
use crate::session::{Session, clip, live};

/// Asserts that each of these recordings can be played.
fn assert_playable(folder: &Path, files: &[String]) {
    for file in files {
        let frames: u32 = probe(&folder.join(file), "v", "stream=nb_read_packets").parse().unwrap_or(0);
        assert!(frames > 0, "{file} has no frames");
    }
}

fn recordings(folder: &Path) -> Vec<String> {
    names(folder).into_iter().filter(|name| name.starts_with("day")).collect()
}

/// Waits until `ready`.
fn wait(what: &str, ready: impl Fn() -> bool) {
    let began = Instant::now();
    while !ready() {
        assert!(began.elapsed() < Duration::from_secs(40), "not {what} within 40 s");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The encoder of a session.
fn encoder(session: &Session) -> Option<u32> {
    child_with(session.process.0.id(), "libx264")
}

fn end(mut session: Session) -> Option<i32> {
    session.signal("TERM");
    session.process.0.wait().unwrap().code()
}

#[test]
fn a_recorder_that_is_started_again_goes_on_at_the_next_number() {
    let folder = tempdir().unwrap();
    let at = folder.path();
    clip(at, "clip.mp4", 3);
    let record =
        |more: &str| -> Output { live(at, &format!("clip.mp4 -o day.mp4 --segment 60 {more}")).output().unwrap() };
    assert!(record("").status.success());
    let first = fs::read(at.join("day-001.mp4")).unwrap();
    let again = record("--serve 127.0.0.1:0 -y");
    assert!(again.status.success() && text(&again.stderr).contains("day-002.mp4"), "{}", text(&again.stderr));
    let mut session = Session::start(at, "clip.mp4 --loop -o day.mp4 --segment 60");
    session.wait_for_pictures(90);
    session.signal("KILL");
    session.process.0.wait().unwrap();
    std::thread::sleep(Duration::from_millis(500));
    assert!(record("").status.success());
    assert_eq!(recordings(at), [1, 2, 3, 4].map(|number| format!("day-00{number}.mp4")));
    assert_playable(at, &recordings(at));
    assert_eq!(fs::read(at.join("day-001.mp4")).unwrap(), first, "an existing file was replaced");
    for more in ["", "--serve 127.0.0.1:0"] {
        let output = live(at, &format!("clip.mp4 -o day-001.mp4 {more}")).output().unwrap();
        assert_refused(&output, 2, &["day-001.mp4", "already exists", "-y"]);
    }
}

#[test]
fn an_encoder_that_is_killed_costs_a_moment_not_the_recording() {
    assert_comes_back_after("KILL");
}

#[test]
fn an_encoder_that_freezes_is_replaced() {
    assert_comes_back_after("STOP");
}

/// Sends `signal` to the encoder of a recording, which must come back in a new file.
fn assert_comes_back_after(signal: &str) {
    let folder = tempdir().unwrap();
    let at = folder.path();
    clip(at, "clip.mp4", 3);
    let session = Session::start(at, "clip.mp4 --loop -o day.mp4");
    session.wait_for_pictures(90);
    assert!(program::signal(signal, encoder(&session).unwrap()));
    let stopped = session.wait("stopped", |state| !state["state"]["recording_trouble"].is_null());
    assert!(stopped["state"]["notice"].as_str().unwrap().contains("the recording has stopped: day.mp4"), "{stopped}");
    session.wait("back", |state| {
        state["state"]["recording"] == "day-002.mp4" && state["state"]["recording_trouble"].is_null()
    });
    session.wait_for_pictures(30);
    let said = session.said();
    assert_eq!(said.matches("warning: the recording has stopped: day.mp4").count(), 1, "{said}");
    assert_eq!(said.matches("warning: the recording goes on in day-002.mp4; ").count(), 1, "{said}");
    assert_eq!(end(session), Some(1), "the status tells that something is lost");
    assert_eq!(recordings(at), ["day-002.mp4", "day.mp4"]);
    assert_playable(at, &recordings(at));
}

/// A small file system, until the end of a test.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn new(at: PathBuf) -> Self {
        fs::create_dir(&at).unwrap();
        assert!(
            Command::new("mount").args(["-t", "tmpfs", "-o", "size=1m", "none"]).arg(&at).status().unwrap().success()
        );
        Self(at)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").args(["--lazy"]).arg(&self.0).status();
    }
}

#[test]
#[ignore = "needs permission to mount a tmpfs"]
fn a_recording_on_a_full_disk_comes_back_when_there_is_room() {
    let folder = tempdir().unwrap();
    let at = folder.path();
    clip(at, "clip.mp4", 3);
    let disk = SmallDisk::new(at.join("disk"));
    let session = Session::start(at, "clip.mp4 --loop --crf 0 -o disk/day.mp4 --segment 60");
    session.wait("stopped", |state| !state["state"]["recording_trouble"].is_null());
    // The line may be read a little later than the state.
    wait("said", || session.said().contains("warning: the recording has stopped: disk/day-001.mp4: "));
    assert!(session.said().contains("No space left"), "{}", session.said());
    let more = Command::new("mount").args(["-o", "remount,size=200m"]).arg(&disk.0).status().unwrap();
    assert!(more.success());
    session.wait("back", |state| state["state"]["recording_trouble"].is_null());
    session.wait_for_pictures(30);
    assert!(session.said().contains("warning: the recording goes on in disk/day-002.mp4; "), "{}", session.said());
    assert_eq!(end(session), Some(1));
    assert_eq!(recordings(&disk.0), ["day-001.mp4", "day-002.mp4"], "files without pictures are left behind");
    assert_playable(&disk.0, &recordings(&disk.0));
}

#[test]
fn a_folder_that_goes_away_and_comes_back_is_recorded_to_again() {
    let folder = tempdir().unwrap();
    let at = folder.path();
    clip(at, "clip.mp4", 3);
    fs::create_dir(at.join("disk")).unwrap();
    let session = Session::start(at, "clip.mp4 --loop -o disk/day.mp4 --segment 1");
    wait("recording", || at.join("disk/day-001.mp4").exists());
    fs::rename(at.join("disk"), at.join("gone")).unwrap();
    session.wait("stopped", |state| !state["state"]["recording_trouble"].is_null());
    fs::create_dir(at.join("disk")).unwrap();
    session.wait("back", |state| state["state"]["recording_trouble"].is_null());
    assert_eq!(end(session), Some(1));
    assert_playable(&at.join("disk"), &recordings(&at.join("disk")));
}

#[test]
fn only_so_much_is_kept_of_the_own_segments() {
    let folder = tempdir().unwrap();
    let at = folder.path();
    clip(at, "clip.mp4", 3);
    fs::write(at.join("day.txt"), "foreign").unwrap();
    fs::write(at.join("days-001.mp4"), vec![0; 1_000_000]).unwrap();
    let session = Session::start(at, "clip.mp4 --loop -o day.mp4 --segment 1 --keep 1kB");
    let has = |number: u32| at.join(format!("day-{number:03}.mp4")).exists();
    wait("recorded", || has(5));
    wait("removed", || !has(1) && !has(2));
    let said = session.said();
    assert!(said.contains("note: removed day-001.mp4") && !said.contains("warning: "), "{said}");
    assert_eq!(end(session), Some(130));
    let left = recordings(at);
    assert!(left.len() <= 6 && ["day.txt", "days-001.mp4"].iter().all(|name| left.contains(&(*name).to_owned())));
    let output = live(at, "clip.mp4 -o day.mp4 --keep 1GB").output().unwrap();
    assert_eq!(output.status.code(), Some(2), "--keep is for segments");
}
