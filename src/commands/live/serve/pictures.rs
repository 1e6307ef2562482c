//! The live picture: JPEG over a WebSocket, sent on request, and multipart MJPEG.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use futures_util::stream;
use opencv::core::{Mat, Vector};
use opencv::imgcodecs;
use tokio::sync::watch;

use super::api::refusal;
use super::connections::{Connection, Viewer};
use crate::Result;
use crate::commands::live::session_hub::SessionHub;

/// JPEG quality, from 0 to 100.
const QUALITY: i32 = 85;
/// Maximum size of a viewer's message in bytes; it sends `ok`.
const WORDS: usize = 64;

/// The newest picture as JPEG. It is encoded once for all viewers, and only if there are any.
#[derive(Clone)]
pub(super) struct PictureStream {
    jpeg: Arc<watch::Sender<Bytes>>,
}

impl PictureStream {
    /// Starts to encode the pictures of `hub`. Call it inside the runtime.
    pub(super) fn of(hub: &SessionHub) -> Self {
        let jpeg = Arc::new(watch::Sender::new(Bytes::new()));
        let (mut shown, sender) = (hub.pictures(), jpeg.clone());
        tokio::spawn(async move {
            while shown.changed().await.is_ok() {
                let newest = shown.borrow_and_update().clone();
                let Some(newest) = newest.filter(|_| sender.receiver_count() > 0) else { continue };
                let encoded = tokio::task::spawn_blocking(move || encode(&newest.picture)).await;
                if let Ok(Ok(encoded)) = encoded {
                    sender.send_replace(encoded);
                }
            }
        });
        Self { jpeg }
    }
}

/// The response if there are too many viewers.
fn full() -> Response {
    refusal(StatusCode::SERVICE_UNAVAILABLE, "there are too many viewers: try again later")
}

fn encode(picture: &Mat) -> Result<Bytes> {
    let mut jpeg = Vector::new();
    imgcodecs::imencode(".jpg", picture, &mut jpeg, &Vector::from_slice(&[imgcodecs::IMWRITE_JPEG_QUALITY, QUALITY]))?;
    Ok(Bytes::copy_from_slice(jpeg.as_slice()))
}

pub(super) fn routes() -> Router<PictureStream> {
    Router::new().route("/live", get(socket)).route("/stream.mjpg", get(motion_jpeg))
}

async fn socket(
    State(pictures): State<PictureStream>,
    Extension(connection): Extension<Arc<Connection>>,
    upgrade: WebSocketUpgrade,
) -> Response {
    let Some(viewer) = connection.watch() else { return full() };
    let jpegs = pictures.jpeg.subscribe();
    upgrade.max_message_size(WORDS).on_upgrade(|socket| async move {
        tokio::select! {
            _ = show(socket, jpegs, &viewer) => {}
            () = viewer.closed() => {}
        }
    })
}

/// Sends the newest picture each time the viewer confirms the previous one with any message.
async fn show(mut socket: WebSocket, mut jpegs: watch::Receiver<Bytes>, viewer: &Viewer) -> Option<()> {
    loop {
        tokio::select! {
            changed = jpegs.changed() => changed.ok()?,
            // Before the first picture, only a closing viewer matters.
            said = socket.recv() => match said?.ok()? {
                Message::Ping(_) | Message::Pong(_) | Message::Text(_) => continue,
                Message::Binary(_) | Message::Close(_) => return None,
            },
        }
        let jpeg = jpegs.borrow_and_update().clone();
        viewer.offered();
        socket.send(Message::Binary(jpeg)).await.ok()?;
        while matches!(socket.recv().await?.ok()?, Message::Ping(_) | Message::Pong(_)) {}
        viewer.taken();
    }
}

async fn motion_jpeg(
    State(pictures): State<PictureStream>,
    Extension(connection): Extension<Arc<Connection>>,
) -> Response {
    let Some(viewer) = connection.watch() else { return full() };
    let parts = stream::unfold((viewer, pictures.jpeg.subscribe()), |(viewer, mut jpegs)| async move {
        // The next part is asked for only after the one before has been sent.
        viewer.taken();
        jpegs.changed().await.ok()?;
        let jpeg = jpegs.borrow_and_update().clone();
        let head = format!("--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {}\r\n\r\n", jpeg.len());
        let part = Bytes::from([head.as_bytes(), &jpeg, b"\r\n"].concat());
        viewer.offered();
        Some((Ok::<_, std::convert::Infallible>(part), (viewer, jpegs)))
    });
    ([(CONTENT_TYPE, "multipart/x-mixed-replace; boundary=frame")], Body::from_stream(parts)).into_response()
}
