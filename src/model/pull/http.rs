//! One transfer over HTTP: the request, the checks of the response, and its body.

use std::io::{ErrorKind, Read};
use std::time::Duration;

use indicatif::{DecimalBytes, ProgressBar};
use ureq::http::{Response, StatusCode, Uri, header};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Body};

use super::part::PartialFile;
use super::redirect;
use super::speed::{MIN_BYTES_PER_SECOND, SpeedFloor, TooSlow};
use crate::Error;
use onnx_grad::onnx::NotAModel;

/// No ONNX file is larger, because the format is limited to 2 GB.
const LARGEST: u64 = 1 << 31;

/// The largest page that is read whole.
const MAX_PAGE_BYTES: u64 = 64 << 20;

/// Enough of a file to distinguish a web page or a Git LFS pointer from a model.
const HEAD: usize = 512;

/// The remedy if a server cannot be reached.
const NETWORK: &str = "check the network, or set a proxy in HTTPS_PROXY";

/// Why a transfer failed.
pub enum DownloadFailure {
    /// This URL does not have the model.
    Refused(String),
    /// The connection broke off; retrying may help.
    Broken(String),
    /// The server is too slow; retrying at once does not help.
    Slow(String),
    /// The file cannot be written locally.
    Here(Error),
}

impl DownloadFailure {
    /// The error of this computer, or that of the server as `refused` puts it.
    pub fn or_else(self, refused: impl FnOnce(String) -> Error) -> Error {
        match self {
            Self::Here(error) => error,
            Self::Refused(problem) | Self::Broken(problem) | Self::Slow(problem) => refused(problem),
        }
    }
}

impl From<Error> for DownloadFailure {
    fn from(error: Error) -> Self {
        Self::Here(error)
    }
}

/// Whether `url` is an HTTP or HTTPS URL with a host.
pub fn is_address(url: &str) -> bool {
    let address = url.parse::<Uri>();
    address.is_ok_and(|address| matches!(address.scheme_str(), Some("http" | "https")) && address.host().is_some())
}

/// Downloads files.
pub struct HttpClient {
    timeout: Duration,
    bar: ProgressBar,
}

impl HttpClient {
    /// Creates a client that gives a server up if it is silent or too slow for `timeout`, and shows
    /// progress on `bar`.
    pub fn new(timeout: Duration, bar: ProgressBar) -> Self {
        Self { timeout, bar }
    }

    /// Downloads the missing part of the file at `url` to `part`. `expected` is the file's size, if
    /// known. If a server ignores the requested range, the whole file is downloaded again.
    pub fn transfer(&self, url: &str, part: &mut PartialFile, expected: Option<u64>) -> Result<(), DownloadFailure> {
        if expected.is_some_and(|expected| part.len() > expected) {
            part.clear()?;
        }
        if part.len() > 0 && expected == Some(part.len()) {
            return Ok(());
        }
        let response = self.ask(url, part.len())?;
        let total = match response.status() {
            StatusCode::OK => {
                part.clear()?;
                response.body().content_length()
            }
            StatusCode::PARTIAL_CONTENT if part.len() > 0 && continues(&response, part.len(), expected) => {
                response.body().content_length().map(|rest| rest.saturating_add(part.len()))
            }
            StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE if part.len() > 0 => {
                part.clear()?;
                return self.transfer(url, part, expected);
            }
            status => return Err(DownloadFailure::Refused(format!("responded with {status}"))),
        };
        self.receive(response, part, total, expected)
    }

    /// The text of a page.
    pub fn text(&self, url: &str) -> Result<String, DownloadFailure> {
        let mut response = self.ask(url, 0)?;
        match response.status() {
            StatusCode::OK => {
                let body = response.body_mut().with_config().limit(MAX_PAGE_BYTES).read_to_string();
                body.map_err(|error| self.unanswered(error))
            }
            status => Err(DownloadFailure::Refused(format!("responded with {status}"))),
        }
    }

    fn ask(&self, url: &str, have: u64) -> Result<Response<Body>, DownloadFailure> {
        let tls = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build();
        let config = Agent::config_builder()
            .tls_config(tls)
            // A secure request must not be redirected to an insecure connection.
            .https_only(url.starts_with("https://"))
            .http_status_as_error(false)
            // This client would read the body of a redirect to its end, which may never come.
            .max_redirects(0)
            .user_agent(concat!("salstream/", env!("CARGO_PKG_VERSION")))
            .timeout_resolve(Some(self.timeout))
            .timeout_connect(Some(self.timeout))
            .timeout_recv_response(Some(self.timeout))
            .timeout_per_read(Some(self.timeout))
            .build();
        let agent = Agent::from(config);
        let mut url = url.to_owned();
        for _ in 0..=redirect::MAX_REDIRECTS {
            let mut request = agent.get(&url);
            if have > 0 {
                request = request.header(header::RANGE, format!("bytes={have}-"));
            }
            let response = request.call().map_err(|error| self.unanswered(error))?;
            match redirect::target(&url, &response) {
                Some(target) => url = target,
                None => return Ok(response),
            }
        }
        Err(DownloadFailure::Refused("redirects endlessly".into()))
    }

    /// The reason why there is no response.
    fn unanswered(&self, error: ureq::Error) -> DownloadFailure {
        DownloadFailure::Refused(match error {
            ureq::Error::Timeout(_) => format!("did not respond within {:?}", self.timeout),
            ureq::Error::LargeResponseHeader(..) => "breaks the rules of HTTP (its header does not end)".into(),
            ureq::Error::Protocol(problem) => format!("breaks the rules of HTTP ({problem})"),
            ureq::Error::RequireHttpsOnly(to) => format!("redirects from https to {to}, which is insecure"),
            ureq::Error::Rustls(problem) => {
                format!("cannot be trusted ({problem}); install ca-certificates, or set SSL_CERT_FILE")
            }
            ureq::Error::Io(problem) => format!("cannot be reached ({problem}); {NETWORK}"),
            other => format!("cannot be reached ({other}); {NETWORK}"),
        })
    }

    fn receive(
        &self,
        mut response: Response<Body>,
        part: &mut PartialFile,
        total: Option<u64>,
        expected: Option<u64>,
    ) -> Result<(), DownloadFailure> {
        let is_page = response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| is_html(kind.as_bytes()));
        let mut body = SpeedFloor::new(response.body_mut().as_reader(), self.timeout);
        let mut head = Vec::new();
        let opening = (&mut body).take(HEAD as u64).read_to_end(&mut head);
        if let (Err(error), true) = (&opening, head.is_empty()) {
            return Err(self.broken(part, total, error));
        }
        if part.len() == 0
            && let Some(what) = imposter(&head, is_page)
        {
            return Err(DownloadFailure::Refused(what.into()));
        }
        if let (Some(total), Some(expected)) = (total, expected)
            && total != expected
        {
            return Err(DownloadFailure::Refused(format!("has a file of {total} bytes instead of {expected}")));
        }
        self.bar.set_length(total.or(expected).unwrap_or(0));
        let limit = expected.unwrap_or(LARGEST);
        self.store(&head, part, limit)?;
        opening.map_err(|error| self.broken(part, total, &error))?;
        let mut buffer = vec![0; 1 << 16];
        loop {
            match body.read(&mut buffer).map_err(|error| self.broken(part, total, &error))? {
                0 => break,
                count => self.store(&buffer[..count], part, limit)?,
            }
        }
        match total.or(expected) {
            Some(whole) if part.len() < whole => Err(self.broken(part, Some(whole), &ErrorKind::UnexpectedEof.into())),
            _ => Ok(()),
        }
    }

    fn store(&self, bytes: &[u8], part: &mut PartialFile, limit: u64) -> Result<(), DownloadFailure> {
        if part.len() + bytes.len() as u64 > limit {
            part.clear()?;
            return Err(DownloadFailure::Refused(format!("sends more than {limit} bytes")));
        }
        part.append(bytes)?;
        self.bar.set_position(part.len());
        Ok(())
    }

    /// The reason why the transfer stopped.
    fn broken(&self, part: &PartialFile, total: Option<u64>, error: &std::io::Error) -> DownloadFailure {
        let total = total.map_or_else(String::new, |total| format!(" of {}", DecimalBytes(total)));
        let arrived = format!("{}{total}", DecimalBytes(part.len()));
        let is_timeout = error
            .get_ref()
            .and_then(|inner| inner.downcast_ref())
            .is_some_and(|inner: &ureq::Error| matches!(inner, ureq::Error::Timeout(_)));
        if error.get_ref().is_some_and(|inner| inner.is::<TooSlow>()) {
            let (floor, time) = (DecimalBytes(MIN_BYTES_PER_SECOND), self.timeout);
            return DownloadFailure::Slow(format!("sent less than {floor} per second for {time:?} after {arrived}"));
        }
        DownloadFailure::Broken(match is_timeout || error.kind() == ErrorKind::TimedOut {
            true => format!("sent nothing for {:?} after {arrived}", self.timeout),
            false => format!("broke off after {arrived}"),
        })
    }
}

/// Whether a partial response starts where `have` ends and belongs to a file of the expected size.
fn continues(response: &Response<Body>, have: u64, expected: Option<u64>) -> bool {
    let range = response.headers().get(header::CONTENT_RANGE).and_then(|value| value.to_str().ok());
    let fields = range.and_then(|range| range.strip_prefix("bytes ")?.split_once('/'));
    let Some((range, total)) = fields else { return false };
    let starts = range.split_once('-').and_then(|(start, _)| start.trim().parse().ok()) == Some(have);
    starts && expected.is_none_or(|expected| total.trim().parse() == Ok(expected))
}

fn is_html(kind: &[u8]) -> bool {
    kind.to_ascii_lowercase().starts_with(b"text/html")
}

/// Describes the file if it is certainly not a model.
fn imposter(head: &[u8], is_page: bool) -> Option<&'static str> {
    match NotAModel::sniff(head).or(is_page.then_some(NotAModel::WebPage)) {
        Some(NotAModel::LfsPointer) => Some("has a Git LFS pointer, not the file; use the address of the file itself"),
        Some(NotAModel::WebPage) => Some("has a web page, not the file; use the address of the file itself"),
        None => head.is_empty().then_some("has an empty file"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_and_pointers_are_told_from_models() {
        assert_eq!(imposter(b"\x08\x07\x12\x07pytorch", false), None);
        for (head, word) in [
            (&b"version https://git-lfs.github.com/spec/v1\noid sha256:00"[..], "LFS"),
            (b"\n <!DOCTYPE html>", "page"),
            (b"<HTML>", "page"),
            (b"<?xml version='1.0'?><Error>", "page"),
            (b"", "empty"),
        ] {
            assert!(imposter(head, false).unwrap().contains(word), "{word}");
        }
        assert!(imposter(b"Please log in", true).unwrap().contains("page"));
    }

    #[test]
    fn only_the_right_range_of_the_right_file_continues_it() {
        let answer = |range: &str| {
            let builder = Response::builder().header(header::CONTENT_RANGE, range);
            builder.body(Body::builder().data(Vec::<u8>::new())).unwrap()
        };
        assert!(continues(&answer("bytes 10-99/100"), 10, Some(100)));
        assert!(continues(&answer("bytes 10-99/*"), 10, None));
        for range in ["bytes 0-99/100", "bytes 10-98/99", "bytes 10-99/*", "items 10-99/100", "bytes x", ""] {
            assert!(!continues(&answer(range), 10, Some(100)), "{range}");
        }
    }
}
