//! What people read: lines on a terminal, and pages.

pub(crate) mod html;
pub mod mode;
pub mod progress;
pub mod terminal;
