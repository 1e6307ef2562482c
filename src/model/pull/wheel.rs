//! A wheel: the file of a Python package, found in a package index or in a folder. No Python is needed.

use std::fs;
use std::path::{Path, PathBuf};

use super::download::Download;
use super::http::HttpClient;
use super::part::PartialFile;
use super::redirect;
use crate::platform::checksum::file_sha256;
use crate::{Error, Result};

/// The index that pip uses, too, unless it is told otherwise.
const DEFAULT_INDEX: &str = "https://pypi.org/simple";

/// A wheel of a certain version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wheel {
    /// The package's name, as an index spells it.
    pub package: String,
    /// Its version.
    pub version: String,
    /// The file's name.
    pub file: String,
    /// SHA-256 of the file, in hexadecimal.
    pub sha256: String,
}

/// Where wheels come from.
#[derive(Debug, Clone)]
pub enum WheelSource {
    /// A package index (PEP 503, PEP 691), by its URL.
    Index(String),
    /// A folder that holds the files.
    Folder(PathBuf),
}

impl Default for WheelSource {
    /// The index that pip's environment variable names, else the usual one.
    fn default() -> Self {
        let named = std::env::var("PIP_INDEX_URL").ok().filter(|url| !url.is_empty());
        Self::Index(named.unwrap_or_else(|| DEFAULT_INDEX.into()))
    }
}

impl Wheel {
    /// Reads a package URL: `pkg:pypi/NAME@VERSION?checksum=sha256:HEX&file_name=FILE`. `None` for any other URL.
    pub fn parse(purl: &str) -> Option<Self> {
        let (package, qualifiers) = purl.strip_prefix("pkg:pypi/")?.split_once('?')?;
        let value = |key: &str| qualifiers.split('&').find_map(|pair| pair.strip_prefix(key)?.strip_prefix('='));
        let (package, version) = package.split_once('@')?;
        Some(Self {
            package: package.to_owned(),
            version: version.to_owned(),
            file: value("file_name")?.to_owned(),
            sha256: value("checksum")?.strip_prefix("sha256:")?.to_owned(),
        })
    }

    /// Puts the wheel into `folder`, verified, and returns its path. What is there from an earlier try is used.
    ///
    /// # Errors
    /// [`Error::Input`] if `source` does not have it, or has another file under its name; [`Error::Output`] if it cannot
    /// be written.
    pub fn fetch(&self, source: &WheelSource, client: &HttpClient, folder: &Path) -> Result<PathBuf> {
        let path = folder.join(&self.file);
        if path.is_file() && file_sha256(&path)? == self.sha256 {
            return Ok(path);
        }
        match source {
            WheelSource::Folder(from) => self.copy(from, &path)?,
            WheelSource::Index(index) => self.download(index, client, &path)?,
        }
        Ok(path)
    }

    fn copy(&self, from: &Path, path: &Path) -> Result<()> {
        let given = from.join(&self.file);
        if !given.is_file() {
            return Err(Error::input(
                &given,
                "does not exist: download this file from a package index, and put it there",
            ));
        }
        let found = file_sha256(&given)?;
        if found != self.sha256 {
            let problem = format!("has the wrong checksum ({found}, not {}): download it again", self.sha256);
            return Err(Error::input(&given, problem));
        }
        fs::copy(&given, path).map(drop).map_err(|error| {
            let _ = fs::remove_file(path);
            Error::output(path, format!("cannot be written ({error})"))
        })
    }

    fn download(&self, index: &str, client: &HttpClient, path: &Path) -> Result<()> {
        let page = format!("{}/{}/", index.trim_end_matches('/'), self.package);
        let problem = |problem: String| Error::input(&page, problem);
        let text = client.text(&page).map_err(|failure| failure.or_else(problem))?;
        let url = self.url(&page, &text).ok_or_else(|| problem(format!("does not list {}", self.file)))?;
        let mut part = PartialFile::open(path)?;
        let file =
            Download { name: &self.file, urls: &[url], sha256: Some(&self.sha256), bytes: None, is_model: false };
        match file.fetch(client, &mut part) {
            Ok(()) => part.publish(path).map(drop),
            Err(error) => {
                part.keep(true);
                Err(error)
            }
        }
    }

    /// The file's URL on a page of an index: in both of its forms, JSON and HTML, it is a text in double quotes.
    fn url(&self, page: &str, text: &str) -> Option<String> {
        let listed = text.split('"').map(|quoted| quoted.split('#').next().unwrap_or_default());
        let url = listed.filter(|url| url.contains('/')).find(|url| url.rsplit('/').next() == Some(&self.file))?;
        redirect::resolve(&page.parse().ok()?, &url.replace("&amp;", "&"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wheel() -> Wheel {
        Wheel::parse("pkg:pypi/some-thing@1.0?checksum=sha256:ab&file_name=some_thing-1.0-py3-none-any.whl").unwrap()
    }

    #[test]
    fn a_package_url_names_file_and_checksum() {
        assert_eq!(
            wheel(),
            Wheel {
                package: "some-thing".into(),
                version: "1.0".into(),
                file: "some_thing-1.0-py3-none-any.whl".into(),
                sha256: "ab".into()
            }
        );
        assert_eq!(Wheel::parse("pkg:pypi/some-thing@1.0"), None);
        assert_eq!(Wheel::parse("https://host/x.onnx"), None);
    }

    #[test]
    fn both_forms_of_an_index_lead_to_the_file() {
        let page = "https://host/simple/some-thing/";
        let json = r#"{"files":[{"filename": "some_thing-1.0-py3-none-any.whl", "url": "https://files/a/some_thing-1.0-py3-none-any.whl"}]}"#;
        assert_eq!(wheel().url(page, json).unwrap(), "https://files/a/some_thing-1.0-py3-none-any.whl");
        let html = r#"<a href="/files/some_thing-1.0-py3-none-any.whl#sha256=ab">some_thing-1.0-py3-none-any.whl</a>"#;
        assert_eq!(wheel().url(page, html).unwrap(), "https://host/files/some_thing-1.0-py3-none-any.whl");
        let above = r#"<a href="../../f/some_thing-1.0-py3-none-any.whl#sha256=ab">"#;
        assert_eq!(
            wheel().url(page, above).unwrap(),
            "https://host/simple/some-thing/../../f/some_thing-1.0-py3-none-any.whl"
        );
        assert_eq!(wheel().url(page, "<a href=\"other-1.0.whl\">"), None);
    }
}
