//! Several processes in one results folder: each has its own files, and only one batch has the folder.

use std::fs;
use std::path::Path;
use std::process::{Child, Output, Stdio};
use std::time::{Duration, Instant};

use crate::program::{assert_refused, interrupt, names, probe, text};
use crate::{MODEL, batch, children, clips, counts, long, program, relative, run, salstream, wait_for_encoder};

fn begin(folder: &Path, args: &str) -> Child {
    batch(folder, args).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

/// The hidden files and folders in `out`.
fn hidden(folder: &Path) -> Vec<String> {
    names(&folder.join("out")).into_iter().filter(|name| name.starts_with('.')).collect()
}

/// Kills a process and all its children and grandchildren, so that nobody can clean up.
fn kill_family(mut child: Child) {
    let family: Vec<String> = children(child.id());
    let encoders: Vec<String> = family.iter().flat_map(|pid| children(pid.parse().unwrap())).collect();
    child.kill().unwrap();
    family.iter().chain(&encoders).for_each(|pid| _ = program::signal("KILL", pid));
    child.wait().unwrap();
}

#[test]
fn a_second_batch_on_a_folder_is_refused_and_told_who_has_it() {
    let folder = clips(2);
    let at = folder.path();
    long(at, "in/long.mp4");
    let first = begin(at, "in -o out");
    wait_for_encoder(&first, || true);
    let pid = format!("process {} on ", first.id());
    let before = hidden(at);
    for args in ["in -o out", "in/0.mp4 -o out --split 5", "in -o out --shard 1/2"] {
        assert_refused(&run(at, args), 1, &["out: another batch is working in this folder", &pid, "second"]);
    }
    let merge = salstream(at).args(["batch", "--merge", "out"]).output().unwrap();
    assert_refused(&merge, 1, &[&pid]);
    assert!(text(&run(at, "in -o out --dry-run").stdout).contains("in/long.mp4"), "a plan needs no lock");
    assert!(before.iter().all(|name| hidden(at).contains(name)), "its files are still there");
    let first = first.wait_with_output().unwrap();
    assert!(first.status.success() && counts(&first) == [3, 0, 0], "{}", text(&first.stderr));
    assert_eq!(hidden(at), [""; 0]);
    assert_eq!(counts(&run(at, "in -o out")), [0, 3, 0]);
}

#[test]
fn of_eight_batches_at_once_one_works_and_of_eight_parts_all() {
    let folder = clips(3);
    let at = folder.path();
    long(at, "in/long.mp4");
    let outputs = |args: &dyn Fn(usize) -> String| -> Vec<Output> {
        let children: Vec<Child> = (1..=8).map(|index| begin(at, &args(index))).collect();
        children.into_iter().map(|child| child.wait_with_output().unwrap()).collect()
    };
    let (worked, refused): (Vec<Output>, Vec<Output>) =
        outputs(&|_| "in -o out --jobs 1 --duration 3".into()).into_iter().partition(|output| output.status.success());
    // One that begins late finds everything done.
    let (done, skipped): (usize, usize) =
        worked.iter().map(counts).fold((0, 0), |sum, [done, skipped, _]| (sum.0 + done, sum.1 + skipped));
    assert_eq!((done, skipped), (4, 4 * (worked.len() - 1)), "{worked:?}");
    assert!(!refused.is_empty());
    refused.iter().for_each(|output| assert_refused(output, 1, &["another batch is working in this folder"]));
    let parts = outputs(&|index| format!("in -o parts --jobs 1 --duration 3 --shard {index}/8"));
    let done = parts.iter().map(|part| counts(part)[0]).sum::<usize>();
    assert_eq!(done, 4, "{:?}", parts.iter().map(|part| text(&part.stderr)).collect::<Vec<_>>());
    let merged = salstream(at).args(["batch", "--merge", "parts"]).output().unwrap();
    assert!(merged.status.success() && counts(&merged) == [4, 0, 0], "{}", text(&merged.stderr));
    assert!(relative(&at.join("out")) == relative(&at.join("parts")));
}

#[test]
fn the_folder_of_a_batch_that_was_killed_is_taken_over_and_cleared() {
    let folder = clips(2);
    let at = folder.path();
    long(at, "in/long.mp4");
    let child = begin(at, "in -o out --maps --duration 4");
    wait_for_encoder(&child, || hidden(at).len() > 2);
    kill_family(child);
    assert!(hidden(at).len() > 2, "nothing was left behind: {:?}", hidden(at));
    let again = run(at, "in -o out --maps --duration 4");
    assert!(again.status.success(), "{}", text(&again.stderr));
    assert_eq!(hidden(at), [""; 0]);
}

fn begin_run(folder: &Path, output: &str) -> Child {
    let mut command = salstream(folder);
    command.args(["run", "in/long.mp4", "--device", "cpu", "--precision", "f32", "--preprocess", "unit"]);
    command.args(["--model", MODEL, "-o", output, "--records", "out/mine.jsonl", "--maps", "out/mine"]);
    command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Waits until the run has its video, records and maps open.
fn wait_for_run(child: &Child, folder: &Path) {
    let own = format!("-{}-", child.id());
    let since = Instant::now();
    while hidden(folder).iter().filter(|name| name.contains(&own)).count() < 3 {
        assert!(since.elapsed() < Duration::from_secs(30), "nothing is written");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_batch_leaves_the_files_of_a_run_alone_that_writes_in_its_folder() {
    let folder = clips(2);
    let at = folder.path();
    long(at, "in/long.mp4");
    fs::create_dir(at.join("out")).unwrap();
    let child = begin_run(at, "out/mine.mp4");
    wait_for_run(&child, at);
    let whole = run(at, "in/0.mp4 in/sub -o out");
    assert!(whole.status.success() && counts(&whole) == [2, 0, 0], "{}", text(&whole.stderr));
    assert!(!at.join("out/mine.mp4").exists(), "the batch has begun and ended while the run was in progress");
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(probe(&at.join("out/mine.mp4"), "v", "stream=nb_read_packets"), "300");
    assert_eq!(names(&at.join("out/mine")).len(), 300);
    assert_eq!(hidden(at), [""; 0]);
}

#[test]
fn a_run_clears_what_a_killed_one_left_and_not_what_another_is_writing() {
    let folder = clips(1);
    let at = folder.path();
    long(at, "in/long.mp4");
    fs::create_dir(at.join("out")).unwrap();
    let killed = begin_run(at, "out/lost.mp4");
    wait_for_run(&killed, at);
    kill_family(killed);
    let left = hidden(at);
    assert_eq!(left.len(), 3, "video, records and maps: {left:?}");
    let other = begin_run(at, "out/other.mp4");
    wait_for_run(&other, at);
    assert!(hidden(at).len() == 3 && !hidden(at).iter().any(|name| left.contains(name)), "{:?}", hidden(at));
    interrupt(&other.id().to_string());
    assert_eq!(other.wait_with_output().unwrap().status.code(), Some(130));
    assert_eq!(hidden(at), [""; 0]);
}

#[test]
fn a_result_whose_bytes_never_reached_the_disk_is_not_done() {
    let folder = clips(2);
    let at = folder.path();
    let args = "in -o out --maps --records csv";
    assert_eq!(counts(&run(at, args)), [2, 0, 0]);
    for file in ["0.mp4", "0.jpg", "0.csv", "0.maps/000000.png"] {
        let path = at.join("out").join(file);
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, vec![0; bytes.len()]).unwrap();
        let plan = text(&run(at, &format!("{args} --dry-run")).stdout);
        assert_eq!(plan, "redo  in/0.mp4: its result is missing or damaged\nskip  in/sub/1.mkv\n", "{file}");
        fs::write(&path, bytes).unwrap();
    }
    assert_eq!(counts(&run(at, args)), [0, 2, 0]);
}
