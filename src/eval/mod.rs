//! `salstream eval`: how good saliency maps are, by the measures that the field has agreed on.

pub mod dataset;
pub mod metric;
