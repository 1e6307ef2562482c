//! Video in and out: times, audio, rotation, colours and damage, on clips made here and on real ones.

mod broken_off;
mod colour;
mod damage;
#[path = "../support/data.rs"]
mod data;
mod decoders;
mod deinterlace;
mod fallback;
mod formats;
mod held;
mod images;
mod metadata;
mod outputs;
mod picture;
mod playlists;
#[allow(dead_code, reason = "each test binary uses a part of it")]
#[path = "../support/program.rs"]
mod program;
mod real;
mod sizes;
mod sound;
mod sync;
mod times;
mod tools;
