//! The session on a web page, and a small JSON interface (docs/live-api.md).
//!
//! It has its own async runtime on one thread. A viewer cannot slow the stages or another viewer: each takes the newest
//! picture when it is ready for it, and misses those in between.

pub(crate) mod api;
mod auth;
mod config;
mod connections;
mod malformed;
mod metrics;
mod pictures;
mod public_url;
mod token;

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::middleware;
use axum::response::IntoResponse;
use axum::routing::{MethodRouter, get};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use socket2::SockRef;
use tokio::net::TcpStream;
use tokio::sync::oneshot;

use self::auth::Auth;
pub use self::config::{ServeConfig, parse_address};
use self::connections::{Connection, Connections};
use self::pictures::PictureStream;
pub use self::public_url::PublicUrl;
pub use self::token::Token;
use super::session_hub::SessionHub;
use crate::{Error, Result};

/// Maximum size of a request's header and body in bytes.
const MAX_HEADER_BYTES: usize = 16 * 1024;
const MAX_BODY_BYTES: usize = 4 * 1024;
/// How long a client may take to send the header of a request.
const HEADER_READ_TIMEOUT: Duration = Duration::from_secs(10);
/// Maximum number of bytes that wait in the system to be sent to a client. With more, a slow viewer would see old
/// pictures.
const MAX_UNSENT_BYTES: u32 = 64 * 1024;
/// How often overdue connections are closed.
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);

/// A running server, which stops when it is dropped.
pub struct PageServer {
    notes: Vec<String>,
    _ends: oneshot::Sender<()>,
}

impl PageServer {
    /// Serves `hub`. On an address that other machines can reach, or behind a proxy, a token is required.
    ///
    /// # Errors
    /// [`Error::Usage`] if the address cannot be used, for example because another program uses it.
    pub fn start(config: &ServeConfig, hub: Arc<SessionHub>) -> Result<Self> {
        let address = config.address;
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
        let guard = Auth::of(address, config).map_err(refused)?;
        let notes = guard.notes();
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
        Ok(Self { notes, _ends: ends })
    }

    /// Where the page is, and what viewers need.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }
}

/// Serves connections. Accepting never waits for a client.
async fn accept(listener: TcpListener, hub: Arc<SessionHub>, guard: Auth) -> std::io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let router = TowerToHyperService::new(router(hub, guard));
    let connections = Arc::new(Connections::default());
    let mut sweep = tokio::time::interval(SWEEP_INTERVAL);
    loop {
        tokio::select! {
            _ = sweep.tick() => connections.close_overdue(),
            accepted = listener.accept() => match accepted {
                Ok((stream, client)) => {
                    // Without it, pictures are only older.
                    let _ = SockRef::from(&stream).set_tcp_notsent_lowat(MAX_UNSENT_BYTES);
                    tokio::spawn(serve(stream, router.clone(), connections.add(client.ip())));
                }
                // For example, out of file descriptors: this is temporary.
                Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            },
        }
    }
}

/// Serves one connection, until its client or the list of connections closes it.
async fn serve(stream: TcpStream, router: TowerToHyperService<Router>, connection: Arc<Connection>) {
    let requests = connection.clone();
    let service = service_fn(move |mut request: Request<Incoming>| {
        requests.request();
        request.extensions_mut().insert(requests.clone());
        router.call(request)
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEADER_READ_TIMEOUT);
    http.max_header_size(MAX_HEADER_BYTES).max_buf_size(2 * MAX_HEADER_BYTES);
    tokio::select! {
        // It is normal that clients disconnect.
        _ = http.serve_connection(TokioIo::new(stream), service).with_upgrades() => {}
        () = connection.closed() => {}
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
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(middleware::from_fn_with_state(Arc::new(guard), auth::check))
}

/// A file of the page, embedded in the program.
fn file(kind: &'static str, text: &'static str) -> MethodRouter {
    get(move || async move { ([(CONTENT_TYPE, kind), (CACHE_CONTROL, "no-cache")], text).into_response() })
}
