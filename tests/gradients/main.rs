//! The gradient compiler: each rule, whole networks against PyTorch, and files that are broken.

mod bodies;
mod common;
mod files;
mod methods;
mod networks;
mod resnet50;
mod rules;
