//! The execution configurations of a classifier that are worth trying.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::execution_request::ExecutionRequest;
use crate::model::runtime::{Device, Precision, Runtime, SessionOptions};
use crate::platform::machine::Machine;
use crate::{Error, Result};
use onnx_grad::Variant;

/// One way to run a classifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecutionConfig {
    /// The device.
    pub device: Device,
    /// The arithmetic precision.
    pub precision: Precision,
    /// The variant of the gradient's graph.
    pub variant: Variant,
    /// Threads inside one operator, at least 1.
    pub threads: usize,
    /// Batch size, if the model leaves it open; at least 1.
    pub batch: usize,
}

impl ExecutionConfig {
    /// The configuration that every other one is compared with: the CPU's own kernels in exact
    /// arithmetic.
    pub fn reference(threads: usize) -> Self {
        Self { device: Device::Cpu, precision: Precision::F32, variant: Variant::OnnxRuntime, threads, batch: 1 }
    }

    /// The options to open its session.
    pub fn options(&self) -> SessionOptions {
        SessionOptions { device: self.device, precision: self.precision, threads: self.threads }
    }
}

impl fmt::Display for ExecutionConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.device, self.precision)?;
        let usual = self.device.variant() == self.variant;
        f.write_str(if usual { "" } else { " in OpenVINO's form" })?;
        if self.batch == 1 { Ok(()) } else { write!(f, ", {} pictures at once", self.batch) }
    }
}

/// Every configuration that `wish` allows on this machine. The reference comes first if it is one
/// of them.
///
/// # Errors
/// [`Error::Usage`] if the requested device does not support the requested precision.
/// [`Error::Runtime`] if ONNX Runtime is missing.
pub fn candidates(wish: &ExecutionRequest) -> Result<Vec<ExecutionConfig>> {
    let runtime = Runtime::get()?;
    let machine = Machine::this();
    let devices: Vec<Device> = match wish.device {
        Some(device) => vec![device],
        None => Device::ALL.into_iter().filter(|device| runtime.has(*device)).collect(),
    };
    let mut found = Vec::new();
    for device in devices {
        let of = |precision: &Precision| {
            let asked = wish.precision == Some(*precision);
            (asked || wish.precision.is_none()) && worth_a_try(device, *precision, &machine, asked)
        };
        for precision in device.precisions().iter().copied().filter(of) {
            found.extend(variants(device, wish).map(|variant| ExecutionConfig {
                device,
                precision,
                variant,
                threads: wish.threads,
                batch: 1,
            }));
        }
    }
    match (found.is_empty(), wish.device, wish.precision) {
        (true, Some(device), Some(precision)) => {
            Err(Error::Usage(format!("--device {device} cannot compute in {precision} here; use --precision f32")))
        }
        (true, None, Some(precision)) => {
            Err(Error::Usage(format!("no device here can compute in {precision}; use --precision auto")))
        }
        _ => Ok(found),
    }
}

/// Whether `precision` may be faster on `device`, which does not matter if the user `asked` for it:
/// without matching instructions in the processor, a precision is slower than f32. But without f16
/// instructions, OpenVINO silently computes in f32.
fn worth_a_try(device: Device, precision: Precision, machine: &Machine, asked: bool) -> bool {
    match (device, precision) {
        (Device::OpenVino, Precision::Bf16) => asked || machine.has_bf16(),
        (Device::OpenVino, Precision::F16) => machine.has_f16(),
        _ => true,
    }
}

/// With ONNX Runtime's kernels, either variant of a strided convolution's gradient may be faster,
/// depending on the machine.
fn variants(device: Device, wish: &ExecutionRequest) -> impl Iterator<Item = Variant> {
    let both = device == Device::Cpu && !wish.is_settled();
    [Variant::OnnxRuntime, Variant::OpenVino].into_iter().filter(move |v| both || *v == device.variant())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_narrow_precision_is_for_processors_that_have_it() {
        let tried = |features: &[&'static str], precision, asked| {
            let machine = Machine { cpu: String::new(), cores: 2, features: features.to_vec(), gpus: Vec::new() };
            worth_a_try(Device::OpenVino, precision, &machine, asked)
        };
        assert!(tried(&[], Precision::F32, false));
        assert!(tried(&["avx512_bf16"], Precision::Bf16, false) && !tried(&["avx512_fp16"], Precision::Bf16, false));
        assert!(tried(&["avx512_fp16"], Precision::F16, false) && !tried(&["amx_bf16"], Precision::F16, false));
        assert!(tried(&[], Precision::Bf16, true) && !tried(&[], Precision::F16, true));
    }
}
