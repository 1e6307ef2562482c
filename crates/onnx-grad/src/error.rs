//! The error type of this crate.

use std::path::{Path, PathBuf};

/// Shorthand for a result with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that can go wrong. Each variant prints as one line that states where the problem is
/// and what to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request does not fit the model.
    #[error("{0}")]
    Request(String),
    /// The graph is malformed or cannot be differentiated.
    #[error("{0}")]
    Graph(String),
    /// An operating-system error about one path.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The error that the operating system returned.
        source: std::io::Error,
    },
    /// The file cannot be used as a model.
    #[error("{}: {problem}", path.display())]
    Model {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, and what to do.
        problem: String,
    },
    /// The file cannot be written.
    #[error("{}: {problem}", path.display())]
    Output {
        /// The file.
        path: PathBuf,
        /// What is wrong, and what to do.
        problem: String,
    },
}

impl Error {
    pub(crate) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }

    pub(crate) fn output(path: &Path, problem: impl Into<String>) -> Self {
        Self::Output { path: path.to_owned(), problem: problem.into() }
    }

    /// Creates an [`Error::Model`] for `path`. Control characters, which names inside a model may
    /// contain, become spaces.
    pub fn model(path: impl AsRef<Path>, problem: impl Into<String>) -> Self {
        Self::Model { path: path.as_ref().to_owned(), problem: problem.into().replace(char::is_control, " ") }
    }
}
