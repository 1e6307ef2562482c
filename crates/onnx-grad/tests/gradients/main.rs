//! Tests the compiler's rules against finite differences, and the bodies of functions and loops.

mod bodies;
mod bounds;
mod cases;
mod common;
mod differences;
mod ends;
mod heads;
mod outputs;
#[allow(dead_code, reason = "each test binary uses a part of it")]
mod random;
mod rules;
mod runtime;
mod sequences;
mod windows;
