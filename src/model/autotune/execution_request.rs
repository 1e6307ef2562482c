//! What the user leaves open of how a model runs.

use crate::model::runtime::{Device, Precision};

/// The requested execution of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExecutionRequest {
    /// The device. `None` uses the fastest one that matches the reference.
    pub device: Option<Device>,
    /// The arithmetic precision. `None` uses the fastest one that matches the reference.
    pub precision: Option<Precision>,
    /// Threads, at least 1.
    pub threads: usize,
    /// Whether to use another device if the requested one is missing or fails.
    pub fallback: bool,
    /// Whether to compute several images at once if that is faster.
    pub batches: bool,
}

impl ExecutionRequest {
    /// Whether there is anything to choose or to compare: ONNX Runtime's own kernels are the
    /// reference itself.
    pub fn is_open(&self) -> bool {
        self.device != Some(Device::Cpu)
    }

    /// Whether the user set both device and precision.
    pub(super) fn is_settled(&self) -> bool {
        self.device == Some(Device::Cpu) || self.device.is_some() && self.precision.is_some()
    }
}
