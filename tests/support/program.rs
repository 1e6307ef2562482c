//! What the tests share: the program under test, small clips, and ffprobe on results.

use std::fmt::Display;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// The binary, with `folder` as its working folder.
pub fn salstream(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_salstream"));
    command.current_dir(folder);
    command
}

/// Runs `ffmpeg ARGS` in `folder`; if it fails, the test fails.
pub fn ffmpeg(folder: &Path, args: &str) {
    let mut command = Command::new("ffmpeg");
    command.current_dir(folder).args(["-nostdin", "-v", "error", "-y"]).args(args.split_whitespace());
    let output = command.output().expect("ffmpeg runs; scripts/setup installs it");
    assert!(output.status.success(), "ffmpeg {args}: {}", text(&output.stderr));
}

/// Sends a signal, by its name, with the shell's built-in `kill`: a small machine may have no `kill` program. Returns
/// whether there was such a process.
pub fn signal(name: &str, process: impl Display) -> bool {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("kill -{name} {process}")]).stderr(Stdio::null());
    command.status().unwrap().success()
}

/// Sends SIGINT.
pub fn interrupt(process: &str) {
    assert!(signal("INT", process));
}

/// The value that `ffprobe -show_entries ENTRY` prints for the first stream of a kind (`v`, `a`).
pub fn probe(path: &Path, stream: &str, entry: &str) -> String {
    let mut command = Command::new("ffprobe");
    command.args(["-v", "error", "-count_packets", "-select_streams", &format!("{stream}:0")]);
    command.args(["-show_entries", entry, "-of", "default=nw=1:nk=1"]).arg(path);
    let output = command.output().expect("ffprobe runs; scripts/setup installs it");
    assert!(output.status.success(), "{}: {}", path.display(), text(&output.stderr));
    text(&output.stdout).lines().next().unwrap_or_default().to_owned()
}

/// Bytes as text.
pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Asserts that a run failed with `status` and one error line on stderr that contains all of `words`.
pub fn assert_refused(output: &Output, status: i32, words: &[&str]) {
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{stderr}");
    let (notes, errors): (Vec<_>, Vec<_>) = stderr.lines().partition(|line| is_note(line));
    assert!(errors.len() == 1 && errors[0].starts_with("error: "), "one error line: {stderr}; notes: {notes:?}");
    for word in words {
        assert!(errors[0].contains(word), "no '{word}' in: {}", errors[0]);
    }
    assert!(!stderr.contains("panicked"), "{stderr}");
}

/// Whether the line is a note or the closing line of a run that kept partial output.
fn is_note(line: &str) -> bool {
    line.starts_with("note: ") || line.contains(" frames in ")
}

/// The file names in a folder, sorted.
pub fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}
