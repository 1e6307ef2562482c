//! What the stages of a live session share with its outputs: the window, the page, the recorder.
//!
//! The outputs change [`SessionSettings`] and request [`SessionAction`]s; the stages publish pictures and a
//! [`SessionState`]. Nobody waits for anybody: only the newest picture is kept, and a slow output misses those in
//! between.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use opencv::core::Mat;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::meter::{LatencyMeter, RateMeter};
use crate::annotate::{Colormap, Layout, Style};
use crate::frame::Prediction;
use crate::fuse::Fusion;
use crate::model::ClassLabels;
use crate::pipeline::control::{Control, StageSettings};
use crate::saliency::TargetName;

/// Maximum number of waiting actions; more are refused.
const MAX_WAITING_ACTIONS: usize = 16;
/// Maximum number of frames in the stages at one time.
const MAX_FRAMES_IN_FLIGHT: u64 = 6;
/// Seconds that [`SessionState::energy`] covers.
const ENERGY_WINDOW_SECONDS: f64 = 60.0;
/// Seconds between two of its values.
const ENERGY_INTERVAL_SECONDS: f64 = 0.25;

/// The settings that can be changed during a session.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionSettings {
    /// How to combine the maps; `static` and `motion` show one of them alone.
    pub fusion: Fusion,
    /// The layout of the picture.
    pub layout: Layout,
    /// The colours of the maps.
    pub colormap: Colormap,
    /// Opacity of the map, 0..=1.
    pub alpha: f32,
    /// Whether to draw class, probability and captions.
    pub label: bool,
    /// The class to explain; `Locked` keeps the best class at the time of locking.
    pub target: TargetName,
    /// Whether the picture is frozen.
    pub paused: bool,
}

impl SessionSettings {
    /// How to draw pictures.
    pub fn style(&self) -> Style {
        Style { layout: self.layout, colormap: self.colormap, alpha: self.alpha, label: self.label }
    }
}

/// An action that is performed once, on request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SessionAction {
    /// Save the next picture and its record.
    Snapshot,
    /// Start to record.
    Record,
    /// Stop recording.
    StopRecording,
}

/// A picture for the outputs.
#[derive(Debug)]
pub struct DisplayFrame {
    /// Index among the captured frames. It increases, with gaps where frames were dropped.
    pub index: u64,
    /// Arrival time of the frame, in seconds since the session began.
    pub time: f64,
    /// The annotated picture, 8-bit BGR.
    pub picture: Mat,
}

/// The state of the session.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct SessionState {
    /// The source, as shown to users; without the password in its address.
    pub source: String,
    /// Model, device and precision.
    pub classifier: String,
    /// The current problem, such as a lost stream; `None` if there is none.
    pub trouble: Option<String>,
    /// The last message for the user, such as the path of a snapshot.
    pub notice: Option<String>,
    /// Frames per second that the source delivers, that get a gradient, and that are shown.
    pub capture_fps: f32,
    pub static_fps: f32,
    pub output_fps: f32,
    /// Milliseconds from the arrival of a frame to its picture.
    pub latency_median_ms: f32,
    pub latency_p95_ms: f32,
    /// Number of frames that were captured, shown, and replaced by newer ones, since the start.
    pub captured: u64,
    pub shown: u64,
    pub dropped: u64,
    /// The file that is being recorded.
    pub recording: Option<String>,
    /// Why nothing is recorded at the moment, although a recording is wanted.
    pub recording_trouble: Option<String>,
    /// The best classes, in descending order; at most five.
    pub top: Vec<Prediction>,
    /// The last minute, in order of time.
    pub energy: VecDeque<EnergySample>,
}

/// The energy of the maps at one time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct EnergySample {
    /// Seconds since the session began.
    pub time: f64,
    /// Means of the maps, 0..=1.
    #[serde(rename = "static")]
    pub static_: f32,
    pub motion: f32,
}

/// The shared state of a session.
pub struct SessionHub {
    began: Instant,
    settings: Mutex<SessionSettings>,
    actions: Mutex<VecDeque<SessionAction>>,
    state: Mutex<SessionState>,
    meters: Mutex<SessionMeters>,
    picture: watch::Sender<Option<Arc<DisplayFrame>>>,
    labels: ClassLabels,
}

#[derive(Default)]
struct SessionMeters {
    captured: RateMeter,
    explained: RateMeter,
    shown: RateMeter,
    latency: LatencyMeter,
}

impl SessionHub {
    /// A hub with these settings, for a model with these classes. The session begins now.
    pub fn new(settings: SessionSettings, labels: ClassLabels) -> Self {
        Self {
            began: Instant::now(),
            settings: settings.into(),
            actions: Mutex::default(),
            state: Mutex::default(),
            meters: Mutex::default(),
            picture: watch::Sender::new(None),
            labels,
        }
    }

    /// Seconds since the session began, by a monotonic clock: the time of a frame that arrives now.
    pub fn time(&self) -> f64 {
        self.began.elapsed().as_secs_f64()
    }

    /// The current settings.
    pub fn settings(&self) -> SessionSettings {
        held(&self.settings).clone()
    }

    /// Changes the settings with `change`.
    pub fn change(&self, change: impl FnOnce(&mut SessionSettings)) {
        change(&mut held(&self.settings));
    }

    /// Changes the settings with `change`, or leaves them as they are if it fails. Returns the new settings.
    ///
    /// # Errors
    /// The error of `change`.
    pub fn try_change<E>(
        &self,
        change: impl FnOnce(SessionSettings) -> Result<SessionSettings, E>,
    ) -> Result<SessionSettings, E> {
        let mut settings = held(&self.settings);
        *settings = change(settings.clone())?;
        Ok(settings.clone())
    }

    /// Requests `action`. Returns false if too many actions are waiting.
    pub fn ask(&self, action: SessionAction) -> bool {
        let mut actions = held(&self.actions);
        let room = actions.len() < MAX_WAITING_ACTIONS;
        if room {
            actions.push_back(action);
        }
        room
    }

    /// Takes the oldest waiting action.
    pub fn next_action(&self) -> Option<SessionAction> {
        held(&self.actions).pop_front()
    }

    /// The current state.
    pub fn state(&self) -> SessionState {
        let state = held(&self.state).clone();
        let meters = held(&self.meters);
        let (captured, shown) = (meters.captured.total(), meters.shown.total());
        SessionState {
            capture_fps: meters.captured.per_second(),
            static_fps: meters.explained.per_second(),
            output_fps: meters.shown.per_second(),
            latency_median_ms: meters.latency.recent(0.5),
            latency_p95_ms: meters.latency.recent(0.95),
            captured,
            shown,
            // Frames that are still in the stages are not dropped.
            dropped: captured.saturating_sub(shown + MAX_FRAMES_IN_FLIGHT),
            ..state
        }
    }

    /// Median and 95th percentile of all latencies, in milliseconds.
    pub fn latency(&self) -> (usize, usize) {
        let meters = held(&self.meters);
        (meters.latency.overall(0.5), meters.latency.overall(0.95))
    }

    /// Updates the state. The measured figures are set by the hub, not by `report`.
    pub fn report(&self, report: impl FnOnce(&mut SessionState)) {
        report(&mut held(&self.state));
    }

    /// Sets the message for the user.
    pub fn notice(&self, text: impl Into<String>) {
        self.report(|state| state.notice = Some(text.into()));
    }

    /// Counts a frame that has arrived.
    pub fn captured(&self) {
        held(&self.meters).captured.count();
    }

    /// Publishes a picture and its energy. An output that has not taken the previous picture misses it.
    pub fn show(&self, shown: Arc<DisplayFrame>, energy: EnergySample) {
        {
            let mut meters = held(&self.meters);
            meters.shown.count();
            meters.latency.push(((self.time() - shown.time) * 1e3) as f32);
        }
        self.report(|state| {
            if state.energy.back().is_none_or(|last| energy.time - last.time >= ENERGY_INTERVAL_SECONDS) {
                state.energy.push_back(energy);
            }
            while state.energy.front().is_some_and(|first| energy.time - first.time > ENERGY_WINDOW_SECONDS) {
                state.energy.pop_front();
            }
        });
        self.picture.send_replace(Some(shown));
    }

    /// Publishes a picture that is not new, such as the greyed last one.
    pub fn show_again(&self, shown: Arc<DisplayFrame>) {
        self.picture.send_replace(Some(shown));
    }

    /// The channel of pictures, which holds only the newest.
    pub fn pictures(&self) -> watch::Receiver<Option<Arc<DisplayFrame>>> {
        self.picture.subscribe()
    }

    /// The names of the model's classes.
    pub fn labels(&self) -> &ClassLabels {
        &self.labels
    }
}

impl Control for SessionHub {
    fn settings(&self) -> StageSettings {
        let settings = Self::settings(self);
        StageSettings { fusion: settings.fusion, style: settings.style(), target: settings.target }
    }

    fn offered_fps(&self) -> f64 {
        held(&self.meters).captured.per_second().into()
    }

    fn explained(&self, best: Vec<Prediction>) {
        held(&self.meters).explained.count();
        self.report(|state| state.top = best);
    }
}

/// Locks a mutex. A panic in another thread does no harm, because each change is complete in itself.
fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
