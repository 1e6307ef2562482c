//! An `ffmpeg` child process: collects its messages and reports its failure.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdin, ChildStdout, ExitStatus, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::pipe::fcntl_setpipe_size;

use crate::Result;
use crate::platform::child_process::{OnDeath, end_within, spawn};

/// A running `ffmpeg`. If it is dropped before [`Ffmpeg::wait`], it is killed.
pub struct Ffmpeg {
    child: Child,
    /// Its standard input, for raw frames.
    pub stdin: Option<ChildStdin>,
    /// Its standard output, for decoded frames.
    pub stdout: Option<ChildStdout>,
    complaints: Option<JoinHandle<Vec<String>>>,
}

/// Pipe size of its standard input in bytes: the maximum that Linux allows every user. With larger writes per frame,
/// there are fewer switches between the two processes.
const PIPE: usize = 1 << 20;

/// Number of message lines that are kept: the first ones name the cause, the last ones tell how it ended.
const MAX_KEPT_LINES: usize = 20;
const MAX_LAST_LINES: usize = 5;

impl Ffmpeg {
    /// Starts `ffmpeg` with `args`; it reads from [`Ffmpeg::stdin`].
    pub fn spawn<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Result<Self> {
        Self::spawn_writer(args, Stdio::null())
    }

    /// Starts `ffmpeg` with `args`; it reads from [`Ffmpeg::stdin`] and may write to `stdout`.
    pub fn spawn_writer<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>, stdout: Stdio) -> Result<Self> {
        Self::start(args, Stdio::piped(), stdout, OnDeath::Terminate, |_| {})
    }

    /// Starts `ffmpeg` with `args`; it writes to [`Ffmpeg::stdout`], and every line of its log goes to `watch`.
    pub fn spawn_reader<S: AsRef<OsStr>>(
        args: impl IntoIterator<Item = S>,
        stdin: Stdio,
        watch: impl FnMut(&str) + Send + 'static,
    ) -> Result<Self> {
        Self::start(args, stdin, Stdio::piped(), OnDeath::Kill, watch)
    }

    fn start<S: AsRef<OsStr>>(
        args: impl IntoIterator<Item = S>,
        stdin: Stdio,
        stdout: Stdio,
        on_death: OnDeath,
        watch: impl FnMut(&str) + Send + 'static,
    ) -> Result<Self> {
        let mut command = super::command::command("ffmpeg");
        command.args(["-nostdin", "-hide_banner", "-nostats", "-loglevel", "level+info", "-y"]).args(args);
        command.stdin(stdin).stdout(stdout).stderr(Stdio::piped());
        let mut child = spawn(command, on_death).map_err(|e| super::command::not_started("ffmpeg", &e))?;
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        // If the system refuses this size, the usual one works too.
        let _ = stdin.as_ref().map(|stdin| fcntl_setpipe_size(stdin, PIPE));
        let _ = stdout.as_ref().map(|stdout| fcntl_setpipe_size(stdout, PIPE));
        let complaints =
            child.stderr.take().map(|stderr| std::thread::spawn(move || drain(BufReader::new(stderr), watch)));
        Ok(Self { child, stdin, stdout, complaints })
    }

    /// Closes its input and output, waits until it ends, and returns its messages and whether it succeeded.
    ///
    /// # Errors
    /// The system's reason if it cannot be waited for.
    pub fn messages(&mut self) -> Result<(Vec<String>, bool), String> {
        self.end().map(|(status, lines)| (lines, status.success()))
    }

    fn end(&mut self) -> Result<(ExitStatus, Vec<String>), String> {
        drop((self.stdin.take(), self.stdout.take()));
        let status = self.child.wait().map_err(|e| e.to_string())?;
        Ok((status, self.complaints.take().and_then(|thread| thread.join().ok()).unwrap_or_default()))
    }

    /// Kills it unless it ends within `limit`. Its input must be closed.
    pub fn end_within(&mut self, limit: Duration) {
        end_within(&mut self.child, limit);
    }

    /// Closes its input, waits until it ends, and returns the errors that it overcame.
    ///
    /// # Errors
    /// The cause from its messages, if it failed. A disk that is full at the very end counts as a failure, although
    /// `ffmpeg` 5.1 exits with status 0 in this case.
    pub fn wait(&mut self) -> Result<Vec<String>, String> {
        let (status, lines) = self.end()?;
        match system_reason(&lines) {
            Some(reason) => Err(reason.into()),
            None if status.success() => Ok(lines),
            None => Err(first_complaint(&lines).unwrap_or_else(|| format!("ended with {status}"))),
        }
    }
}

impl Drop for Ffmpeg {
    fn drop(&mut self) {
        drop((self.stdin.take(), self.stdout.take()));
        if self.complaints.is_some() {
            // An error means that it has exited already.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// Reads all lines, so that the writer never blocks, and keeps the first and the last errors among them.
fn drain(mut stderr: impl BufRead, mut watch: impl FnMut(&str)) -> Vec<String> {
    let (mut errors, mut line): (Vec<String>, Vec<u8>) = Default::default();
    while stderr.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
        let text = String::from_utf8_lossy(&line);
        watch(&text);
        if let Some(error) = error_text(&text) {
            if errors.len() == MAX_KEPT_LINES + MAX_LAST_LINES {
                errors.remove(MAX_KEPT_LINES);
            }
            errors.push(error);
        }
        line.clear();
    }
    errors
}

/// The text of a line of the log without the mark of its level; `None` if it is not an error.
fn error_text(line: &str) -> Option<String> {
    let line = line.trim_end();
    let (part, text) = match line.split_once("] ") {
        Some((part, text)) if part.contains(" @ 0x") => (&line[..part.len() + 2], text),
        _ => ("", line),
    };
    let error = ["[error] ", "[fatal] ", "[panic] "].iter().find_map(|level| text.strip_prefix(level))?;
    Some(format!("{part}{error}"))
}

/// The operating system's reason in the messages, if there is one.
fn system_reason(lines: &[String]) -> Option<&'static str> {
    const REASONS: [&str; 4] = ["No space left on device", "File too large", "Permission denied", "Input/output error"];
    REASONS.into_iter().find(|reason| lines.iter().any(|line| line.contains(reason)))
}

/// The first message, without the prefix that names a part of ffmpeg.
pub fn first_complaint(lines: &[String]) -> Option<String> {
    let line = lines.first()?;
    Some(line.split_once("] ").map_or(&line[..], |(_, text)| text).trim().to_owned())
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
        let lines = lines.map(str::to_owned);
        assert_eq!(system_reason(&lines), Some("No space left on device"));
        assert_eq!(first_complaint(&lines).as_deref(), Some("muxing failed"));
        assert_eq!(system_reason(&lines[..1]), None);
    }

    #[test]
    fn errors_are_known_by_their_level() {
        let error = |line| error_text(line);
        assert_eq!(error("[h264 @ 0x1] [error] no frame!\n").as_deref(), Some("[h264 @ 0x1] no frame!"));
        assert_eq!(error("[fatal] Unknown encoder").as_deref(), Some("Unknown encoder"));
        assert_eq!(error("[info]     title           : [error] in a title"), None);
        assert_eq!(error("[mpegts @ 0x1] [warning] DTS out of order"), None);
    }

    #[test]
    fn a_flood_of_complaints_is_bounded() {
        let flood: String = (0..1000).map(|n| format!("[error] line {n}\n[info] fine\n")).collect();
        let lines = drain(flood.as_bytes(), |_| {});
        assert_eq!(lines.len(), MAX_KEPT_LINES + MAX_LAST_LINES);
        assert_eq!(lines.last().map(String::as_str), Some("line 999"));
    }
}
