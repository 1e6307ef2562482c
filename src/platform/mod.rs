//! Everything that depends on the machine: folders, paths, the processor, and ffmpeg.

pub(crate) mod checksum;
pub(crate) mod cpu_time;
pub mod dirs;
pub(crate) mod ffmpeg;
pub mod machine;
pub(crate) mod number_pattern;
pub(crate) mod passed_over;
pub(crate) mod paths;
pub(crate) mod sealed;
pub(crate) mod whole_file;
