//! Measures of maps, compared with independent implementations.

#[path = "../support/data.rs"]
mod data;
mod fixation;
mod fixture;
mod mask;
