//! ONNX Runtime, as the program has it: a process has one.

use std::error::Error;

use onnx_grad::onnx::ModelProto;
use onnx_grad::{Request, Shapes};
use ort::session::Session;
use prost::Message;
use salstream::model::runtime::{Device, Runtime};

use crate::support::options;

#[derive(Clone, Copy)]
pub enum Provider {
    Cpu,
}

pub fn session(model: &ModelProto, provider: Provider) -> Result<Session, Box<dyn Error>> {
    let Provider::Cpu = provider;
    Ok(Runtime::get()?.session(&model.encode_to_vec(), &options(Device::Cpu))?)
}

pub fn find_shapes(model: &ModelProto, request: &Request) -> Result<Shapes, Box<dyn Error>> {
    Ok(salstream::model::find_shapes(model, request)?)
}
