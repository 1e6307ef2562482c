//! Measures of maps, compared with independent implementations.

mod fixation;
mod fixture;
mod mask;
