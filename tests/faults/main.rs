//! Faults injected while the program works: signals, children that die, freeze or babble, limits, hostile names. Whatever
//! happens, the result is whole or absent, the reason is one line, no process and no temporary file stays.
//!
//! `SALSTREAM_FULL=1` tries each kind of fault more often.

mod children;
mod clocks;
mod containers;
mod hostile_text;
mod limits;
mod network;
#[allow(dead_code, reason = "each test binary uses a part of it")]
#[path = "../support/processes.rs"]
mod processes;
#[allow(dead_code, reason = "each test binary uses a part of it")]
#[path = "../support/program.rs"]
mod program;
mod signals;

use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use crate::processes::{child_with, processes};
use crate::program::{ffmpeg, names, salstream};

/// How often to try a fault: `short` times, or `full` times with `SALSTREAM_FULL`.
fn tries(short: usize, full: usize) -> usize {
    if std::env::var_os("SALSTREAM_FULL").is_some() { full } else { short }
}

/// Prints a line of the table of faults, and fails if anything was lost.
fn report(kind: &str, tried: usize, lost: &[String]) {
    println!("{kind}: {tried} tried, {} lost", lost.len());
    assert!(tried > 0 && lost.is_empty(), "{kind}:\n{}", lost.join("\n"));
}

/// A folder with `clip.mp4`: `seconds` of picture and sound.
fn clip(seconds: u32) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let sources = format!("-f lavfi -i testsrc2=d={seconds}:r=25:s=320x180 -f lavfi -i sine=d={seconds}");
    ffmpeg(folder.path(), &format!("{sources} -c:v libx264 -preset ultrafast -pix_fmt yuv420p -c:a aac clip.mp4"));
    folder
}

/// Starts `salstream ARGS` in `folder`, with its messages in the file `said`.
fn start(folder: &Path, args: &str) -> Child {
    let said = std::fs::File::create(folder.join("said")).unwrap();
    let mut command = salstream(folder);
    command.args(args.split_whitespace()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(said);
    command.spawn().unwrap()
}

/// What the process that [`start`] started in `folder` has said.
fn said(folder: &Path) -> String {
    String::from_utf8_lossy(&std::fs::read(folder.join("said")).unwrap()).into_owned()
}

/// Waits for the end of a process; one that takes longer than `limit` is killed, and the test fails.
fn wait(child: &mut Child, limit: Duration) -> ExitStatus {
    let deadline = Instant::now() + limit;
    loop {
        match child.try_wait().unwrap() {
            Some(status) => return status,
            None if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(20)),
            None => {
                child.kill().unwrap();
                child.wait().unwrap();
                panic!("not ended after {limit:?}");
            }
        }
    }
}

/// Waits for a child of `parent` whose command line contains `word`.
fn child_of(parent: u32, word: &str) -> Option<u32> {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let found = child_with(parent, word);
        if found.is_some() || Instant::now() > deadline {
            return found;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Whether a process with a command line that contains `word` is still there after a few seconds.
fn stays(word: &str) -> bool {
    let deadline = Instant::now() + Duration::from_secs(5);
    loop {
        if !processes().iter().any(|process| process.command.contains(word)) {
            return false;
        }
        if Instant::now() > deadline {
            return true;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The names of temporary files in `folder`.
fn temporaries(folder: &Path) -> Vec<String> {
    names(folder).into_iter().filter(|name| name.starts_with(".salstream")).collect()
}

/// The number of frames of a video; `None` if it cannot be read, or not without complaints.
fn frames(path: &Path) -> Option<u64> {
    let (count, complaints) = counted_frames(path)?;
    complaints.is_empty().then_some(count)
}

/// The number of frames of a video that can be decoded, and what ffprobe complains about in the file.
fn counted_frames(path: &Path) -> Option<(u64, String)> {
    let mut command = Command::new("ffprobe");
    command.args(["-v", "error", "-count_frames", "-select_streams", "v:0", "-show_entries", "stream=nb_read_frames"]);
    let output = command.args(["-of", "default=nw=1:nk=1"]).arg(path).output().unwrap();
    let count = String::from_utf8_lossy(&output.stdout).trim().parse().ok()?;
    Some((count, String::from_utf8_lossy(&output.stderr).into_owned()))
}
