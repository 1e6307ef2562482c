//! Read-only folders, full disks, names that are too long, and inputs that disappear.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::program::{assert_refused, names, text};
use crate::{batch, clips, counts, long, run, wait_for_encoder};

/// A change, such as a mount, that a command undoes.
struct Undo(&'static str, PathBuf);

impl Undo {
    fn after(command: &str, undo: &'static str, folder: &Path) -> Self {
        let status = Command::new("sh").args(["-c", command, "sh"]).arg(folder).status().unwrap();
        assert!(status.success(), "this machine does not allow `{command}`");
        Self(undo, folder.to_owned())
    }
}

impl Drop for Undo {
    fn drop(&mut self) {
        let _ = Command::new("sh").args(["-c", self.0, "sh"]).arg(&self.1).status();
    }
}

#[test]
#[ignore = "needs permission to mount a tmpfs"]
fn a_folder_that_cannot_be_written_is_told_at_the_start() {
    let folder = clips(1);
    let at = folder.path();
    let out = at.join("out");
    fs::create_dir(&out).unwrap();
    // Permission bits stop everybody but root; the second way needs root.
    let command = "chmod 555 $1; test ! -w $1 || mount -t tmpfs -o ro none $1";
    let undo = "umount $1 2>/dev/null; chmod 755 $1";
    let _undo = Undo::after(command, undo, &out);
    assert_refused(&run(at, "in -o out"), 1, &["out", "cannot write to the folder"]);
    assert_refused(&run(at, "in -o out/below"), 1, &["out/below", "cannot be created"]);
}

#[test]
#[ignore = "needs permission to mount a tmpfs"]
fn a_full_disk_tells_how_much_is_needed_and_goes_on_when_there_is_room() {
    let folder = clips(2);
    let at = folder.path();
    long(at, "in/long.mp4");
    let out = at.join("out");
    fs::create_dir(&out).unwrap();
    let mount = "mount -t tmpfs -o size=1m none $1";
    let _undo = Undo::after(mount, "umount $1", &out);
    let output = run(at, "in -o out --crf 0 --jobs 1");
    let said = text(&output.stderr);
    assert_eq!((output.status.code(), counts(&output)), (Some(1), [2, 0, 1]), "{said}");
    assert!(said.contains("failed  in/long.mp4: ") && said.contains("No space left on device"), "{said}");
    assert!(said.contains("needed for 1 more clip: make room"), "{said}");
    assert!(names(&out).iter().all(|name| !name.starts_with('.') && !name.starts_with("long")));
    let more = Command::new("mount").args(["-o", "remount,size=100m"]).arg(&out).status().unwrap();
    assert!(more.success());
    assert_eq!(counts(&run(at, "in -o out --crf 0 --jobs 1")), [1, 2, 0]);
}

#[test]
fn a_name_whose_results_have_none_costs_that_clip_only() {
    let folder = clips(2);
    let at = folder.path();
    let name = format!("{}.mp4", "x".repeat(251));
    fs::copy(at.join("in/0.mp4"), at.join("in").join(&name)).unwrap();
    let output = run(at, "in -o out");
    let said = text(&output.stderr);
    assert_eq!((output.status.code(), counts(&output)), (Some(1), [2, 0, 1]), "{said}");
    let line = said.lines().find(|line| line.starts_with("  failed  ")).unwrap();
    assert!(line.contains(&name) && line.ends_with("at most 245 bytes without its extension"), "{line}");
}

#[test]
fn an_input_that_goes_away_costs_that_clip_only() {
    let folder = clips(1);
    let at = folder.path();
    long(at, "in/a.mp4");
    long(at, "in/b.mp4");
    let child = batch(at, "in -o out --jobs 1").stderr(Stdio::piped()).spawn().unwrap();
    wait_for_encoder(&child, || at.join("out/0.done.json").exists());
    fs::remove_file(at.join("in/a.mp4")).unwrap();
    fs::remove_file(at.join("in/b.mp4")).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = text(&output.stderr);
    assert_eq!((output.status.code(), counts(&output)), (Some(1), [1, 0, 2]), "{said}");
    // The first clip fails when it is opened or, if that came before, when its result is verified.
    assert_eq!(
        said.to_lowercase().matches("no such file").count(),
        4,
        "each once when it happens and once in the table: {said}"
    );
    assert_eq!((said.matches("in/a.mp4: ").count(), said.matches("in/b.mp4: ").count()), (2, 2), "{said}");
}

#[test]
fn results_beside_the_inputs_are_refused_or_kept_apart() {
    let folder = clips(2);
    let at = folder.path();
    let before = fs::read(at.join("in/0.mp4")).unwrap();
    assert_refused(&run(at, "in -o in"), 2, &["in", "results folder"]);
    let same = run(at, "in/0.mp4 -o in");
    assert!(text(&same.stderr).contains("the output is the input itself"), "{}", text(&same.stderr));
    assert_eq!((same.status.code(), counts(&same)), (Some(1), [0, 0, 1]));
    assert_eq!(fs::read(at.join("in/0.mp4")).unwrap(), before);
    // Inputs in a folder below the results' folder are still inputs.
    fs::create_dir(at.join("all")).unwrap();
    fs::rename(at.join("in"), at.join("all/in")).unwrap();
    assert_eq!(counts(&run(at, "all/in -o all")), [2, 0, 0]);
    assert_eq!(counts(&run(at, "all/in -o all")), [0, 2, 0]);
}
