//! The programs `ffmpeg` and `ffprobe`: how to start them, how to name files for them, and how to read their output.

mod bounded_writer;
mod child;
mod command;
pub mod matroska;
mod packets;
mod showinfo;

use std::sync::OnceLock;
use std::time::Duration;

pub use self::bounded_writer::BoundedWriter;
pub use self::child::{Ffmpeg, first_complaint};
pub use self::command::{STANDARD_INPUT, command, ffprobe, input_args, is_url, media_name, not_started, own_clock};
pub use self::packets::packets;
pub use self::showinfo::{PictureShape, SHOWINFO};
use crate::platform::child_process::output_within;
use crate::{Error, Result};

/// How long a program may take to tell its version.
const VERSION_TIMEOUT: Duration = Duration::from_secs(20);

/// The version that `program` reports; `None` if it is not installed.
///
/// # Errors
/// [`Error::Child`] if it cannot be started for another reason, such as too many open files, or if it fails.
pub fn version(program: &'static str) -> Result<Option<String>> {
    let mut asked = command(program);
    asked.arg("-version");
    let output = match output_within(asked, VERSION_TIMEOUT) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        other => other.map_err(|e| not_started(program, &e))?,
    };
    if !output.status.success() {
        return Err(Error::Child { program, problem: format!("starts and fails ({})", output.status) });
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().next().unwrap_or_default();
    Ok(Some(line.split(" Copyright").next().unwrap_or_default().to_owned()))
}

/// Whether `ffmpeg` is installed. The answer is cached, because asking takes about 60 ms.
///
/// # Errors
/// Those of [`version`]: that it cannot be started does not mean that it is missing.
pub fn is_available() -> Result<bool> {
    static KNOWN: OnceLock<bool> = OnceLock::new();
    if let Some(known) = KNOWN.get() {
        return Ok(*known);
    }
    let is_installed = version("ffmpeg")?.is_some();
    Ok(*KNOWN.get_or_init(|| is_installed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_is_missing_or_fails_has_no_version() {
        assert_eq!(version("salstream-no-such-program").unwrap(), None);
        assert!(version("false").is_err_and(|why| why.to_string().contains("fails")));
    }
}
