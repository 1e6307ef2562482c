//! Maps against where people looked.
