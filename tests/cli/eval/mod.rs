//! `salstream eval`: data sets whose values can be computed by hand, and everything that can be wrong with a data set.

mod bad_input;
mod figures;
mod fixture;
mod real;
mod reframe;
