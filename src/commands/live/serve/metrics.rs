//! Metrics for Prometheus, in its text format 0.0.4.

use std::fmt::Write;
use std::sync::Arc;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};

use crate::commands::live::session_hub::SessionHub;

pub(super) async fn metrics(State(hub): State<Arc<SessionHub>>) -> Response {
    ([(CONTENT_TYPE, "text/plain; version=0.0.4")], text(&hub)).into_response()
}

fn text(hub: &SessionHub) -> String {
    let state = hub.state();
    let seconds = |ms: f32| f64::from(ms) / 1e3;
    let is_recording = f64::from(u8::from(state.recording.is_some() && state.recording_trouble.is_none()));
    let figures = [
        ("frames_captured_total", "counter", "Frames that the source delivered.", state.captured as f64),
        ("frames_shown_total", "counter", "Pictures that were shown.", state.shown as f64),
        ("frames_dropped_total", "counter", "Frames that were replaced by newer ones.", state.dropped as f64),
        ("capture_fps", "gauge", "Frames per second from the source.", state.capture_fps.into()),
        ("static_fps", "gauge", "Gradients per second.", state.static_fps.into()),
        ("output_fps", "gauge", "Pictures per second.", state.output_fps.into()),
        (
            "latency_median_seconds",
            "gauge",
            "Median time from the arrival of a frame to its picture.",
            seconds(state.latency_median_ms),
        ),
        (
            "latency_p95_seconds",
            "gauge",
            "95th percentile of the time from the arrival of a frame to its picture.",
            seconds(state.latency_p95_ms),
        ),
        ("recording", "gauge", "1 while recording.", is_recording),
        ("trouble", "gauge", "1 while the source is lost.", f64::from(u8::from(state.trouble.is_some()))),
        ("uptime_seconds", "gauge", "Seconds since the session began.", hub.time()),
    ];
    let mut text = String::new();
    for (name, kind, help, value) in figures {
        // Writing to a string cannot fail.
        let _ =
            write!(text, "# HELP salstream_{name} {help}\n# TYPE salstream_{name} {kind}\nsalstream_{name} {value}\n");
    }
    text
}
