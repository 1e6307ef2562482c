//! Everything that depends on the machine: folders, paths, the processor, and ffmpeg.

pub(crate) mod checksum;
pub(crate) mod child_process;
pub(crate) mod cpu_time;
pub mod dirs;
pub(crate) mod ffmpeg;
pub(crate) mod follow;
pub mod machine;
pub(crate) mod number_pattern;
pub(crate) mod owner;
pub(crate) mod passed_over;
pub(crate) mod paths;
pub(crate) mod processes;
pub(crate) mod sealed;
pub mod silence;
pub mod stop;
pub(crate) mod temporary;
pub(crate) mod whole_file;
