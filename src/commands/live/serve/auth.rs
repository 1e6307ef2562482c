//! Decides who may watch: pages opened on this machine, or clients that have the token.
//!
//! On a loopback address, the `Host` header must be a loopback name, so that no other name that is made to resolve to
//! this machine (DNS rebinding) can read the page. On any other address, a token is required. In both cases, a page of
//! another origin cannot control the session.

use std::fs::File;
use std::io::{self, Read};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_SECURITY_POLICY, COOKIE, HOST, ORIGIN, SET_COOKIE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use sha2::{Digest, Sha256};

use super::api::refusal;

/// Maximum time until a response begins; a stream of pictures may then continue.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
const COOKIE_NAME: &str = "salstream-token";

/// Security headers of every response.
const HEADERS: [(HeaderName, &str); 4] = [
    (
        CONTENT_SECURITY_POLICY,
        "default-src 'self'; img-src 'self' blob: data:; frame-ancestors 'none'; base-uri 'none'",
    ),
    (HeaderName::from_static("x-content-type-options"), "nosniff"),
    (HeaderName::from_static("referrer-policy"), "no-referrer"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// The access rules for one address.
pub(super) struct Auth {
    address: SocketAddr,
    /// `None` on a loopback address.
    token: Option<String>,
}

impl Auth {
    /// # Errors
    /// An error if the system has no random bytes for a token.
    pub(super) fn of(address: SocketAddr) -> io::Result<Self> {
        let token = if address.ip().is_loopback() { None } else { Some(token()?) };
        Ok(Self { address, token })
    }

    /// The page's address, as a user types it.
    pub(super) fn url(&self) -> String {
        let port = self.address.port();
        let host = match self.address.ip() {
            ip if ip.is_unspecified() => hostname(),
            IpAddr::V4(ip) => ip.to_string(),
            IpAddr::V6(ip) => format!("[{ip}]"),
        };
        let token = self.token.as_ref().map(|token| format!("?token={token}")).unwrap_or_default();
        format!("http://{host}:{port}/{token}")
    }

    /// Why a request is refused; `None` if it is allowed.
    fn refuse(&self, uri: &Uri, headers: &HeaderMap) -> Option<Response> {
        let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
        let Some(host) = text(HOST) else { return Some(refusal(StatusCode::BAD_REQUEST, "there is no Host header")) };
        if self.token.is_none() && !is_loopback(host) {
            return Some(refusal(StatusCode::FORBIDDEN, "this page is only for this machine: open it as 127.0.0.1"));
        }
        if text(ORIGIN).is_some_and(|origin| origin != format!("http://{host}")) {
            return Some(refusal(StatusCode::FORBIDDEN, "a page of another origin may not control this one"));
        }
        let token = self.token.as_deref()?;
        if query_token(uri).is_some_and(|given| same(given, token)) {
            let cookie = format!("{COOKIE_NAME}={token}; HttpOnly; SameSite=Strict; Path=/");
            return Some(([(SET_COOKIE, cookie)], Redirect::to(uri.path())).into_response());
        }
        let cookies = text(COOKIE).unwrap_or_default().split(';').filter_map(|cookie| cookie.trim().split_once('='));
        let mut given = cookies.filter(|(name, _)| *name == COOKIE_NAME).map(|(_, value)| value);
        let bearer = text(AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer "));
        let known = given.any(|given| same(given, token)) || bearer.is_some_and(|given| same(given, token));
        (!known).then(|| refusal(StatusCode::UNAUTHORIZED, "the address needs the token that salstream printed"))
    }
}

/// Passes or refuses a request, and adds the security headers to the response.
pub(super) async fn check(State(guard): State<Arc<Auth>>, request: Request, next: Next) -> Response {
    let mut answer = match guard.refuse(request.uri(), request.headers()) {
        Some(refused) => refused,
        None => tokio::time::timeout(HEADER_TIMEOUT, next.run(request))
            .await
            .unwrap_or_else(|_| refusal(StatusCode::REQUEST_TIMEOUT, "the request took too long")),
    };
    for (name, value) in HEADERS {
        answer.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    answer
}

/// The `token` in the query of a URI.
fn query_token(uri: &Uri) -> Option<&str> {
    uri.query()?.split('&').find_map(|pair| pair.strip_prefix("token="))
}

/// Compares two secrets in constant time.
fn same(a: &str, b: &str) -> bool {
    Sha256::digest(a) == Sha256::digest(b)
}

/// Whether a `Host` header is a loopback name.
fn is_loopback(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let name = name.trim_matches(['[', ']']);
    name.eq_ignore_ascii_case("localhost") || name.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

/// 128 random bits in hexadecimal.
fn token() -> io::Result<String> {
    let mut bytes = [0; 16];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// This machine's host name, by which others may reach it.
fn hostname() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    if name.trim().is_empty() { "localhost".into() } else { name.trim().to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(guard: &Auth, uri: &str, headers: &[(HeaderName, &str)]) -> Option<StatusCode> {
        let headers = headers.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect();
        guard.refuse(&uri.parse().unwrap(), &headers).map(|answer| answer.status())
    }

    #[test]
    fn a_loopback_page_is_for_loopback_names() {
        let guard = Auth::of("127.0.0.1:8642".parse().unwrap()).unwrap();
        assert_eq!(guard.url(), "http://127.0.0.1:8642/");
        for host in ["127.0.0.1:8642", "localhost:8642", "LOCALHOST", "[::1]:8642"] {
            assert_eq!(status(&guard, "/", &[(HOST, host)]), None, "{host}");
        }
        for host in ["evil.example:8642", "127.0.0.1.evil.example", "192.168.0.7:8642", ""] {
            assert_eq!(status(&guard, "/", &[(HOST, host)]), Some(StatusCode::FORBIDDEN), "{host}");
        }
        assert_eq!(status(&guard, "/", &[]), Some(StatusCode::BAD_REQUEST));
    }

    #[test]
    fn another_origin_is_refused() {
        let guard = Auth::of("127.0.0.1:8642".parse().unwrap()).unwrap();
        let from = |origin| status(&guard, "/api/settings", &[(HOST, "127.0.0.1:8642"), (ORIGIN, origin)]);
        assert_eq!(from("http://127.0.0.1:8642"), None);
        for origin in ["http://evil.example", "null", "https://127.0.0.1:8642", "http://127.0.0.1:8643"] {
            assert_eq!(from(origin), Some(StatusCode::FORBIDDEN), "{origin}");
        }
    }

    #[test]
    fn beyond_this_machine_a_token_is_asked_for() {
        let guard = Auth { address: "0.0.0.0:80".parse().unwrap(), token: Some("secret".into()) };
        let host = (HOST, "desk:80");
        assert_eq!(status(&guard, "/", std::slice::from_ref(&host)), Some(StatusCode::UNAUTHORIZED));
        assert_eq!(status(&guard, "/?token=wrong", std::slice::from_ref(&host)), Some(StatusCode::UNAUTHORIZED));
        assert_eq!(status(&guard, "/?token=secret", std::slice::from_ref(&host)), Some(StatusCode::SEE_OTHER));
        assert_eq!(status(&guard, "/", &[host.clone(), (COOKIE, "a=b; salstream-token=secret")]), None);
        assert_eq!(status(&guard, "/", &[host, (AUTHORIZATION, "Bearer secret")]), None);
        assert!(guard.url().ends_with(":80/?token=secret"));
    }
}
