//! Decides who may watch: pages opened on this machine, or clients that have the token.
//!
//! On a loopback address, the `Host` header must be a loopback name, so that no other name that is made to resolve to
//! this machine (DNS rebinding) can read the page. On any other address, or behind a proxy, a token is required. In all
//! cases, a page of another origin can neither control the session nor show it.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONNECTION, CONTENT_SECURITY_POLICY, COOKIE, ORIGIN, SET_COOKIE, WWW_AUTHENTICATE,
};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use percent_encoding::percent_decode_str;

use super::api::refusal;
use super::config::ServeConfig;
use super::malformed::{self, SEC_FETCH_SITE};
use super::public_url::PublicUrl;
use super::token::Token;

/// Maximum time until a response begins; a stream of pictures may then continue.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");

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
    public_url: Option<PublicUrl>,
    /// `None` on a loopback address.
    token: Option<Token>,
    /// Whether the user knows the token, and it need not be printed.
    is_fixed: bool,
}

impl Auth {
    /// The rules for a server that listens on `address`.
    ///
    /// # Errors
    /// An error if the system has no random bytes for a token.
    pub(super) fn of(address: SocketAddr, config: &ServeConfig) -> io::Result<Self> {
        let ServeConfig { public_url, token, .. } = config.clone();
        let is_fixed = token.is_some();
        // A proxy on this machine lets others in.
        let is_local = address.ip().is_loopback() && public_url.is_none();
        let token = if is_fixed || is_local { token } else { Some(Token::random()?) };
        Ok(Self { address, public_url, token, is_fixed })
    }

    /// The page's address, as a user types it; without a token that the user knows.
    fn url(&self) -> String {
        let port = self.address.port();
        let host = match self.address.ip() {
            ip if ip.is_unspecified() => hostname(),
            IpAddr::V4(ip) => ip.to_string(),
            IpAddr::V6(ip) => format!("[{ip}]"),
        };
        let page = match &self.public_url {
            Some(url) => format!("{}{}", url.origin, url.path),
            None => format!("http://{host}:{port}/"),
        };
        let token = self.token.as_ref().filter(|_| !self.is_fixed);
        page + &token.map(|token| format!("?token={}", token.as_str())).unwrap_or_default()
    }

    /// Where the page is, and what viewers need.
    pub(super) fn notes(&self) -> Vec<String> {
        let page = format!("the page is at {}", self.url());
        let token = "viewers need the token of --token-file: open the page once with ?token=TOKEN after its address";
        std::iter::once(page).chain(self.is_fixed.then(|| token.into())).collect()
    }

    /// Why a request is refused; `None` if it is allowed.
    fn refuse(&self, method: &Method, uri: &Uri, headers: &HeaderMap) -> Option<Response> {
        let host = match malformed::host(uri, headers) {
            Ok(host) => host,
            Err(why) => return Some(refusal(StatusCode::BAD_REQUEST, &why)),
        };
        if self.token.is_none() && !is_loopback(&host) {
            return Some(refusal(StatusCode::FORBIDDEN, "this page is only for this machine: open it as 127.0.0.1"));
        }
        if self.is_foreign(method, &host, headers) {
            return Some(refusal(StatusCode::FORBIDDEN, "a page of another origin may not use this one"));
        }
        let token = self.token.as_ref()?;
        // The address in the response is fixed, so that nobody can choose where it leads.
        if uri.path() == "/" && query_token(uri).is_some_and(|given| token.is(&given)) {
            let path = self.public_url.as_ref().map_or("/", |url| &url.path);
            return Some(([(SET_COOKIE, self.cookie(token))], Redirect::to(path)).into_response());
        }
        let is_known = self.has_cookie(headers, token) || bearer(headers).is_some_and(|given| token.is(given));
        (!is_known).then(|| {
            let mut answer = refusal(StatusCode::UNAUTHORIZED, "the address needs the token of this session");
            answer.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            answer
        })
    }

    /// Whether the request comes from a page of another origin. Following a link to the page is allowed.
    fn is_foreign(&self, method: &Method, host: &Authority, headers: &HeaderMap) -> bool {
        let is_own = |origin: &str| {
            origin.eq_ignore_ascii_case(&format!("http://{host}"))
                || self.public_url.as_ref().is_some_and(|url| origin.eq_ignore_ascii_case(&url.origin))
        };
        if headers.get(ORIGIN).is_some_and(|origin| !origin.to_str().is_ok_and(is_own)) {
            return true;
        }
        let is_link = method == Method::GET && text(headers, &SEC_FETCH_MODE) == Some("navigate");
        !matches!(text(headers, &SEC_FETCH_SITE), None | Some("same-origin" | "none")) && !is_link
    }

    /// A cookie's port is not part of its scope, so it is in its name: sessions on one host do not replace each
    /// other's.
    fn cookie_name(&self) -> String {
        format!("salstream-{}", self.address.port())
    }

    fn cookie(&self, token: &Token) -> String {
        let (name, value) = (self.cookie_name(), token.cookie());
        let path = self.public_url.as_ref().map_or("/", |url| &url.path);
        let secure = if self.public_url.as_ref().is_some_and(PublicUrl::is_secure) { "; Secure" } else { "" };
        format!("{name}={}; HttpOnly; SameSite=Strict; Path={path}{secure}", value.as_str())
    }

    fn has_cookie(&self, headers: &HeaderMap, token: &Token) -> bool {
        let (name, value) = (self.cookie_name(), token.cookie());
        let pairs = text(headers, &COOKIE).unwrap_or_default().split(';');
        let mut pairs = pairs.filter_map(|pair| pair.trim().split_once('='));
        pairs.any(|(given, text)| given == name && value.is(text))
    }
}

/// Passes or refuses a request, and adds the security headers to the response.
pub(super) async fn check(State(guard): State<Arc<Auth>>, request: Request, next: Next) -> Response {
    let mut answer = match guard.refuse(request.method(), request.uri(), request.headers()) {
        // What follows on this connection may be the body of the refused request.
        Some(refused) => ([(CONNECTION, "close")], refused).into_response(),
        None => tokio::time::timeout(HEADER_TIMEOUT, next.run(request))
            .await
            .unwrap_or_else(|_| refusal(StatusCode::REQUEST_TIMEOUT, "the request took too long")),
    };
    for (name, value) in HEADERS {
        answer.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    answer.headers_mut().entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    answer
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// The `token` in the query of a URI.
fn query_token(uri: &Uri) -> Option<String> {
    let given = uri.query()?.split('&').find_map(|pair| pair.strip_prefix("token="))?;
    Some(percent_decode_str(given).decode_utf8_lossy().into_owned())
}

/// The token in an `Authorization` header, whose scheme may be in any case.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = text(headers, &AUTHORIZATION)?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim_matches(' '))
}

/// Whether a host is a loopback name.
fn is_loopback(host: &Authority) -> bool {
    let name = host.host().trim_matches(['[', ']']);
    name.eq_ignore_ascii_case("localhost") || name.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

/// This machine's host name, by which others may reach it.
fn hostname() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    if name.trim().is_empty() { "localhost".into() } else { name.trim().to_owned() }
}

#[cfg(test)]
mod tests {
    use axum::http::header::{HOST, LOCATION};

    use super::*;

    fn guard(address: &str, public_url: Option<&str>) -> Auth {
        let address = address.parse().unwrap();
        let public_url = public_url.map(|url| url.parse().unwrap());
        Auth::of(address, &ServeConfig { address, public_url, token: None }).unwrap()
    }

    fn ask(guard: &Auth, uri: &str, headers: &[(HeaderName, &str)]) -> Option<Response> {
        let headers = headers.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect();
        guard.refuse(&Method::GET, &uri.parse().unwrap(), &headers)
    }

    fn status(guard: &Auth, uri: &str, headers: &[(HeaderName, &str)]) -> Option<StatusCode> {
        ask(guard, uri, headers).map(|answer| answer.status())
    }

    fn header(answer: &Response, name: HeaderName) -> String {
        answer.headers()[name].to_str().unwrap().to_owned()
    }

    #[test]
    fn a_loopback_page_is_for_loopback_names() {
        let guard = guard("127.0.0.1:8642", None);
        assert_eq!(guard.url(), "http://127.0.0.1:8642/");
        for host in ["127.0.0.1:8642", "localhost:8642", "LOCALHOST", "[::1]:8642"] {
            assert_eq!(status(&guard, "/", &[(HOST, host)]), None, "{host}");
        }
        for host in ["evil.example:8642", "127.0.0.1.evil.example", "192.168.0.7:8642", "cam.example"] {
            assert_eq!(status(&guard, "/", &[(HOST, host)]), Some(StatusCode::FORBIDDEN), "{host}");
        }
        assert_eq!(status(&guard, "/", &[]), Some(StatusCode::BAD_REQUEST));
    }

    #[test]
    fn another_origin_is_refused() {
        let guard = guard("127.0.0.1:8642", None);
        let host = (HOST, "127.0.0.1:8642");
        let from = |origin| status(&guard, "/api/settings", &[host.clone(), (ORIGIN, origin)]);
        assert_eq!(from("http://127.0.0.1:8642"), None);
        for origin in ["http://evil.example", "null", "", "https://127.0.0.1:8642", "http://127.0.0.1:8643"] {
            assert_eq!(from(origin), Some(StatusCode::FORBIDDEN), "{origin}");
        }
        let site = |site, mode| status(&guard, "/", &[host.clone(), (SEC_FETCH_SITE, site), (SEC_FETCH_MODE, mode)]);
        assert_eq!(site("same-origin", "cors"), None);
        assert_eq!(site("none", "navigate"), None);
        assert_eq!(site("cross-site", "navigate"), None, "a link");
        assert_eq!(site("cross-site", "no-cors"), Some(StatusCode::FORBIDDEN), "an image on another page");
        assert_eq!(site("same-site", "cors"), Some(StatusCode::FORBIDDEN), "another port of this machine");
    }

    #[test]
    fn beyond_this_machine_a_token_is_asked_for() {
        let guard = guard("0.0.0.0:80", None);
        let token = guard.url().split_once(":80/?token=").unwrap().1.to_owned();
        let host = (HOST, "desk:80");
        let alone = std::slice::from_ref(&host);
        let unauthorized = Some(StatusCode::UNAUTHORIZED);
        assert_eq!(status(&guard, "/", alone), unauthorized);
        assert_eq!(status(&guard, "/?token=wrong", alone), unauthorized);
        let welcome = ask(&guard, &format!("/?token={token}"), alone).unwrap();
        assert_eq!((welcome.status(), header(&welcome, LOCATION)), (StatusCode::SEE_OTHER, "/".into()));
        let cookie = header(&welcome, SET_COOKIE);
        assert!(!cookie.contains(&token) && cookie.ends_with("; HttpOnly; SameSite=Strict; Path=/"), "{cookie}");
        let pair = format!("a=b; {}", cookie.split_once(';').unwrap().0);
        assert_eq!(status(&guard, "/", &[host.clone(), (COOKIE, &pair)]), None);
        assert_eq!(status(&guard, "/", &[host.clone(), (COOKIE, &pair.replace("-80=", "-81="))]), unauthorized);
        for scheme in ["Bearer", "bearer", "BEARER", "bearer "] {
            assert_eq!(status(&guard, "/", &[host.clone(), (AUTHORIZATION, &format!("{scheme} {token}"))]), None);
        }
        for wrong in [&format!("Basic {token}"), &format!("Bearer{token}"), "Bearer", &format!("Bearer {token}a")] {
            assert_eq!(status(&guard, "/", &[host.clone(), (AUTHORIZATION, wrong)]), unauthorized, "{wrong}");
        }
    }

    #[test]
    fn behind_a_proxy_the_public_address_counts() {
        let guard = guard("127.0.0.1:8642", Some("https://cam.example/sal/"));
        let token = guard.url().strip_prefix("https://cam.example/sal/?token=").unwrap().to_owned();
        let (host, local) = ((HOST, "cam.example"), (HOST, "127.0.0.1:8642"));
        let origin = (ORIGIN, "https://cam.example");
        let unauthorized = Some(StatusCode::UNAUTHORIZED);
        for host in [&host, &local] {
            assert_eq!(status(&guard, "/api/state", std::slice::from_ref(host)), unauthorized);
            let headers = [host.clone(), origin.clone(), (AUTHORIZATION, &format!("Bearer {token}"))];
            assert_eq!(status(&guard, "/api/state", &headers), None);
        }
        let other = [host.clone(), (ORIGIN, "https://evil.example")];
        assert_eq!(status(&guard, "/api/state", &other), Some(StatusCode::FORBIDDEN));
        let welcome = ask(&guard, &format!("/?token={token}"), &[host]).unwrap();
        assert_eq!(header(&welcome, LOCATION), "/sal/");
        assert!(header(&welcome, SET_COOKIE).ends_with("; Path=/sal/; Secure"), "{}", header(&welcome, SET_COOKIE));
    }
}
