//! The session on a web page, and a small JSON interface (docs/live-api.md).
//!
//! It has its own async runtime on one thread. A viewer cannot slow the stages or another viewer: each takes the newest
//! picture when it is ready for it, and misses those in between.

mod api;
mod auth;
mod metrics;
mod pictures;

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::middleware;
use axum::response::IntoResponse;
use axum::routing::{MethodRouter, get};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::sync::{Semaphore, oneshot};

use self::auth::Auth;
use self::pictures::PictureStream;
use super::session_hub::SessionHub;
use crate::{Error, Result};

/// The default port.
const DEFAULT_PORT: u16 = 8642;
/// Maximum number of connections; more have to wait.
const CONNECTIONS: usize = 256;
/// Maximum size of a request's body in bytes.
const BODY: usize = 16 * 1024;
/// How long a client may take to send the header of a request.
const HEAD_PATIENCE: Duration = Duration::from_secs(10);

/// Parses `ADDR:PORT`, `ADDR` or `:PORT`.
pub fn parse_address(text: &str) -> Result<SocketAddr, String> {
    let full = match text.strip_prefix(':').filter(|port| !port.contains(':')) {
        Some(port) => format!("127.0.0.1:{port}"),
        None => text.replace("localhost", "127.0.0.1"),
    };
    let alone = || full.trim_matches(['[', ']']).parse().ok().map(|ip| SocketAddr::new(ip, DEFAULT_PORT));
    full.parse().ok().or_else(alone).ok_or_else(|| "must be ADDR:PORT, such as 127.0.0.1:8642 or 0.0.0.0:8642".into())
}

/// A running server, which stops when it is dropped.
pub struct PageServer {
    url: String,
    _ends: oneshot::Sender<()>,
}

impl PageServer {
    /// Serves `hub` at `address`; port 0 takes any free port. On an address that other machines can reach, a token is
    /// required.
    ///
    /// # Errors
    /// [`Error::Usage`] if the address cannot be used, for example because another program uses it.
    pub fn start(address: SocketAddr, hub: Arc<SessionHub>) -> Result<Self> {
        let refused = |e: std::io::Error| match e.kind() {
            std::io::ErrorKind::AddrInUse => Error::Usage(format!(
                "--serve {address}: another program has this port: use another one, such as :{}",
                address.port().wrapping_add(1)
            )),
            _ => Error::Usage(format!("--serve {address}: {e}")),
        };
        let listener = TcpListener::bind(address).map_err(refused)?;
        listener.set_nonblocking(true).map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        let guard = Auth::of(address).map_err(refused)?;
        let url = guard.url();
        let (ends, ended) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(refused)?;
        let work = move || {
            runtime.block_on(async {
                tokio::select! {
                    _ = accept(listener, hub, guard) => {}
                    _ = ended => {}
                }
            });
            // Connections that hang must not delay the shutdown.
            runtime.shutdown_background();
        };
        let thread = std::thread::Builder::new().name("serve".into()).spawn(work);
        thread.map_err(|e| Error::Panic { stage: "serve".into(), message: e.to_string() })?;
        Ok(Self { url, _ends: ends })
    }

    /// The page's address, with the token if there is one.
    pub fn url(&self) -> &str {
        &self.url
    }
}

/// Serves connections, up to a maximum number at a time.
async fn accept(listener: TcpListener, hub: Arc<SessionHub>, guard: Auth) -> std::io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let router = router(hub, guard);
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(permit) = room.clone().acquire_owned().await else { return Ok(()) };
        let Ok((stream, _)) = listener.accept().await else {
            // For example, out of file descriptors: this is temporary.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let service = TowerToHyperService::new(router.clone());
        tokio::spawn(async move {
            let mut http = http1::Builder::new();
            http.timer(TokioTimer::new()).header_read_timeout(HEAD_PATIENCE);
            // It is normal that clients disconnect.
            let _ = http.serve_connection(TokioIo::new(stream), service).with_upgrades().await;
            drop(permit);
        });
    }
}

fn router(hub: Arc<SessionHub>, guard: Auth) -> Router {
    let pictures = PictureStream::of(&hub);
    Router::new()
        .route("/", file("text/html; charset=utf-8", include_str!("page/index.html")))
        .route("/style.css", file("text/css; charset=utf-8", include_str!("page/style.css")))
        .route("/app.js", file("text/javascript; charset=utf-8", include_str!("page/app.js")))
        .merge(api::routes().with_state(hub.clone()))
        .route("/metrics", get(metrics::metrics).with_state(hub))
        .merge(pictures::routes().with_state(pictures))
        .layer(DefaultBodyLimit::max(BODY))
        .layer(middleware::from_fn_with_state(Arc::new(guard), auth::check))
}

/// A file of the page, embedded in the program.
fn file(kind: &'static str, text: &'static str) -> MethodRouter {
    get(move || async move { ([(CONTENT_TYPE, kind), (CACHE_CONTROL, "no-cache")], text).into_response() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_may_be_short() {
        let parsed = |text: &str| parse_address(text).map(|address| address.to_string());
        assert_eq!(parsed(":9000"), Ok("127.0.0.1:9000".into()));
        assert_eq!(parsed("0.0.0.0"), Ok("0.0.0.0:8642".into()));
        assert_eq!(parsed("localhost:80"), Ok("127.0.0.1:80".into()));
        assert_eq!(parsed("[::1]:80"), Ok("[::1]:80".into()));
        assert_eq!(parsed("::1"), Ok("[::1]:8642".into()));
        assert!(parsed("nowhere").is_err() && parsed("1.2.3.4:99999").is_err());
    }
}
