//! The window of a build without the feature `window`: there is none.

use opencv::core::Mat;

use super::session_hub::SessionHub;
use crate::{Error, Result};

/// A window that cannot be opened.
pub enum PreviewWindow {}

impl PreviewWindow {
    /// Whether a window can be opened: it cannot.
    ///
    /// # Errors
    /// [`Error::Usage`].
    pub fn check() -> Result<()> {
        Self::open().map(drop)
    }

    /// Opens no window.
    ///
    /// # Errors
    /// [`Error::Usage`].
    pub fn open() -> Result<Self> {
        let problem = "this build of salstream has no window: use --serve and open its address, or record with -o";
        Err(Error::Usage(problem.into()))
    }

    /// Shows a picture.
    pub fn show(&mut self, _: &Mat) -> Result<()> {
        match *self {}
    }

    /// Handles window events and keys.
    pub fn serve(&mut self, _: &SessionHub) -> Result<bool> {
        match *self {}
    }
}
