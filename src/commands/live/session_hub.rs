//! What the stages of a live session share with those who look on: the window, the page, the recorder.
//!
//! Those who look on change [`SessionSettings`] and ask for [`SessionAction`]s; the stages publish pictures and a [`SessionState`]. Nobody
//! waits for anybody: of pictures only the newest is kept, and who is slow misses the ones between.

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

/// Actions that wait to be done, at most; more are refused.
const MAX_WAITING_ACTIONS: usize = 16;
/// Frames that may be in the stages at any moment.
const MAX_FRAMES_IN_FLIGHT: u64 = 6;
/// Seconds that [`SessionState::energy`] looks back.
const ENERGY_WINDOW_SECONDS: f64 = 60.0;
/// Seconds between two of its values.
const ENERGY_INTERVAL_SECONDS: f64 = 0.25;

/// What may change while the session runs.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionSettings {
    /// How the maps become one; `static` and `motion` show one of them alone.
    pub fusion: Fusion,
    /// How the picture is put together.
    pub layout: Layout,
    /// The colours of the maps.
    pub colormap: Colormap,
    /// Opacity of the map, 0..=1.
    pub alpha: f32,
    /// Whether class, probability and captions are drawn.
    pub label: bool,
    /// The class that is explained; `Locked` holds the best class of the moment.
    pub target: TargetName,
    /// Whether the picture stands still.
    pub paused: bool,
}

impl SessionSettings {
    /// How pictures are to be drawn.
    pub fn style(&self) -> Style {
        Style { layout: self.layout, colormap: self.colormap, alpha: self.alpha, label: self.label }
    }
}

/// What happens once, on request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SessionAction {
    /// Save the next picture beside its record.
    Snapshot,
    /// Begin to record.
    Record,
    /// End the recording.
    StopRecording,
}

/// A picture on its way to those who look on.
#[derive(Debug)]
pub struct DisplayFrame {
    /// Position among the frames that were captured; increasing, with gaps where frames were dropped.
    pub index: u64,
    /// When the frame arrived, in seconds since the session began.
    pub time: f64,
    /// The annotated picture, 8-bit BGR.
    pub picture: Mat,
}

/// How the session goes.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct SessionState {
    /// The source, as a person would name it; without any password of its address.
    pub source: String,
    /// Model, device and precision.
    pub classifier: String,
    /// What is wrong right now, such as a lost stream; `None` while all is well.
    pub trouble: Option<String>,
    /// The last thing worth saying, such as where a snapshot lies.
    pub notice: Option<String>,
    /// Frames a second that the source delivers, that have a gradient, and that are shown.
    pub capture_fps: f32,
    pub static_fps: f32,
    pub output_fps: f32,
    /// Milliseconds from a frame's arrival to its picture's.
    pub latency_median_ms: f32,
    pub latency_p95_ms: f32,
    /// Frames that came, that were shown, and that gave way to newer ones, since the start.
    pub captured: u64,
    pub shown: u64,
    pub dropped: u64,
    /// The file that is being recorded.
    pub recording: Option<String>,
    /// The best classes, best first; at most five.
    pub top: Vec<Prediction>,
    /// The last minute, oldest first.
    pub energy: VecDeque<EnergySample>,
}

/// The energy of one moment's maps.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct EnergySample {
    /// Seconds since the session began.
    pub time: f64,
    /// Means of the maps, 0..=1.
    #[serde(rename = "static")]
    pub static_: f32,
    pub motion: f32,
}

/// The meeting place.
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
    /// A desk with these settings, for a model of these classes. The session begins now.
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

    /// Seconds since the session began, by a clock that never jumps: the time of a frame that arrives now.
    pub fn time(&self) -> f64 {
        self.began.elapsed().as_secs_f64()
    }

    /// The settings as they are now.
    pub fn settings(&self) -> SessionSettings {
        held(&self.settings).clone()
    }

    /// Changes the settings.
    pub fn change(&self, change: impl FnOnce(&mut SessionSettings)) {
        change(&mut held(&self.settings));
    }

    /// Changes the settings to what `change` makes of them, or leaves them as they are; what they are then.
    ///
    /// # Errors
    /// That of `change`.
    pub fn try_change<E>(
        &self,
        change: impl FnOnce(SessionSettings) -> Result<SessionSettings, E>,
    ) -> Result<SessionSettings, E> {
        let mut settings = held(&self.settings);
        *settings = change(settings.clone())?;
        Ok(settings.clone())
    }

    /// Asks for `action`. Whether it was taken: it is not where too many wait.
    pub fn ask(&self, action: SessionAction) -> bool {
        let mut actions = held(&self.actions);
        let room = actions.len() < MAX_WAITING_ACTIONS;
        if room {
            actions.push_back(action);
        }
        room
    }

    /// The oldest action that waits.
    pub fn next_action(&self) -> Option<SessionAction> {
        held(&self.actions).pop_front()
    }

    /// How the session goes.
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
            // Those on their way are not lost.
            dropped: captured.saturating_sub(shown + MAX_FRAMES_IN_FLIGHT),
            ..state
        }
    }

    /// Median and 95th percentile of all latencies, in milliseconds.
    pub fn latency(&self) -> (usize, usize) {
        let meters = held(&self.meters);
        (meters.latency.overall(0.5), meters.latency.overall(0.95))
    }

    /// Says how the session goes. What is measured is not the caller's to say.
    pub fn report(&self, report: impl FnOnce(&mut SessionState)) {
        report(&mut held(&self.state));
    }

    /// Says what is worth saying once.
    pub fn notice(&self, text: impl Into<String>) {
        self.report(|state| state.notice = Some(text.into()));
    }

    /// A frame has arrived.
    pub fn captured(&self) {
        held(&self.meters).captured.count();
    }

    /// Shows a picture with its energy; whoever has not taken the one before misses it.
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

    /// Shows a picture that is not of this moment, such as the last one, greyed.
    pub fn show_again(&self, shown: Arc<DisplayFrame>) {
        self.picture.send_replace(Some(shown));
    }

    /// Where pictures arrive, the newest only.
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

/// What the mutex guards: each change is whole even where another thread panicked.
fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
