//! `--device` and `--precision`.

use crate::choice::choices;
use crate::model::runtime::{Device, Precision};

choices! {
    /// `--device`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum DeviceChoice {
        /// The fastest device of this machine whose results agree with the CPU's
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
    /// The requested device; `None` for auto.
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
        /// The fastest precision whose maps agree with those of f32
        Auto = "auto",
        /// 32-bit floating point
        F32 = "f32",
        /// 32-bit floating point, with products of 10 fraction bits (cuda)
        Tf32 = "tf32",
        /// bfloat16 (openvino)
        Bf16 = "bf16",
        /// 16-bit floating point (tensorrt; openvino if the processor supports it)
        F16 = "f16",
    }
}

impl PrecisionChoice {
    /// The requested precision; `None` for auto.
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
