//! The programs `ffmpeg` and `ffprobe`: how to start them, how to name files for them, and how to read their output.

mod child;
mod command;
pub mod matroska;
mod packets;
mod showinfo;
mod silence;

use std::sync::LazyLock;

pub use self::child::{Ffmpeg, first_complaint};
pub use self::command::{STANDARD_INPUT, command, ffprobe, input_args, is_url, media_name, own_clock};
pub use self::packets::packets;
pub use self::showinfo::{PictureShape, SHOWINFO};
pub use self::silence::silence_ffmpeg;

/// The version that `program` reports.
///
/// # Errors
/// The reason if it reports none: it is not installed, or it fails.
pub fn version(program: &str) -> Result<String, String> {
    let output = match command(program).arg("-version").output() {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Err("not found".into()),
        other => other.map_err(|e| format!("cannot be started ({e})"))?,
    };
    if !output.status.success() {
        return Err(format!("starts and fails ({})", output.status));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().next().unwrap_or_default();
    Ok(line.split(" Copyright").next().unwrap_or_default().to_owned())
}

/// Whether a working `ffmpeg` is installed. The answer is cached, because asking takes about 60 ms.
pub fn is_available() -> bool {
    static KNOWN: LazyLock<bool> = LazyLock::new(|| version("ffmpeg").is_ok());
    *KNOWN
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_is_missing_or_fails_has_no_version() {
        assert_eq!(version("salstream-no-such-program"), Err("not found".into()));
        assert!(version("false").is_err_and(|why| why.contains("fails")));
    }
}
