//! How ffmpeg and ffprobe are started, and how files are named for them.

use std::ffi::{OsStr, OsString};
use std::io::ErrorKind;
use std::process::{Command, Stdio};

use crate::Error;

/// A command without input, in its own process group. Ctrl-C in a terminal must reach this program only, so that files
/// are closed properly and answers are complete.
pub fn command(program: &str) -> Command {
    let mut command = Command::new(program);
    command.stdin(Stdio::null());
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    command
}

/// An `ffprobe` command for `location`, which prints only errors.
pub fn ffprobe(location: &OsStr) -> Command {
    let mut command = command("ffprobe");
    command.args(["-v", "error"]).args(input_args(location));
    command
}

/// Standard input, as FFmpeg takes it; `pipe:0` could be the name of a file.
pub const STANDARD_INPUT: &str = "pipe://0";

/// The arguments with which `ffmpeg` and `ffprobe` open `location`. A list of other files, such as a playlist, may lead
/// from a file only to files, and from a web address only to the web.
pub fn input_args(location: &OsStr) -> Vec<OsString> {
    const WEB: &str = "http,https,httpproxy,tcp,tls,crypto,data";
    let mut args: Vec<OsString> = match location.to_str() {
        Some(STANDARD_INPUT) => ["-protocol_whitelist", "pipe"].map(Into::into).to_vec(),
        Some(url) if url.starts_with("http://") || url.starts_with("https://") => {
            ["-rw_timeout", READ_TIMEOUT_MICROS, "-protocol_whitelist", WEB].map(Into::into).to_vec()
        }
        Some(url) if is_url(url) => ["-rw_timeout", READ_TIMEOUT_MICROS].map(Into::into).to_vec(),
        _ => ["-protocol_whitelist", "file,crypto,data"].map(Into::into).to_vec(),
    };
    args.extend(["-i".into(), media_name(location)]);
    args
}

/// Timeout of a network stream in microseconds.
const READ_TIMEOUT_MICROS: &str = "15000000";

/// The `-itsoffset` for an `offset` of an input that is read from `seek` seconds on. FFmpeg corrects the start of
/// formats such as MPEG-TS to that of the streams that are used, unless the timestamps are moved: then a stream loses
/// its distance from the others.
pub fn own_clock(offset: f64, seek: f64) -> f64 {
    const MICROSECOND: f64 = 1e-6;
    if (offset - seek).abs() < MICROSECOND { offset + MICROSECOND } else { offset }
}

/// The name with which FFmpeg takes a file literally, whatever characters it contains. A URL is not changed.
pub fn media_name(location: &OsStr) -> OsString {
    if location.to_str().is_some_and(|text| text == STANDARD_INPUT || is_url(text)) {
        return location.to_owned();
    }
    let mut name = OsString::from("file:");
    name.push(location);
    name
}

/// Whether `text` starts with a scheme and `://`.
pub fn is_url(text: &str) -> bool {
    let Some((scheme, _)) = text.split_once("://") else { return false };
    scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
}

/// The error of a `program` that the system did not start, or that a signal to this process has ended.
pub fn not_started(program: &'static str, error: &std::io::Error) -> Error {
    match error.kind() {
        ErrorKind::Interrupted => Error::Interrupted,
        _ => Error::Child { program, problem: format!("cannot be started: {error}") },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_named_literally_and_addresses_as_they_are() {
        let named = |location: &str| media_name(OsStr::new(location)).into_string();
        assert_eq!(named("a:b.mp4"), Ok("file:a:b.mp4".into()));
        assert_eq!(named("rtsp://host/live"), Ok("rtsp://host/live".into()));
    }
}
