//! `salstream eval`: data sets whose figures can be worked out by hand, and everything that can be wrong with one.

mod bad_input;
mod figures;
mod fixture;
mod real;
