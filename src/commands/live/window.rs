//! Shows the session in a window that is controlled by keys.

use std::time::{Duration, Instant};

use opencv::core::{Mat, Point, Rect, Scalar, Size};
use opencv::highgui;
use opencv::imgproc;
use opencv::prelude::*;

use super::session_hub::{SessionAction, SessionHub, SessionState};
use crate::annotate::text;
use crate::choice::Choice;
use crate::saliency::TargetName;
use crate::{Error, Result};

const WINDOW_NAME: &str = "salstream";
const ESCAPE: i32 = 27;
/// How often the figures in the title are updated.
const TITLE: Duration = Duration::from_millis(500);
/// The help that the h key shows.
const HELP: [&str; 10] = [
    "q, Esc  end",
    "space   pause",
    "c       colours",
    "l       layout",
    "m       fusion",
    "t       lock the class",
    "s       snapshot",
    "r       record",
    "h       this help",
    "",
];

/// An open window. Use it on the main thread only: window systems require this.
pub struct PreviewWindow {
    help: bool,
    /// Size of the last picture: a window that the user has not resized follows it.
    size: Size,
    /// When the title was last updated.
    titled: Instant,
}

impl PreviewWindow {
    /// Whether a window can be opened.
    ///
    /// # Errors
    /// [`Error::Usage`] if there is no display.
    pub fn check() -> Result<()> {
        let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        match ["DISPLAY", "WAYLAND_DISPLAY"].into_iter().any(is_set) {
            true => Ok(()),
            false => Err(Error::Usage(
                "there is no display for a window: use --serve and open its address, or record with -o".into(),
            )),
        }
    }

    /// Opens a window in the size of the picture.
    ///
    /// # Errors
    /// [`Error::Usage`] if there is no display.
    pub fn open() -> Result<Self> {
        Self::check()?;
        highgui::named_window(
            WINDOW_NAME,
            highgui::WINDOW_NORMAL | highgui::WINDOW_KEEPRATIO | highgui::WINDOW_GUI_NORMAL,
        )
        .map_err(|e| Error::Usage(format!("cannot open a window ({}): use --serve or -o", e.message.trim())))?;
        Ok(Self { help: false, size: Size::default(), titled: Instant::now() })
    }

    /// Shows a picture.
    ///
    /// # Errors
    /// [`Error::OpenCv`] if the window system fails.
    pub fn show(&mut self, picture: &Mat) -> Result<()> {
        let size = picture.size()?;
        if size != self.size {
            highgui::resize_window_size(WINDOW_NAME, size)?;
            self.size = size;
        }
        if self.help {
            let mut helped = picture.try_clone()?;
            draw_help(&mut helped)?;
            highgui::imshow(WINDOW_NAME, &helped)?;
        } else {
            highgui::imshow(WINDOW_NAME, picture)?;
        }
        Ok(())
    }

    /// Handles window events and keys. Returns false if the user wants to quit.
    ///
    /// # Errors
    /// [`Error::OpenCv`] if the window system fails.
    pub fn serve(&mut self, hub: &SessionHub) -> Result<bool> {
        let key = highgui::poll_key()?;
        if highgui::get_window_property(WINDOW_NAME, highgui::WND_PROP_VISIBLE)? < 1.0 {
            return Ok(false);
        }
        if self.titled.elapsed() >= TITLE {
            self.titled = Instant::now();
            highgui::set_window_title(WINDOW_NAME, &title(&hub.state()))?;
        }
        // The bits above the low byte are modifiers.
        Ok(key < 0 || self.press(key & 0xFF, hub))
    }

    fn press(&mut self, key: i32, hub: &SessionHub) -> bool {
        match u8::try_from(key).map(char::from) {
            Ok('q') => return false,
            _ if key == ESCAPE => return false,
            Ok(' ') => hub.change(|settings| settings.paused = !settings.paused),
            Ok('c') => hub.change(|settings| settings.colormap = after(settings.colormap)),
            Ok('l') => hub.change(|settings| settings.layout = after(settings.layout)),
            Ok('m') => hub.change(|settings| settings.fusion = after(settings.fusion)),
            Ok('t') => hub.change(|settings| settings.target = lock(&settings.target)),
            Ok('s') => drop(hub.ask(SessionAction::Snapshot)),
            Ok('r') => drop(hub.ask(match hub.state().recording {
                None => SessionAction::Record,
                Some(_) => SessionAction::StopRecording,
            })),
            Ok('h') => self.help = !self.help,
            _ => {}
        }
        true
    }
}

impl Drop for PreviewWindow {
    fn drop(&mut self) {
        // The window may be closed already.
        let _ = highgui::destroy_window(WINDOW_NAME);
    }
}

/// The window title: the current figures.
fn title(state: &SessionState) -> String {
    let SessionState { output_fps, static_fps, latency_median_ms, dropped, .. } = state;
    let word = state.trouble.as_ref().or(state.notice.as_ref()).map(|text| format!(" - {text}")).unwrap_or_default();
    format!(
        "{WINDOW_NAME}: {output_fps:.0} fps, classifier {static_fps:.0}, {latency_median_ms:.0} ms, {dropped} dropped{word}"
    )
}

/// The value after `value`; after the last one, the first.
fn after<T: Choice>(value: T) -> T {
    let behind = T::values().skip_while(|other| *other != value).nth(1);
    behind.or(T::values().next()).unwrap_or(value)
}

/// Locks the current class, or releases it.
fn lock(target: &TargetName) -> TargetName {
    if *target == TargetName::Top1 { TargetName::Locked } else { TargetName::Top1 }
}

fn draw_help(picture: &mut Mat) -> Result<()> {
    let size = picture.size()?;
    let capital = (f64::from(size.height) / 36.0).clamp(8.0, 22.0);
    let step = (capital * 2.0) as i32;
    let width =
        HELP.iter().map(|line| text::width(line, capital)).try_fold(0, |most, width| width.map(|w| most.max(w)))?;
    let plate = Rect::new(0, 0, width + 2 * step, step * HELP.len() as i32 + step / 2);
    let shown = plate & Rect::new(0, 0, size.width, size.height);
    imgproc::rectangle(picture, shown, Scalar::all(24.0), imgproc::FILLED, imgproc::LINE_8, 0)?;
    for (index, line) in HELP.iter().enumerate() {
        let at = Point::new(step, step * (index as i32 + 1) + step / 2);
        text::line(picture, line, at, capital, Scalar::all(255.0))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::annotate::Colormap;

    #[test]
    fn keys_go_round() {
        let all: Vec<Colormap> = Colormap::values().collect();
        let round = all.iter().fold(all[0], |colormap, _| after(colormap));
        assert!(round == all[0] && after(all[0]) != all[0]);
        assert_eq!(lock(&lock(&TargetName::Top1)), TargetName::Top1);
    }

    #[test]
    fn the_help_fits_into_small_pictures() {
        let mut picture = Mat::new_rows_cols_with_default(90, 120, opencv::core::CV_8UC3, Scalar::all(200.0)).unwrap();
        draw_help(&mut picture).unwrap();
        assert!(opencv::core::mean_def(&picture).unwrap()[0] < 150.0);
    }
}
