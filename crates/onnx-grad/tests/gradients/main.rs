//! Tests the compiler's rules against finite differences, and the bodies of functions and loops.

mod bodies;
mod common;
mod random;
mod rules;
mod runtime;
