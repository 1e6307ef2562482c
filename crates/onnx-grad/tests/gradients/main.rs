//! Tests the compiler's rules against finite differences, and the bodies of functions and loops.

mod bodies;
mod bounds;
mod branches;
mod cases;
mod common;
mod derivatives;
mod differences;
mod ends;
mod given_models;
mod half_precision;
mod heads;
mod loops;
mod nodes;
mod outputs;
mod quantised_output;
#[allow(dead_code, reason = "each test binary uses a part of it")]
mod random;
mod rules;
mod runtime;
mod sequences;
mod windows;
