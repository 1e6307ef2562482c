//! The live picture: JPEG over a WebSocket, sent on request, and multipart MJPEG.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures_util::stream;
use opencv::core::{Mat, Vector};
use opencv::imgcodecs;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::timeout;

use super::api::refusal;
use crate::Result;
use crate::commands::live::session_hub::SessionHub;

/// Maximum number of viewers.
const VIEWERS: usize = 64;
/// JPEG quality, from 0 to 100.
const QUALITY: i32 = 85;
/// How long a viewer may take for one picture before it is disconnected.
const WRITE_TIMEOUT: Duration = Duration::from_secs(20);
/// Maximum size of a viewer's message in bytes; it sends `ok`.
const WORDS: usize = 64;

/// The newest picture as JPEG. It is encoded once for all viewers, and only if there are any.
#[derive(Clone)]
pub(super) struct PictureStream {
    jpeg: Arc<watch::Sender<Bytes>>,
    seats: Arc<Semaphore>,
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
        Self { jpeg, seats: Arc::new(Semaphore::new(VIEWERS)) }
    }

    /// A permit and the pictures; `None` if there are too many viewers.
    fn viewer_permit(&self) -> Option<(OwnedSemaphorePermit, watch::Receiver<Bytes>)> {
        Some((self.seats.clone().try_acquire_owned().ok()?, self.jpeg.subscribe()))
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

async fn socket(State(pictures): State<PictureStream>, upgrade: WebSocketUpgrade) -> Response {
    match pictures.viewer_permit() {
        Some((viewer_permit, jpegs)) => upgrade.max_message_size(WORDS).on_upgrade(|socket| async move {
            show(socket, jpegs).await;
            drop(viewer_permit);
        }),
        None => full(),
    }
}

/// Sends the newest picture each time the viewer confirms the previous one with any message.
async fn show(mut socket: WebSocket, mut jpegs: watch::Receiver<Bytes>) {
    loop {
        tokio::select! {
            changed = jpegs.changed() => {
                if changed.is_err() {
                    return;
                }
            }
            // Before the first picture, only a closing viewer matters.
            said = socket.recv() => match said {
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Text(_))) => continue,
                _ => return,
            },
        }
        let jpeg = jpegs.borrow_and_update().clone();
        let delivered = async {
            socket.send(Message::Binary(jpeg)).await.ok()?;
            loop {
                match socket.recv().await?.ok()? {
                    Message::Text(_) | Message::Binary(_) => return Some(()),
                    Message::Close(_) => return None,
                    Message::Ping(_) | Message::Pong(_) => {}
                }
            }
        };
        if timeout(WRITE_TIMEOUT, delivered).await.ok().flatten().is_none() {
            return;
        }
    }
}

async fn motion_jpeg(State(pictures): State<PictureStream>) -> Response {
    let Some((viewer_permit, jpegs)) = pictures.viewer_permit() else { return full() };
    let parts = stream::unfold((viewer_permit, jpegs), |(viewer_permit, mut jpegs)| async move {
        jpegs.changed().await.ok()?;
        let jpeg = jpegs.borrow_and_update().clone();
        let head = format!("--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {}\r\n\r\n", jpeg.len());
        let part = Bytes::from([head.as_bytes(), &jpeg, b"\r\n"].concat());
        Some((Ok::<_, std::convert::Infallible>(part), (viewer_permit, jpegs)))
    });
    ([(CONTENT_TYPE, "multipart/x-mixed-replace; boundary=frame")], Body::from_stream(parts)).into_response()
}
