//! Measures of maps against independent implementations of them.

#[path = "../support/data.rs"]
mod data;
mod fixation;
mod fixture;
mod mask;
