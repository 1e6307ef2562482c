//! Frames and their truths, as data sets lay them out.

pub mod fixations;
