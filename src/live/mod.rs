//! `salstream live`: the same stages as a file's run, with links that always hold the present moment.

pub mod desk;
