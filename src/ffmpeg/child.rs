//! An `ffmpeg` child process whose complaints are read and whose failure is reported.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdin, Stdio};
use std::thread::JoinHandle;

use crate::{Error, Result};

/// A running `ffmpeg`. Dropped before [`Ffmpeg::wait`], it is killed.
pub struct Ffmpeg {
    child: Child,
    /// Its standard input, for raw frames.
    pub stdin: Option<ChildStdin>,
    complaints: Option<JoinHandle<Vec<String>>>,
}

/// Lines of complaints that are kept: the first ones name the cause.
const KEPT: usize = 20;

impl Ffmpeg {
    /// Starts `ffmpeg` with `args`.
    pub fn spawn<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Result<Self> {
        let mut command = super::command("ffmpeg");
        command.args(["-nostdin", "-hide_banner", "-loglevel", "error", "-y"]).args(args);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let failed = |e: std::io::Error| Error::Child { program: "ffmpeg", problem: format!("cannot be started: {e}") };
        let mut child = command.spawn().map_err(failed)?;
        let stdin = child.stdin.take();
        let complaints = child.stderr.take().map(|stderr| std::thread::spawn(move || drain(BufReader::new(stderr))));
        Ok(Self { child, stdin, complaints })
    }

    /// Closes its input, waits for its end and returns what it complained about.
    ///
    /// # Errors
    /// The cause that it gave, where it failed.
    pub fn wait(&mut self) -> Result<(), String> {
        drop(self.stdin.take());
        let status = self.child.wait().map_err(|e| e.to_string())?;
        let lines = self.complaints.take().and_then(|thread| thread.join().ok()).unwrap_or_default();
        if status.success() { Ok(()) } else { Err(cause(&lines).unwrap_or_else(|| format!("ended with {status}"))) }
    }
}

impl Drop for Ffmpeg {
    fn drop(&mut self) {
        drop(self.stdin.take());
        if self.complaints.is_some() {
            // Errors mean that it has ended already.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// Reads lines to the end, so that the writer never blocks, and keeps the first ones and the last.
fn drain(stderr: impl BufRead) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for line in stderr.lines().map_while(Result::ok).filter(|line| !line.trim().is_empty()) {
        if lines.len() > KEPT {
            lines.pop();
        }
        lines.push(line);
    }
    lines
}

/// The line that names the root cause: an operating-system reason if there is one, else the first complaint.
fn cause(lines: &[String]) -> Option<String> {
    const REASONS: [&str; 4] = ["No space left on device", "File too large", "Permission denied", "Input/output error"];
    let known = REASONS.into_iter().find(|reason| lines.iter().any(|line| line.contains(reason)));
    let first =
        || lines.first().map(|line| line.split_once("] ").map_or(&line[..], |(_, text)| text).trim().to_owned());
    known.map(str::to_owned).or_else(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_cause_is_found_among_the_complaints() {
        let lines = [
            "[mp4 @ 0x1] muxing failed",
            "av_interleaved_write_frame(): No space left on device",
            "Conversion failed!",
        ];
        assert_eq!(cause(&lines.map(str::to_owned)).as_deref(), Some("No space left on device"));
        assert_eq!(cause(&["[libx264 @ 0x1] broken".to_owned()]).as_deref(), Some("broken"));
    }

    #[test]
    fn a_flood_of_complaints_is_bounded() {
        let flood: String = (0..1000).map(|n| format!("line {n}\n")).collect();
        let lines = drain(flood.as_bytes());
        assert_eq!(lines.len(), KEPT + 1);
        assert_eq!(lines.last().map(String::as_str), Some("line 999"));
    }
}
