//! Where a response redirects to.

use crate::platform::ffmpeg::is_url;
use ureq::http::{Response, Uri, header};

/// More redirects than these are endless.
pub const MAX_REDIRECTS: usize = 10;

/// The address that a response to the request for `url` redirects to.
pub fn target<B>(url: &str, response: &Response<B>) -> Option<String> {
    let is_redirect = matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308);
    let location = response.headers().get(header::LOCATION).filter(|_| is_redirect)?;
    resolve(&url.parse().ok()?, location.to_str().ok()?)
}

/// `location` as an absolute address, seen from `base` (RFC 3986, without dot segments, which servers resolve).
pub fn resolve(base: &Uri, location: &str) -> Option<String> {
    let (scheme, host) = (base.scheme_str()?, base.authority()?);
    let location = location.split('#').next().unwrap_or_default();
    Some(match location {
        _ if is_url(location) => location.to_owned(),
        _ if location.starts_with("//") => format!("{scheme}:{location}"),
        _ if location.starts_with('/') => format!("{scheme}://{host}{location}"),
        _ if location.starts_with('?') => format!("{scheme}://{host}{}{location}", base.path()),
        _ => {
            let folder = base.path().rsplit_once('/').map_or("", |(folder, _)| folder);
            format!("{scheme}://{host}{folder}/{location}")
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations_are_absolute_or_relative() {
        let base = "https://host:8/a/b.onnx?x=1".parse().unwrap();
        for (location, expected) in [
            ("http://other/c", "http://other/c"),
            ("//other/c", "https://other/c"),
            ("/c?y#z", "https://host:8/c?y"),
            ("c", "https://host:8/a/c"),
            ("?y", "https://host:8/a/b.onnx?y"),
            ("c?y=http://z", "https://host:8/a/c?y=http://z"),
        ] {
            assert_eq!(resolve(&base, location).as_deref(), Some(expected), "{location}");
        }
        assert_eq!(resolve(&"https://host".parse().unwrap(), "c").as_deref(), Some("https://host/c"));
    }
}
