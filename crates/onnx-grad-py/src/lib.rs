//! The native part of the Python package `onnx_grad`; `python/onnx_grad` has the part that users see.

use std::collections::HashMap;
use std::path::PathBuf;

use onnx_grad::onnx::{self, DataType, ModelProto, TensorProto};
use onnx_grad::{Batch, Derivative, Error, GivenInput, Objective, Options, Probe, ProbeInput, ProbedValue, TensorType};
use prost::Message;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

mod methods;

pyo3::create_exception!(
    onnx_grad,
    OnnxGradError,
    PyValueError,
    "The model cannot be differentiated as asked. The message says what is wrong, where, and what to do."
);

/// An error of the compiler, or one that Python raised while it ran a model.
enum Failure {
    Compiler(Error),
    Python(PyErr),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Compiler(error)
    }
}

impl From<Failure> for PyErr {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Compiler(Error::Io { source, path }) => {
                PyErr::from(std::io::Error::new(source.kind(), format!("{}: {source}", path.display())))
            }
            Failure::Compiler(error) => OnnxGradError::new_err(error.to_string()),
            Failure::Python(error) => error,
        }
    }
}

/// An input as the file declares it: name, element type, and sizes, as far as the file fixes them.
type Declared = (String, i32, Option<Vec<Option<usize>>>);

/// One value of a run, or an input: name, element type, shape and elements.
type Value = (String, i32, Vec<usize>, Option<Vec<u8>>);

/// A model in memory.
#[pyclass(frozen)]
struct Model {
    proto: ModelProto,
}

#[pymethods]
impl Model {
    /// Reads a file with its external data.
    #[staticmethod]
    fn load(py: Python<'_>, path: PathBuf) -> Result<Self, PyErr> {
        let proto = py.detach(|| onnx::load(&path)).map_err(Failure::from)?;
        Ok(Self { proto })
    }

    /// Parses the bytes of a file.
    #[staticmethod]
    fn parse(bytes: &[u8]) -> Result<Self, PyErr> {
        let proto = onnx::decode(bytes).map_err(|problem| OnnxGradError::new_err(format!("the model {problem}")))?;
        Ok(Self { proto })
    }

    /// Writes a file, with external data beside it if the model is over 2 GB.
    fn save(&self, py: Python<'_>, path: PathBuf) -> Result<(), PyErr> {
        py.detach(|| onnx::save(&self.proto, &path)).map_err(|error| Failure::from(error).into())
    }

    /// The bytes of a file, or `None` if it would be over 2 GB.
    fn bytes<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyBytes>> {
        (!onnx::is_large(&self.proto)).then(|| PyBytes::new(py, &self.proto.encode_to_vec()))
    }

    /// Keys and values of the metadata.
    fn metadata(&self) -> Vec<(String, String)> {
        self.proto.metadata()
    }

    /// Names, element types and shapes of the inputs that are not weights. `None` for what the file leaves open.
    fn inputs(&self) -> Vec<Declared> {
        let Some(graph) = &self.proto.graph else { return Vec::new() };
        let plain = graph.input.iter().filter(|input| !graph.initializer.iter().any(|t| t.name() == input.name()));
        plain
            .map(|input| match input.tensor() {
                Some((dtype, sizes)) => (input.name().to_owned(), dtype as i32, Some(sizes)),
                None => (input.name().to_owned(), 0, None),
            })
            .collect()
    }
}

/// What Python says of inputs.
fn given(inputs: Vec<Value>) -> HashMap<String, GivenInput> {
    let input = |(name, dtype, shape, data): Value| {
        let dtype = DataType::try_from(dtype).unwrap_or(DataType::Undefined);
        let data = data.map(|data| TensorProto::from_raw(&name, dtype, &shape, data));
        (name, GivenInput { shape, data })
    };
    inputs.into_iter().map(input).collect()
}

/// Compiles a derivative. `run` gets a probe's model, inputs and remedy, and returns the name, element type, shape and elements
/// of each of its outputs.
#[pyfunction]
#[pyo3(signature = (model, run, of, wrt, inputs, batch, several_targets, method))]
#[allow(clippy::too_many_arguments, reason = "Python names them")]
fn compile(
    model: &Model,
    run: &Bound<'_, PyAny>,
    of: Option<Bound<'_, PyAny>>,
    wrt: Vec<String>,
    inputs: Vec<Value>,
    batch: Option<usize>,
    several_targets: bool,
    method: methods::MethodArguments,
) -> Result<(Model, Vec<String>), PyErr> {
    let inputs = given(inputs);
    let batch = batch.map_or(Batch::Free, Batch::Fixed);
    let of = of.map(objective).transpose()?;
    let wanted = Derivative { of, wrt, inputs, batch, several_targets };
    let seed = method.seed;
    let options = Options { method: method.method().map_err(Failure::from)?, seed, ..Options::default() };
    let found = onnx_grad::compile(model.proto.clone(), &wanted, &options, |probe| probed(run, probe))?;
    Ok((Model { proto: found.model }, found.notes))
}

/// An objective: text, or a model.
fn objective(given: Bound<'_, PyAny>) -> PyResult<Objective> {
    if let Ok(text) = given.extract::<String>() {
        return text.parse().map_err(OnnxGradError::new_err);
    }
    let model = given.cast::<Model>()?.get().proto.clone();
    Ok(Objective::Graph(Box::new(model)))
}

/// The name of the value that holds a classifier's logits, and the number of classes.
#[pyfunction]
fn logits(
    model: &Model,
    run: &Bound<'_, PyAny>,
    wrt: Vec<String>,
    inputs: Vec<Value>,
) -> Result<(String, usize), PyErr> {
    let inputs = given(inputs);
    let wanted = Derivative { wrt, inputs, ..Derivative::default() };
    Ok(onnx_grad::logits(model.proto.clone(), &wanted, |probe| probed(run, probe))?)
}

/// Runs a probe in Python.
fn probed(run: &Bound<'_, PyAny>, probe: Probe) -> Result<Vec<ProbedValue>, Failure> {
    let py = run.py();
    let (foreign, remedy) = (probe.foreign_operators(), probe.remedy);
    let input = |input: ProbeInput| {
        let data = input.data.map(|data| PyBytes::new(py, &data));
        (input.name, input.kind.dtype as i32, input.kind.shape, data)
    };
    let inputs: Vec<_> = probe.inputs.into_iter().map(input).collect();
    let model = Bound::new(py, Model { proto: probe.model }).map_err(Failure::Python)?;
    let values = match run.call1((model, inputs, remedy)) {
        Ok(values) => values,
        // A runtime names the first operator only that it does not know.
        Err(error) if error.is_instance_of::<OnnxGradError>(py) => {
            return Err(foreign.map_or(Failure::Python(error), Failure::Compiler));
        }
        Err(error) => return Err(Failure::Python(error)),
    };
    let values: Vec<Value> = values.extract().map_err(Failure::Python)?;
    let value = |(name, dtype, shape, data)| {
        let dtype = DataType::try_from(dtype).unwrap_or(DataType::Undefined);
        ProbedValue { name, kind: TensorType { dtype, shape }, data }
    };
    Ok(values.into_iter().map(value).collect())
}

/// The axis of the channels of a picture with a batch axis, or `None` if it has no such axis.
#[pyfunction]
fn channels_axis(shape: Vec<usize>) -> Option<usize> {
    onnx_grad::channels_axis(&shape)
}

#[pymodule]
fn _onnx_grad(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("OnnxGradError", module.py().get_type::<OnnxGradError>())?;
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add("MAX_ELEMENTS", ProbedValue::MAX_ELEMENTS)?;
    module.add("METHODS", methods::NAMES.to_vec())?;
    module.add("MAX_SEED", onnx_grad::MAX_SEED)?;
    module.add_class::<Model>()?;
    module.add_function(wrap_pyfunction!(channels_axis, module)?)?;
    module.add_function(wrap_pyfunction!(compile, module)?)?;
    module.add_function(wrap_pyfunction!(logits, module)?)
}
