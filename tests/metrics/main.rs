//! Measures of maps against independent implementations of them.

mod fixation;
mod fixture;
mod mask;
