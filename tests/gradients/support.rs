//! What the tests need of the program: its devices, its way from file to file, its data.

use std::path::Path;

use onnx_grad::{Method, Request, onnx};
use salstream::model::ModelSource;
use salstream::model::runtime::{Device, Precision, Runtime, SessionOptions};

pub fn options(device: Device) -> SessionOptions {
    SessionOptions { device, precision: Precision::F32, threads: 2 }
}

/// The devices that compute here.
pub fn devices() -> Vec<Device> {
    let runtime = Runtime::get().unwrap();
    [Device::Cpu, Device::OpenVino].into_iter().filter(|device| runtime.has(*device)).collect()
}

/// Writes the plain gradient model of the file `input`.
pub fn write(input: &Path, output: &Path) -> salstream::Result<()> {
    let source = ModelSource::load(input, &Request::default())?;
    Ok(onnx::save(&source.gradient_model(&Method::Gradient, 0)?, output)?)
}
