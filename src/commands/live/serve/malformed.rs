//! Requests that could mean one thing to a proxy or a browser and another thing to this server.

use axum::http::header::{
    AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, HOST, ORIGIN, SEC_WEBSOCKET_KEY, TRANSFER_ENCODING, UPGRADE,
};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, Uri};

/// Says from where a browser sends a request.
pub(super) const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Headers that a request may have only once.
const SINGLE: [HeaderName; 9] =
    [AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, HOST, ORIGIN, SEC_FETCH_SITE, SEC_WEBSOCKET_KEY, UPGRADE];

/// The host to which a request is sent, or why the request is malformed. Hyper has checked the syntax of the headers.
pub(super) fn host(uri: &Uri, headers: &HeaderMap) -> Result<Authority, String> {
    if let Some(name) = SINGLE.iter().find(|name| headers.get_all(*name).iter().count() > 1) {
        return Err(format!("the header {name} is there more than once"));
    }
    // Hyper removes a Content-Length beside it, so that it cannot be seen whether there were both.
    if headers.contains_key(TRANSFER_ENCODING) {
        return Err("Transfer-Encoding is not supported: send Content-Length".into());
    }
    let host = headers.get(HOST).ok_or("there is no Host header")?;
    let host: Option<Authority> = host.to_str().ok().and_then(|host| host.parse().ok());
    let host = host.filter(is_plain).ok_or("the Host header is not a host")?;
    if uri.authority().is_some_and(|target| *target != host) {
        return Err("the address is that of another host than the Host header".into());
    }
    if !uri.path().starts_with('/') {
        return Err("the address is not a path".into());
    }
    Ok(host)
}

/// Whether it is a name or an address, and maybe a port.
fn is_plain(host: &Authority) -> bool {
    let port = host.as_str().rsplit_once(':').filter(|(_, port)| !port.ends_with(']')).map(|(_, port)| port);
    !host.host().is_empty() && !host.as_str().contains('@') && port.is_none_or(|port| port.parse::<u16>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(uri: &str, headers: &[(HeaderName, &str)]) -> Result<String, String> {
        let headers = headers.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect();
        host(&uri.parse().unwrap(), &headers).map(|host| host.to_string())
    }

    #[test]
    fn ambiguous_requests_are_refused() {
        assert_eq!(check("/", &[(HOST, "cam:80")]), Ok("cam:80".into()));
        assert_eq!(check("http://cam:80/", &[(HOST, "CAM:80")]), Ok("CAM:80".into()));
        let refused = |uri: &str, headers: &[(HeaderName, &str)], word: &str| {
            assert!(check(uri, headers).is_err_and(|why| why.contains(word)), "{uri} {headers:?}");
        };
        refused("/", &[], "no Host");
        refused("http://evil.example/", &[(HOST, "cam:80")], "another host");
        refused("*", &[(HOST, "cam")], "not a path");
        refused("/", &[(HOST, "cam"), (TRANSFER_ENCODING, "chunked")], "Transfer-Encoding");
        for host in ["", "cam, evil", "a@cam", "cam:x", "cam:99999", "cam/evil", "http://cam", ":80", "[::1"] {
            refused("/", &[(HOST, host)], "Host");
        }
        for name in SINGLE {
            refused("/", &[(HOST, "cam"), (name.clone(), "a"), (name.clone(), "a")], name.as_str());
        }
    }
}
