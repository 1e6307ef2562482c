//! The gradient compiler: each rule, whole networks against PyTorch, and files that are broken.

mod bodies;
mod common;
mod files;
mod fixture;
mod methods;
mod models;
mod networks;
mod random;
mod resnet50;
mod rules;
