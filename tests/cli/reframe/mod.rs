//! `salstream reframe`: the window keeps what is salient, moves as a person would move it, and the result is the clip's
//! own picture, with its sound and times.

mod bad_input;
mod fixture;
mod interrupted;
mod kinds;
mod outputs;
mod paths;
