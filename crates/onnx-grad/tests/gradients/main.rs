//! Tests the compiler's rules against finite differences, and the bodies of functions and loops.

mod bodies;
mod bounds;
mod cases;
mod common;
mod derivatives;
mod differences;
mod ends;
mod given_models;
mod heads;
mod nodes;
mod outputs;
#[allow(dead_code, reason = "each test binary uses a part of it")]
mod random;
mod rules;
mod runtime;
mod sequences;
mod windows;
