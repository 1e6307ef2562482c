//! Measures of maps against independent implementations of them.

mod fixation;
