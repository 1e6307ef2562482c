//! From a source to fused and drawn frames: stages connected by bounded links, each on its own thread.

pub mod channel;
pub mod control;
pub(crate) mod frequent_class;
pub mod keyframes;
pub mod magnitude;
pub mod record;
pub mod regions;
pub mod stages;
