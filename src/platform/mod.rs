//! Everything that depends on the machine: folders, paths, the processor, and ffmpeg.

pub(crate) mod checksum;
pub mod dirs;
pub(crate) mod ffmpeg;
pub mod machine;
pub(crate) mod number_pattern;
pub(crate) mod owner;
pub(crate) mod passed_over;
pub(crate) mod paths;
pub(crate) mod temporary;
