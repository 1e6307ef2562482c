//! Gradient models in the program: whole networks against PyTorch, and files that are broken.

#[path = "../../crates/onnx-grad/tests/gradients/common.rs"]
mod common;
#[path = "../support/data.rs"]
mod data;
mod files;
mod fixture;
mod methods;
mod models;
mod networks;
#[path = "../../crates/onnx-grad/tests/gradients/random.rs"]
mod random;
mod resnet50;
mod runtime;
mod support;
