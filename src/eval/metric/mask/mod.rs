//! Maps against the mask of an object.
