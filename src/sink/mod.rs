//! Where results go: a video file, an image, a folder of maps, a table of records.

pub mod video;
