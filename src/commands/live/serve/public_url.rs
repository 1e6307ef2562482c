//! The address at which a proxy shows the page to others.

use axum::http::Uri;
use axum::http::uri::Authority;

/// The page's address behind a proxy, such as `https://cam.example/sal/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl {
    /// `https://cam.example`.
    pub(super) origin: String,
    /// `/sal/`; ends in a slash.
    pub(super) path: String,
}

impl PublicUrl {
    /// Whether browsers reach the page by TLS.
    pub(super) fn is_secure(&self) -> bool {
        self.origin.starts_with("https:")
    }
}

impl std::str::FromStr for PublicUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        parse(text).ok_or_else(|| "must be an address such as https://cam.example/sal/".into())
    }
}

fn parse(text: &str) -> Option<PublicUrl> {
    let uri: Uri = text.parse().ok()?;
    let scheme = uri.scheme_str().filter(|scheme| ["http", "https"].contains(scheme))?;
    let host = uri.authority().map(Authority::as_str).filter(|host| !host.contains('@'))?.to_ascii_lowercase();
    // The path becomes a part of the Set-Cookie header.
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/-._~%".contains(c);
    let path = Some(uri.path()).filter(|path| path.chars().all(is_plain) && !path.contains("//"))?;
    let slash = if path.ends_with('/') { "" } else { "/" };
    let is_page = uri.query().is_none() && !text.contains('#');
    is_page.then(|| PublicUrl { origin: format!("{scheme}://{host}"), path: format!("{path}{slash}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_scheme_host_and_path_only() {
        let url: PublicUrl = "https://Cam.Example:8443/sal".parse().unwrap();
        assert_eq!(url.origin, "https://cam.example:8443");
        assert_eq!((&url.path[..], url.is_secure()), ("/sal/", true));
        assert_eq!("http://cam".parse::<PublicUrl>().unwrap().path, "/");
        for wrong in [
            "",
            "cam.example",
            "/sal/",
            "ftp://cam/",
            "https://me:secret@cam/",
            "https://cam/?a=b",
            "https://cam/#a",
            "https:///sal",
            "https://cam//evil",
            "https://cam/a;b",
            "https://cam/a\r\nb",
        ] {
            assert!(wrong.parse::<PublicUrl>().is_err(), "{wrong}");
        }
    }
}
