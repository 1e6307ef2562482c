//! The flags that say where and how to compute.

use crate::choice::choices;
use crate::model::runtime::{Device, Precision};

choices! {
    /// `--device`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum DeviceChoice {
        /// The fastest here that agrees with the CPU
        Auto = "auto",
        /// ONNX Runtime's own CPU kernels
        Cpu = "cpu",
        /// Intel OpenVINO on the CPU
        OpenVino = "openvino",
        /// NVIDIA CUDA
        Cuda = "cuda",
        /// NVIDIA TensorRT
        TensorRt = "tensorrt",
    }
}

impl DeviceChoice {
    /// The device asked for, `None` for auto.
    pub fn fixed(self) -> Option<Device> {
        match self {
            Self::Auto => None,
            Self::Cpu => Some(Device::Cpu),
            Self::OpenVino => Some(Device::OpenVino),
            Self::Cuda => Some(Device::Cuda),
            Self::TensorRt => Some(Device::TensorRt),
        }
    }
}

choices! {
    /// `--precision`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum PrecisionChoice {
        /// The fastest here whose maps agree with f32's
        Auto = "auto",
        /// 32-bit floating point
        F32 = "f32",
        /// 32-bit floating point with 10 bits of fraction in products (cuda)
        Tf32 = "tf32",
        /// bfloat16 (openvino)
        Bf16 = "bf16",
        /// 16-bit floating point (tensorrt; openvino, where the processor has it)
        F16 = "f16",
    }
}

impl PrecisionChoice {
    /// The arithmetic asked for, `None` for auto.
    pub fn fixed(self) -> Option<Precision> {
        match self {
            Self::Auto => None,
            Self::F32 => Some(Precision::F32),
            Self::Tf32 => Some(Precision::Tf32),
            Self::Bf16 => Some(Precision::Bf16),
            Self::F16 => Some(Precision::F16),
        }
    }
}
