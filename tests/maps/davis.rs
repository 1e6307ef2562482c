//! Real sequences with ground truth, where the data are there.
