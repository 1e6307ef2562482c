//! Finds and loads ONNX Runtime's shared library once per process, and opens sessions.
//!
//! Stock ONNX Runtime is loaded at run time, so one binary works with every build of it (CPU,
//! OpenVINO, CUDA).

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::SystemTime;

use onnx_grad::Variant;
use ort::environment::Environment;
use ort::ep::{self, ArbitrarilyConfigurableExecutionProvider};
use ort::session::Session;
use ort::session::builder::SessionBuilder;

use super::library_check::verify;
use super::library_search::{candidates, places};
use crate::error::brief;
use crate::{Error, Result, platform::dirs};

/// How to install ONNX Runtime, for error messages.
const REMEDY: &str = "run salstream setup, or point ORT_DYLIB_PATH at a libonnxruntime.so of version 1.24 or later";

/// The device and execution provider of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Device {
    /// ONNX Runtime's own CPU kernels.
    Cpu,
    /// Intel OpenVINO on the CPU.
    OpenVino,
    /// NVIDIA CUDA.
    Cuda,
    /// NVIDIA TensorRT.
    TensorRt,
}

impl Device {
    /// Every device. The first one is always available.
    pub const ALL: [Self; 4] = [Self::Cpu, Self::OpenVino, Self::Cuda, Self::TensorRt];

    /// The variant of a gradient model that is usually fastest on this device.
    pub fn variant(self) -> Variant {
        if self == Self::OpenVino { Variant::OpenVino } else { Variant::OnnxRuntime }
    }

    /// The supported precisions, the exact one first.
    pub fn precisions(self) -> &'static [Precision] {
        match self {
            Self::Cpu => &[Precision::F32],
            Self::OpenVino => &[Precision::F32, Precision::Bf16, Precision::F16],
            Self::Cuda => &[Precision::F32, Precision::Tf32],
            Self::TensorRt => &[Precision::F32, Precision::F16],
        }
    }
}

impl std::fmt::Display for Device {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Cpu => "cpu",
            Self::OpenVino => "openvino",
            Self::Cuda => "cuda",
            Self::TensorRt => "tensorrt",
        })
    }
}

/// The arithmetic precision of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 32-bit floating point.
    F32,
    /// 32-bit floating point with 10 fraction bits in products (NVIDIA's TensorFloat-32).
    Tf32,
    /// bfloat16, if the device supports it.
    Bf16,
    /// 16-bit floating point, if the device supports it.
    F16,
}

impl std::fmt::Display for Precision {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::F32 => "f32",
            Self::Tf32 => "tf32",
            Self::Bf16 => "bf16",
            Self::F16 => "f16",
        })
    }
}

/// How to open a session.
#[derive(Debug, Clone, Copy)]
pub struct SessionOptions {
    /// The device.
    pub device: Device,
    /// The arithmetic precision.
    pub precision: Precision,
    /// Threads inside one operator, at least 1.
    pub threads: usize,
}

/// The loaded library.
pub struct Runtime {
    /// The file that was loaded.
    pub library: PathBuf,
    /// Whether its checksum is known and right.
    pub is_verified: bool,
    environment: Environment,
}

impl Runtime {
    /// The runtime, shared by the whole process. The first call finds and loads it.
    ///
    /// # Errors
    /// [`Error::Runtime`] if no usable library is found. The error names every place searched.
    pub fn get() -> Result<&'static Self> {
        static RUNTIME: OnceLock<Result<Runtime, String>> = OnceLock::new();
        RUNTIME.get_or_init(Self::load).as_ref().map_err(|problem| Error::Runtime(problem.clone()))
    }

    fn load() -> Result<Self, String> {
        let places = places();
        let mut problem = None;
        for library in places.iter().flat_map(|place| candidates(place)) {
            // A damaged library may end the process when it is loaded.
            let is_verified = verify(&library).map_err(|problem| format!("{problem}; {REMEDY}"))?;
            match ort::init_from(&library) {
                Ok(builder) => {
                    let builder = builder.with_name("salstream").with_telemetry(false);
                    let environment = builder.build().map_err(|e| one_line(&e))?;
                    // Failures are returned as errors, so the log would only repeat them.
                    environment.set_log_level(ort::logging::LogLevel::Fatal);
                    return Ok(Self { library, is_verified, environment });
                }
                Err(e) => problem = problem.or(Some(format!("{}; {REMEDY}", one_line(&e)))),
            }
        }
        let tried: Vec<_> = places.iter().map(|place| place.display().to_string()).collect();
        Err(problem.unwrap_or_else(|| format!("no libonnxruntime.so in {}; {REMEDY}", tried.join(", "))))
    }

    /// The library that [`get`](Self::get) would try first, with its size and time of modification.
    pub fn installed() -> Option<(PathBuf, u64, Option<SystemTime>)> {
        let library = places().iter().find_map(|place| candidates(place).into_iter().next())?;
        let file = library.metadata().ok()?;
        Some((library, file.len(), file.modified().ok()))
    }

    /// The version that the library reports, such as `1.24.1`, or an empty string if it reports
    /// none.
    pub fn version(&self) -> String {
        type GetBase = unsafe extern "system" fn() -> *const ort::sys::OrtApiBase;
        // SAFETY: the library is loaded already, so no initialiser runs. Both functions belong to
        // ONNX Runtime's stable C API, take no arguments, and return null or a pointer to static
        // data.
        unsafe {
            let Ok(library) = libloading::Library::new(&self.library) else { return String::new() };
            let Ok(get_base) = library.get::<GetBase>(b"OrtGetApiBase\0") else { return String::new() };
            let text = get_base().as_ref().map(|base| (base.GetVersionString)()).filter(|text| !text.is_null());
            text.map_or_else(String::new, |text| std::ffi::CStr::from_ptr(text).to_string_lossy().into_owned())
        }
    }

    /// Whether the library includes the provider of `device`, or has it in the same folder.
    pub fn has(&self, device: Device) -> bool {
        let provider = match device {
            Device::Cpu => return true,
            Device::OpenVino => "libonnxruntime_providers_openvino.so",
            Device::Cuda => "libonnxruntime_providers_cuda.so",
            Device::TensorRt => "libonnxruntime_providers_tensorrt.so",
        };
        self.library.parent().is_some_and(|folder| folder.join(provider).is_file())
    }

    /// Opens a session on a serialised model.
    ///
    /// # Errors
    /// [`Error::Runtime`] if the device is missing. [`Error::Usage`] if it cannot compute in this
    /// precision. [`Error::Graph`] if ONNX Runtime refuses the model.
    pub fn session(&self, model: &[u8], options: &SessionOptions) -> Result<Session> {
        self.open(options, |mut builder| builder.commit_from_memory(model))
    }

    /// Opens a session on a model file, which may have external data.
    ///
    /// # Errors
    /// Those of [`Runtime::session`].
    pub fn session_from_file(&self, path: &Path, options: &SessionOptions) -> Result<Session> {
        self.open(options, |mut builder| builder.commit_from_file(path))
    }

    fn open(
        &self,
        options: &SessionOptions,
        commit: impl FnOnce(SessionBuilder) -> ort::Result<Session>,
    ) -> Result<Session> {
        if !self.has(options.device) {
            return Err(Error::Runtime(format!(
                "{} has no {} provider beside it; use --device cpu, or install a build of ONNX Runtime that has it",
                self.library.display(),
                options.device
            )));
        }
        commit(self.builder(options)?).map_err(|e| {
            let remedy = if options.device == Device::Cpu { "export the model again" } else { "use --device cpu" };
            Error::Graph(format!("does not open in ONNX Runtime on {} ({}); {remedy}", options.device, brief(&e)))
        })
    }

    fn builder(&self, options: &SessionOptions) -> Result<SessionBuilder> {
        let refused = |e: ort::Error<SessionBuilder>| Error::Runtime(one_line(&e));
        let mut builder = Session::builder(&self.environment)?;
        builder = builder.with_intra_threads(options.threads).map_err(refused)?;
        // Spinning workers starve the other stages of this process: the camera stage took 22 ms
        // instead of 2.6 ms.
        builder = builder.with_intra_op_spinning(false).map_err(refused)?;
        match provider(options)? {
            None => Ok(builder),
            Some(provider) => builder.with_execution_providers([provider.error_on_failure()]).map_err(refused),
        }
    }
}

/// The execution provider for `options`, or `None` for the CPU: registering it explicitly would
/// turn its arena off.
fn provider(options: &SessionOptions) -> Result<Option<ep::ExecutionProviderDispatch>> {
    let unsupported = || {
        let (device, precision) = (options.device, options.precision);
        Error::Usage(format!("--device {device} cannot compute in {precision}; use --precision f32"))
    };
    Ok(Some(match (options.device, options.precision) {
        (Device::Cpu, Precision::F32) => return Ok(None),
        (Device::OpenVino, Precision::F32 | Precision::Bf16 | Precision::F16) => {
            let hint = options.precision.to_string();
            ep::OpenVINO::default()
                .with_device_type("CPU")
                .with_num_threads(options.threads)
                .with_arbitrary_config("load_config", format!(r#"{{"CPU":{{"INFERENCE_PRECISION_HINT":"{hint}"}}}}"#))
                .build()
        }
        (Device::Cuda, Precision::F32 | Precision::Tf32) => {
            ep::CUDA::default().with_tf32(options.precision == Precision::Tf32).build()
        }
        (Device::TensorRt, Precision::F32 | Precision::F16) => ep::TensorRT::default()
            .with_fp16(options.precision == Precision::F16)
            .with_engine_cache(true)
            .with_engine_cache_path(dirs::cache().join("tensorrt").display())
            .build(),
        _ => return Err(unsupported()),
    }))
}

fn one_line(error: &impl std::fmt::Display) -> String {
    error.to_string().replace('\n', " ")
}
