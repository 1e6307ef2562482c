//! Downloads one file from the first URL that has it; what breaks off is resumed, and the whole is verified.

use std::path::Path;
use std::time::Duration;

use indicatif::DecimalBytes;
use onnx_grad::onnx;

use super::http::{DownloadFailure, HttpClient};
use super::part::PartialFile;
use crate::platform::checksum::file_sha256;
use crate::{Error, Result};

/// The number of attempts per URL to download what is missing, as long as each attempt makes
/// progress.
const TRIES: usize = 5;
/// The pause between two attempts.
const PAUSE: Duration = Duration::from_secs(1);

/// A file to download.
pub struct Download<'a> {
    /// What messages call it.
    pub name: &'a str,
    /// Where it may be, in order.
    pub urls: &'a [String],
    /// Its SHA-256 in hexadecimal, if known.
    pub sha256: Option<&'a str>,
    /// Its size, if known.
    pub bytes: Option<u64>,
    /// Whether it must be an ONNX model.
    pub is_model: bool,
}

impl Download<'_> {
    /// Downloads what `part` lacks, from the first URL that has the file.
    ///
    /// # Errors
    /// [`Error::Input`] if no URL provides it; [`Error::Output`] if it cannot be written.
    pub fn fetch(&self, client: &HttpClient, part: &mut PartialFile) -> Result<()> {
        if self.sha256.is_none() {
            part.clear()?;
        }
        let mut problems = Vec::new();
        for url in self.urls {
            match self.fetch_url(client, url, part) {
                Ok(()) => return Ok(()),
                Err(DownloadFailure::Here(error)) => return Err(error),
                Err(
                    DownloadFailure::Refused(problem)
                    | DownloadFailure::Broken(problem)
                    | DownloadFailure::Slow(problem),
                ) => problems.push(format!("{url} {problem}")),
            }
        }
        let kept = match (part.len(), self.sha256) {
            (1.., Some(_)) => {
                format!("; the {} received so far are kept, run it again to resume", DecimalBytes(part.len()))
            }
            _ => String::new(),
        };
        let (name, problems) = (self.name, problems.join("; "));
        Err(Error::input(name, format!("not downloaded: {problems}{kept}").replace(char::is_control, " ")))
    }

    /// Downloads what is missing from one URL until it is complete or makes no progress. Makes only one
    /// attempt if there is no checksum to verify that the parts fit.
    fn fetch_url(&self, client: &HttpClient, url: &str, part: &mut PartialFile) -> Result<(), DownloadFailure> {
        let mut tries = 1;
        loop {
            let had = part.len();
            let failure = match client.transfer(url, part, self.bytes) {
                Ok(()) => match self.check(part.path()) {
                    Ok(()) => return Ok(()),
                    Err(problem) => {
                        part.clear()?;
                        // The earlier part may belong to another file.
                        if had == 0 {
                            return Err(DownloadFailure::Refused(problem));
                        }
                        DownloadFailure::Broken(problem)
                    }
                },
                Err(failure) => failure,
            };
            let is_resumable =
                matches!(failure, DownloadFailure::Broken(_)) && self.sha256.is_some() && part.len() != had;
            if !is_resumable || tries == TRIES {
                return Err(failure);
            }
            tries += 1;
            std::thread::sleep(PAUSE);
        }
    }

    /// Checks that the file has the requested checksum and, if one is expected, that it is a model.
    fn check(&self, file: &Path) -> Result<(), String> {
        if let Some(expected) = self.sha256 {
            let found = file_sha256(file).map_err(|error| error.to_string())?;
            if found != expected {
                return Err(format!("has another file: its SHA-256 is {found}, not {expected}"));
            }
        }
        if !self.is_model {
            return Ok(());
        }
        onnx::load(file).map(drop).map_err(|error| match error {
            onnx_grad::Error::Model { problem, .. } => format!("has a file that {problem}"),
            other => other.to_string(),
        })
    }
}
