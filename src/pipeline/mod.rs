//! From a source to fused and drawn frames: stages joined by bounded links, each on a thread of its own.

pub mod channel;
pub mod control;
pub(crate) mod frequent_class;
pub mod keyframes;
pub mod record;
pub mod stages;
