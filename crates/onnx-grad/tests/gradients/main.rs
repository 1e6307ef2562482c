//! Tests the compiler's rules against finite differences, and the bodies of functions and loops.

mod bodies;
mod bounds;
mod branches;
mod cases;
mod common;
mod differences;
mod ends;
mod half_precision;
mod loops;
mod quantised_output;
#[allow(dead_code, reason = "each test binary uses a part of it")]
mod random;
mod rules;
mod runtime;
mod sequences;
mod windows;
