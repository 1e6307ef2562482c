//! Output for people: progress, lines on a terminal, web pages.

pub(crate) mod html;
pub mod mode;
pub mod progress;
pub mod terminal;
