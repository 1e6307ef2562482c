//! What the stages of a live session share with those who look on: the window, the page, the recorder.
//!
//! Those who look on change [`Settings`] and ask for [`Action`]s; the stages publish pictures and a [`State`]. Nobody
//! waits for anybody: of pictures only the newest is kept, and who is slow misses the ones between.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use opencv::core::Mat;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::annotate::{Colormap, Layout};
use crate::frame::Prediction;
use crate::fuse::Fusion;
use crate::saliency::TargetName;

/// Actions that wait to be done, at most; more are refused.
const WAITING: usize = 16;

/// What may change while the session runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
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

/// What happens once, on request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Save the next picture beside its record.
    Snapshot,
    /// Begin to record.
    Record,
    /// End the recording.
    StopRecording,
}

/// A picture on its way to those who look on.
#[derive(Debug)]
pub struct Shown {
    /// Position among the frames that were captured; increasing, with gaps where frames were dropped.
    pub index: u64,
    /// When the frame arrived.
    pub captured: Instant,
    /// The annotated picture, 8-bit BGR.
    pub picture: Mat,
}

/// How the session goes.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct State {
    /// The source, as a person would name it; without any password of its address.
    pub source: String,
    /// Model, device and precision.
    pub classifier: String,
    /// What is wrong right now, such as a lost stream; `None` while all is well.
    pub trouble: Option<String>,
    /// Frames a second that the source delivers, that have a gradient, and that are shown.
    pub capture_fps: f32,
    pub static_fps: f32,
    pub output_fps: f32,
    /// Milliseconds from a frame's arrival to its picture's.
    pub latency_median_ms: f32,
    pub latency_p95_ms: f32,
    /// Frames that gave way to newer ones, and pictures shown, since the start.
    pub dropped: u64,
    pub shown: u64,
    /// The file that is being recorded.
    pub recording: Option<String>,
    /// The best classes, best first; at most five.
    pub top: Vec<Prediction>,
    /// The last minute, oldest first.
    pub energy: VecDeque<Energy>,
}

/// The energy of one moment's maps.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Energy {
    /// Seconds since the session began.
    pub time: f64,
    /// Means of the maps, 0..=1.
    pub static_: f32,
    pub motion: f32,
}

/// The meeting place.
pub struct Desk {
    settings: Mutex<Settings>,
    actions: Mutex<VecDeque<Action>>,
    state: Mutex<State>,
    picture: watch::Sender<Option<Arc<Shown>>>,
    /// The model's class names, by id.
    classes: Vec<String>,
}

impl Desk {
    /// A desk with these settings, for a model of these `classes`.
    pub fn new(settings: Settings, classes: Vec<String>) -> Self {
        let picture = watch::Sender::new(None);
        Self { settings: settings.into(), actions: Mutex::default(), state: Mutex::default(), picture, classes }
    }

    /// The settings as they are now.
    pub fn settings(&self) -> Settings {
        held(&self.settings).clone()
    }

    /// Changes the settings.
    pub fn change(&self, change: impl FnOnce(&mut Settings)) {
        change(&mut held(&self.settings));
    }

    /// Asks for `action`. Whether it was taken: it is not where too many wait.
    pub fn ask(&self, action: Action) -> bool {
        let mut actions = held(&self.actions);
        let room = actions.len() < WAITING;
        if room {
            actions.push_back(action);
        }
        room
    }

    /// The oldest action that waits.
    pub fn next_action(&self) -> Option<Action> {
        held(&self.actions).pop_front()
    }

    /// How the session goes.
    pub fn state(&self) -> State {
        held(&self.state).clone()
    }

    /// Says how the session goes.
    pub fn report(&self, report: impl FnOnce(&mut State)) {
        report(&mut held(&self.state));
    }

    /// Shows a picture; whoever has not taken the one before misses it.
    pub fn show(&self, shown: Shown) {
        self.picture.send_replace(Some(Arc::new(shown)));
    }

    /// Where pictures arrive, the newest only.
    pub fn pictures(&self) -> watch::Receiver<Option<Arc<Shown>>> {
        self.picture.subscribe()
    }

    /// The model's class names, by id.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }
}

/// What the mutex guards: each change is whole even where another thread panicked.
fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
