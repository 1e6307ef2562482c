//! The error type of this crate: what went wrong, where, and what to do about it, in a single line.

use std::fmt::Display;
use std::path::{Path, PathBuf};

use crate::address::without_secrets;

/// Shorthand for a result with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that can go wrong. Each variant prints as one line that states where the problem is
/// and what to do. Passwords in addresses are not shown.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The command line is invalid; exit status 2.
    #[error("{}", without_secrets(.0))]
    Usage(String),
    /// The input cannot be read as the type that it claims to be.
    #[error("{}", about(path.display(), problem))]
    Input { path: PathBuf, problem: String },
    /// The output cannot be written.
    #[error("{}", about(path.display(), problem))]
    Output { path: PathBuf, problem: String },
    /// An operating-system error about one path.
    #[error("{}", about(path.display(), source))]
    Io { path: PathBuf, source: std::io::Error },
    /// The model file cannot be used.
    #[error("{}", about(path.display(), problem))]
    Model { path: PathBuf, problem: String },
    /// The graph is malformed, or the gradient compiler cannot differentiate it.
    #[error("{0}")]
    Graph(String),
    /// ONNX Runtime is missing, has the wrong version, or failed.
    #[error("ONNX Runtime: {0}")]
    Runtime(String),
    /// OpenCV failed inside a computation on a decoded frame.
    #[error("{}", opencv_problem(.0))]
    OpenCv(#[from] opencv::Error),
    /// A helper program (ffmpeg, ffprobe) failed.
    #[error("{}", about(program, problem))]
    Child { program: &'static str, problem: String },
    /// A signal has ended the work before there was a result.
    #[error("stopped before the first frame, nothing was written")]
    Interrupted,
    /// The receiving stage has stopped. Its own error follows, and this one is never shown.
    #[error("stopped")]
    Stopped,
    /// The program that reads standard output has ended, so nobody needs the rest; exit status 0, without a message.
    #[error("the reader of the output has ended")]
    ReaderGone,
    /// A stage of the pipeline panicked, which is a bug in this program.
    #[error("internal error in the {stage} stage: {message} (please report this)")]
    Panic { stage: String, message: String },
}

/// What OpenCV's error says.
fn opencv_problem(error: &opencv::Error) -> String {
    match error.code {
        opencv::core::StsNoMem => "not enough memory: close other programs, or choose a smaller clip".into(),
        _ => format!("OpenCV: {error}"),
    }
}

/// The message about a problem with `place`.
fn about(place: impl Display, problem: impl Display) -> String {
    without_secrets(&format!("{place}: {problem}")).into_owned()
}

impl Error {
    /// Creates an [`Error::Io`] for `path`, for use with `map_err`.
    pub fn io(path: impl AsRef<Path>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.as_ref().to_owned();
        move |source| Self::Io { path, source }
    }

    /// Creates an [`Error::Input`] for `path`.
    pub fn input(path: impl AsRef<Path>, problem: impl Into<String>) -> Self {
        Self::Input { path: path.as_ref().to_owned(), problem: problem.into() }
    }

    /// Creates an [`Error::Output`] for `path`.
    pub fn output(path: impl AsRef<Path>, problem: impl Into<String>) -> Self {
        Self::Output { path: path.as_ref().to_owned(), problem: problem.into() }
    }

    /// Creates an [`Error::Model`] for `path`. Control characters, which names inside a model may
    /// contain, become spaces.
    pub fn model(path: impl AsRef<Path>, problem: impl Into<String>) -> Self {
        Self::Model { path: path.as_ref().to_owned(), problem: problem.into().replace(char::is_control, " ") }
    }

    /// The process exit status for this error: 2 for invalid usage, otherwise 1.
    pub fn exit_status(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            Self::ReaderGone => 0,
            _ => 1,
        }
    }
}

impl From<onnx_grad::Error> for Error {
    fn from(error: onnx_grad::Error) -> Self {
        match error {
            onnx_grad::Error::Request(problem) => Self::Usage(problem),
            onnx_grad::Error::Graph(problem) => Self::Graph(problem),
            onnx_grad::Error::Io { path, source } => Self::Io { path, source },
            onnx_grad::Error::Model { path, problem } => Self::Model { path, problem },
            onnx_grad::Error::Output { path, problem } => Self::Output { path, problem },
        }
    }
}

impl From<ort::Error> for Error {
    fn from(e: ort::Error) -> Self {
        Self::Runtime(brief(&e))
    }
}

/// The longest part of a runtime's message to show.
const MAX_MESSAGE_BYTES: usize = 240;

/// The end of a message on one line. The end states what is wrong; signatures of C++ functions come
/// before it.
pub fn brief(error: &impl Display) -> String {
    let text = error.to_string();
    let words: Vec<&str> = text.split_whitespace().collect();
    let mut length = 0;
    let kept = words.iter().rev().take_while(|word| {
        length += word.len() + 1;
        length <= MAX_MESSAGE_BYTES
    });
    let kept = kept.count().max(1).min(words.len());
    let end = words[words.len() - kept..].join(" ");
    if kept == words.len() { end } else { format!("... {end}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_messages_are_shown_by_their_end() {
        assert_eq!(brief(&"short\n message"), "short message");
        let long = format!("{} no such mode: [wrap]\n\n", "std::string&&, ".repeat(50));
        let shown = brief(&long);
        assert!(shown.starts_with("... ") && shown.ends_with("no such mode: [wrap]"), "{shown}");
        assert!(shown.len() < 250 && !shown.contains('\n'));
        assert_eq!(brief(&""), "");
    }
}
