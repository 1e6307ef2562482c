//! The JSON interface: the state of the session, and what can be changed. See docs/live-api.md.

use std::sync::Arc;

use axum::extract::rejection::JsonRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::choice::Choice;
use crate::commands::live::session_hub::{SessionAction, SessionHub, SessionSettings, SessionState as Session};
use crate::model::ClassTarget;
use crate::saliency::{Target, TargetName};

/// Maximum number of classes that a search returns.
const FOUND: usize = 50;
/// Maximum length of a text in a request, in bytes.
const MAX_TEXT_BYTES: usize = 200;
/// Maximum length of the reason of a refusal.
const MAX_MESSAGE_CHARACTERS: usize = 1000;

pub(crate) fn routes() -> Router<Arc<SessionHub>> {
    Router::new()
        .route("/api/state", get(state))
        .route("/api/settings", post(change))
        .route("/api/snapshot", post(snapshot))
        .route("/api/record", post(record))
        .route("/api/classes", get(classes))
}

/// The response to a refused request, with the reason.
pub(super) fn refusal(status: StatusCode, why: &str) -> Response {
    // It may repeat a long name from the request.
    let why: String = why.chars().take(MAX_MESSAGE_CHARACTERS).collect();
    (status, Json(json!({ "error": why }))).into_response()
}

/// Refuses a text that is longer than a name, or has characters that are not shown.
fn check_text(what: &str, text: &str) -> Result<(), String> {
    if text.len() > MAX_TEXT_BYTES {
        return Err(format!("{what}: is longer than {MAX_TEXT_BYTES} bytes"));
    }
    if text.contains(char::is_control) {
        return Err(format!("{what}: has control characters"));
    }
    Ok(())
}

/// The settings in JSON: choices by the names of their flags.
#[derive(Serialize)]
struct SettingsView {
    fusion: String,
    layout: String,
    colormap: String,
    alpha: f32,
    label: bool,
    target: String,
    paused: bool,
}

/// A request to change settings; those that are not named stay.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct SettingsChange {
    fusion: Option<String>,
    layout: Option<String>,
    colormap: Option<String>,
    alpha: Option<f32>,
    label: Option<bool>,
    target: Option<String>,
    paused: Option<bool>,
}

impl SettingsView {
    fn of(settings: &SessionSettings) -> Self {
        Self {
            fusion: settings.fusion.name().into(),
            layout: settings.layout.name().into(),
            colormap: settings.colormap.name().into(),
            alpha: settings.alpha,
            label: settings.label,
            target: settings.target.to_string(),
            paused: settings.paused,
        }
    }
}

impl SettingsChange {
    /// Checks the change and finds the target among the model's classes, which takes a while: do this before the
    /// settings are locked.
    fn check(mut self, hub: &SessionHub) -> Result<Self, String> {
        let texts = [("fusion", &self.fusion), ("layout", &self.layout), ("colormap", &self.colormap)];
        for (what, text) in texts.into_iter().chain([("target", &self.target)]) {
            check_text(what, text.as_deref().unwrap_or_default())?;
        }
        if self.alpha.is_some_and(|alpha| !(0.0..=1.0).contains(&alpha)) {
            return Err("alpha: must be from 0 to 1".into());
        }
        self.target = self.target.map(|target| known(&target, hub)).transpose()?;
        Ok(self)
    }

    /// `settings` with the change applied, or why it is refused.
    fn apply(self, mut settings: SessionSettings) -> Result<SessionSettings, String> {
        set(&mut settings.fusion, self.fusion, "fusion")?;
        set(&mut settings.layout, self.layout, "layout")?;
        set(&mut settings.colormap, self.colormap, "colormap")?;
        settings.alpha = self.alpha.unwrap_or(settings.alpha);
        if let Some(target) = self.target {
            let Ok(target) = target.parse();
            settings.target = target;
        }
        settings.label = self.label.unwrap_or(settings.label);
        settings.paused = self.paused.unwrap_or(settings.paused);
        Ok(settings)
    }
}

/// A target as the model names it, or why there is no such target.
fn known(target: &str, hub: &SessionHub) -> Result<String, String> {
    let Ok(target) = target.parse::<TargetName>();
    if target == TargetName::Frequent {
        return Err("target: frequent reads a clip twice: use locked".into());
    }
    let resolved = Target::resolve(&target, hub.labels()).map_err(|e| e.to_string().replace("--target", "target"))?;
    Ok(match (target, resolved) {
        (TargetName::Name(_), Target::Class(ClassTarget { class, opposite })) => {
            format!("{}{}", if opposite { "-" } else { "" }, hub.labels().name(class))
        }
        (target, _) => target.to_string(),
    })
}

fn names<T: Choice>() -> Vec<&'static str> {
    T::names().collect()
}

fn set<T: Choice>(value: &mut T, wish: Option<String>, what: &str) -> Result<(), String> {
    if let Some(wish) = wish {
        *value = T::named(&wish).ok_or_else(|| format!("{what}: must be one of {}", names::<T>().join(", ")))?;
    }
    Ok(())
}

async fn state(State(hub): State<Arc<SessionHub>>) -> Json<Value> {
    let state: Session = hub.state();
    let settings = SettingsView::of(&hub.settings());
    let choices = json!({
        "fusion": names::<crate::fuse::Fusion>(),
        "layout": names::<crate::annotate::Layout>(),
        "colormap": names::<crate::annotate::Colormap>(),
    });
    Json(json!({ "state": state, "settings": settings, "choices": choices, "time": hub.time() }))
}

async fn change(State(hub): State<Arc<SessionHub>>, wish: Result<Json<SettingsChange>, JsonRejection>) -> Response {
    let Json(wish) = match wish {
        Ok(wish) => wish,
        Err(rejection) => return refusal(rejection.status(), &rejection.body_text()),
    };
    match wish.check(&hub).and_then(|wish| hub.try_change(|settings| wish.apply(settings))) {
        Ok(settings) => Json(SettingsView::of(&settings)).into_response(),
        Err(why) => refusal(StatusCode::BAD_REQUEST, &why),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EmptyBody {}

async fn snapshot(State(hub): State<Arc<SessionHub>>, body: Result<Json<EmptyBody>, JsonRejection>) -> Response {
    match body {
        Ok(_) => ask(&hub, SessionAction::Snapshot),
        Err(rejection) => refusal(rejection.status(), &rejection.body_text()),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Recording {
    on: bool,
}

async fn record(State(hub): State<Arc<SessionHub>>, body: Result<Json<Recording>, JsonRejection>) -> Response {
    match body {
        Ok(Json(Recording { on: true })) => ask(&hub, SessionAction::Record),
        Ok(Json(Recording { on: false })) => ask(&hub, SessionAction::StopRecording),
        Err(rejection) => refusal(rejection.status(), &rejection.body_text()),
    }
}

fn ask(hub: &SessionHub, action: SessionAction) -> Response {
    if hub.ask(action) {
        (StatusCode::ACCEPTED, Json(json!({ "asked": action }))).into_response()
    } else {
        refusal(StatusCode::TOO_MANY_REQUESTS, "too many actions are waiting: try again")
    }
}

#[derive(Deserialize)]
struct ClassSearch {
    #[serde(default)]
    q: String,
}

async fn classes(State(hub): State<Arc<SessionHub>>, Query(search): Query<ClassSearch>) -> Response {
    if let Err(why) = check_text("q", &search.q) {
        return refusal(StatusCode::BAD_REQUEST, &why);
    }
    let wanted = search.q.to_lowercase();
    let labels = hub.labels();
    let named = (0..labels.len()).map(|id| (id, labels.name(id)));
    let found = named.filter(|(_, name)| name.to_lowercase().contains(&wanted)).take(FOUND);
    Json(found.map(|(id, name)| json!({ "id": id, "name": name })).collect::<Value>()).into_response()
}
