//! What depends on the machine: its folders, paths, processor, and ffmpeg.

pub mod dirs;
pub(crate) mod ffmpeg;
pub mod machine;
pub(crate) mod paths;
