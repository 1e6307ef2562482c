//! Video in and out: times, audio, rotation, colours and damage, on clips made here and on real ones.

mod damage;
mod fallback;
mod images;
mod outputs;
mod picture;
mod real;
mod sound;
mod times;
mod tools;
