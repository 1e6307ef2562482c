"""Runs models in the ONNX Runtime that is installed."""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from typing import Any, Iterator, List, Optional, Tuple, Union

import numpy

from ._onnx_grad import MAX_ELEMENTS, Model, OnnxGradError

# ONNX's numbers of element types, ONNX Runtime's names, and numpy's.
_TYPES = {
    1: ("float", "float32"),
    2: ("uint8", "uint8"),
    3: ("int8", "int8"),
    4: ("uint16", "uint16"),
    5: ("int16", "int16"),
    6: ("int32", "int32"),
    7: ("int64", "int64"),
    9: ("bool", "bool"),
    10: ("float16", "float16"),
    11: ("double", "float64"),
    12: ("uint32", "uint32"),
    13: ("uint64", "uint64"),
    16: ("bfloat16", None),
}
_NUMBERS = {f"tensor({name})": number for number, (name, _) in _TYPES.items()}
# The types whose elements shapes are made of.
_READ = {"float32", "float64", "int32", "int64", "bool"}


def onnxruntime() -> Any:
    """The user's ONNX Runtime."""
    try:
        import onnxruntime as runtime
    except ImportError as error:
        raise OnnxGradError(
            "onnxruntime is not installed, and is needed to find the shapes in a model; run: pip install onnxruntime"
        ) from error
    return runtime


def numpy_type(number: int) -> Any:
    """numpy's type of an element type, or an error if it has none."""
    name = _TYPES.get(number, (None, None))[1]
    if name is None:
        raise OnnxGradError(f"inputs of element type {number} cannot be made in numpy; export the model in float32")
    return numpy.dtype(name)


def number_of(kind: Any) -> int:
    """The element type of numpy's type."""
    name = numpy.dtype(kind).name
    numbers = [number for number, (_, own) in _TYPES.items() if own == name]
    if not numbers:
        raise OnnxGradError(f"inputs of type {name} cannot be fed; convert them, such as to float32")
    return numbers[0]


def numpy_name(kind: str) -> Optional[str]:
    """numpy's name of an element type of ONNX Runtime, such as ``tensor(float)``."""
    return _TYPES.get(_NUMBERS.get(kind, 0), (None, None))[1]


@contextlib.contextmanager
def source(model: Model) -> Iterator[Union[bytes, str]]:
    """A model as what a session opens: bytes, or a temporary file if it is over 2 GB."""
    content = model.bytes()
    if content is not None:
        yield content
        return
    with tempfile.TemporaryDirectory(prefix="onnx-grad-") as folder:
        path = os.path.join(folder, "model.onnx")
        model.save(path)
        yield path


def session(model: Model, optimise: bool = True, remedy: str = "export it again") -> Any:
    """Opens a model on the CPU."""
    runtime = onnxruntime()
    options = runtime.SessionOptions()
    options.log_severity_level = 4
    if not optimise:
        options.graph_optimization_level = runtime.GraphOptimizationLevel.ORT_DISABLE_ALL
    try:
        with source(model) as opened:
            return runtime.InferenceSession(opened, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise OnnxGradError(f"ONNX Runtime {runtime.__version__} refuses the model: {brief(error)}; {remedy}") from error


def brief(error: Exception) -> str:
    """An error of ONNX Runtime in one line."""
    text = str(error)
    # Codes, and the place in ONNX Runtime's sources, say nothing to its users.
    for mark in ("Status Message: ", "[ONNXRuntimeError] : ", " was false. "):
        text = text.split(mark, 1)[-1]
    return " ".join(re.sub(r"^\d+ : [A-Z_]+ : ", "", text).split()).rstrip(".")


Value = Tuple[str, int, List[int], Optional[bytes]]


def run(model: Model, inputs: List[Value], remedy: str) -> List[Value]:
    """Runs a model once, and returns name, element type, shape and small elements of its outputs."""
    runtime = onnxruntime()
    opened = session(model, False, remedy)
    feeds = {}
    for name, number, shape, content in inputs:
        kind = numpy_type(number)
        given = numpy.zeros(shape, kind) if content is None else numpy.frombuffer(content, kind).reshape(shape)
        feeds[name] = runtime.OrtValue.ortvalue_from_numpy(numpy.ascontiguousarray(given))
    names = [output.name for output in opened.get_outputs()]
    try:
        values = opened.run_with_ort_values(names, feeds)
    except Exception as error:
        sizes = ", ".join(f"{name} {'x'.join(map(str, shape))}" for name, _, shape, _ in inputs)
        raise OnnxGradError(f"the model does not run on {sizes}: {brief(error)}; {remedy}") from error
    return [_probed(name, value) for name, value in zip(names, values) if value.is_tensor()]


def _probed(name: str, value: Any) -> Value:
    number = _NUMBERS.get(value.data_type(), 0)
    shape = list(value.shape())
    is_small = numpy.prod(shape, dtype=float) <= MAX_ELEMENTS and _TYPES.get(number, (None, None))[1] in _READ
    content = numpy.ascontiguousarray(value.numpy()).tobytes() if is_small else None
    return name, number, shape, content
