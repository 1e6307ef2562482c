"""Derivatives of ONNX models."""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Optional, Sequence, Tuple, Union

import numpy

from . import _onnx_grad as native
from ._onnx_grad import Model, OnnxGradError
from ._runtime import Value, number_of, numpy_type, run

if TYPE_CHECKING:
    import onnx

    PathOrModel = Union[str, "os.PathLike[str]", onnx.ModelProto, bytes]

Inputs = Mapping[str, Union[Sequence[int], numpy.ndarray]]
Baseline = Union[str, float, Sequence[float]]


class OnnxGradNote(UserWarning):
    """What a user should know about a model that was written."""


@dataclass
class Method:
    """A method and its settings, as the native part reads them."""

    name: str
    samples: int
    noise: float
    baseline: Optional[str]
    colour: List[float]
    layer: Optional[str]
    seed: int


def method_of(
    name: str, samples: Optional[int], noise: float, baseline: Baseline, layer: Optional[str], seed: int
) -> Method:
    """A method from its arguments."""
    if samples is None:
        samples = 32 if name == "integrated-gradients" else 16
    for what, number, least in (("samples", samples, 1), ("seed", seed, 0)):
        if isinstance(number, bool) or not isinstance(number, (int, numpy.integer)) or number < least:
            raise OnnxGradError(f"{what} is {number!r}; give a whole number from {least}")
    if seed > native.MAX_SEED:
        raise OnnxGradError(f"seed is {seed}; give 0 to {native.MAX_SEED}")
    if isinstance(baseline, str):
        return Method(name, int(samples), noise, baseline, [0.0] * 3, layer, int(seed))
    colour = [float(value) for value in numpy.ravel(numpy.asarray(baseline))]
    if len(colour) not in (1, 3):
        raise OnnxGradError(f"baseline has {len(colour)} numbers; give one, or one for each of three channels")
    return Method(name, int(samples), noise, None, colour * (3 // len(colour)), layer, int(seed))


def read(model: PathOrModel) -> Model:
    """A model from a file, its bytes, or an `onnx.ModelProto`."""
    if isinstance(model, Model):
        return model
    if isinstance(model, (str, os.PathLike)):
        return Model.load(os.fspath(model))
    if isinstance(model, (bytes, bytearray)):
        return Model.parse(bytes(model))
    if not hasattr(model, "SerializeToString"):
        raise OnnxGradError(f"a model is a path, an onnx.ModelProto or bytes, not {type(model).__name__}")
    if any(tensor.external_data for tensor in model.graph.initializer):
        raise OnnxGradError("the model's external data are not loaded; give the path of its file")
    try:
        return Model.parse(model.SerializeToString())
    except ValueError as error:
        if isinstance(error, OnnxGradError):
            raise
        raise OnnxGradError("the model is over 2 GB, which has to be given as the path of a file") from error


def given(model: Model, inputs: Optional[Inputs]) -> List[Value]:
    """Shapes and samples of inputs."""
    kinds: Dict[str, int] = {name: number for name, number, _ in model.inputs()}
    found = []
    for name, value in (inputs or {}).items():
        if isinstance(value, numpy.ndarray):
            number = kinds.get(name) or number_of(value.dtype)
            kind = numpy_type(number)
            content = numpy.ascontiguousarray(value.astype(kind)).tobytes()
            found.append((name, number, [int(size) for size in value.shape], content))
        else:
            sizes = [int(size) for size in value]
            if any(size < 1 for size in sizes):
                raise OnnxGradError(f"the input {name} cannot be {sizes}; give sizes of 1 or more")
            found.append((name, 0, sizes, None))
    return found


def compiled(
    model: Model,
    of: Any,
    wrt: Union[str, Sequence[str]],
    inputs: Optional[Inputs],
    batch: Union[int, str],
    several_targets: bool,
    method: Method,
) -> Tuple[Model, List[str]]:
    """The model of a derivative, and notes."""
    if batch != "free" and (isinstance(batch, (bool, str)) or batch < 1):
        raise OnnxGradError(f'batch is {batch!r}; give a number of pictures from 1, or "free"')
    names = [wrt] if isinstance(wrt, str) else list(wrt)
    objective = of if of is None or isinstance(of, str) else read(of)
    size = None if batch == "free" else int(batch)
    return native.compile(model, run, objective, names, given(model, inputs), size, several_targets, method)


def differentiate(
    model: PathOrModel,
    of: Optional[Union[str, PathOrModel]] = None,
    wrt: Union[str, Sequence[str]] = (),
    *,
    inputs: Optional[Inputs] = None,
    batch: Union[int, str] = 1,
    several_targets: bool = False,
    method: str = "gradient",
    samples: Optional[int] = None,
    noise: float = 0.15,
    baseline: Baseline = 0.0,
    layer: Optional[str] = None,
    seed: int = 0,
    out: Optional[Union[str, "os.PathLike[str]"]] = None,
) -> Optional["onnx.ModelProto"]:
    """Writes the gradient of a model as a model, in ordinary ONNX operators.

    Parameters
    ----------
    model
        The path of an ONNX file, an ``onnx.ModelProto``, or the bytes of a file. Models over 2 GB go from path to path
        (``out``).
    of
        What to differentiate: one number for each picture, or scores ``[N, classes]``, of which the input ``target``
        chooses one. By default the scores of a classifier before a final Softmax. Outputs, and values inside the
        model, go by name:

        ==================================== ==============================================================
        ``"logits"``                         ``[N, classes]``: the class that ``target`` says
        ``"logits[:,281]"``                  one class
        ``"logits[:,281] - logits[:,285]"``  the difference of two
        ``"-logits[:,281]"``                 minus a class
        ``"boxes[:,max,4]"``                 the maximum over the anchors of a detector; ``sum``, ``mean``
        ``"seg[:,15,10:20,30:40]"``          the mean over a region
        ``"dot(features)"``                  the inner product with the input ``cotangent``, in the value's shape
        an ``onnx.ModelProto``               its inputs are named as values of the model, its one output is the number
        ==================================== ==============================================================

        Each axis takes ``:`` (keep), a number, ``from:to`` (the mean over these), ``mean``, ``sum`` or ``max``.
    wrt
        By which inputs, or values inside the model, to differentiate: a name or several. By default by the only
        floating-point input. For an input of integers, such as a uint8 picture, the gradient is that by what it is
        cast to, and a warning (``OnnxGradNote``) says so.
    inputs
        Shapes of inputs that the file leaves open, by name; or arrays, if shapes inside the model depend on values.
    batch
        How many pictures at a time, if the file leaves it open; ``"free"`` for any number.
    several_targets
        ``target`` is int64 ``[N, T]`` with any T, and ``gradient`` has an axis T after N. The forward pass runs once.
    method
        What ``gradient`` holds; one of ``onnx_grad.METHODS``.
    samples, noise, baseline, layer, seed
        Settings of methods: the number of samples (16, or 32 for integrated gradients); the noise's standard deviation
        as a share of the picture's range of values; where the path of integrated gradients starts (``"mean"``,
        ``"blurred"``, or a number for each channel on the model's own scale); the feature map of the grad-cam methods,
        by name; and which random samples are drawn, the same ones in every session.
    out
        Write the model to this path instead of returning it.

    Returns
    -------
    onnx.ModelProto, or None if ``out`` is given
        Inputs: those of the model, then ``target`` (int64 ``[N]``, -1 for the top class) if ``of`` leaves a choice.
        Outputs: ``score`` (``[N]``), or ``scores`` (``[N, classes]``) and ``class`` (int64 ``[N]``); then ``gradient``
        in the shape of what it is by, or ``gradient.NAME`` for each of several.

    Raises
    ------
    OnnxGradError
        If the model cannot be differentiated as asked; the message says what is wrong, where, and what to do.
    """
    settings = method_of(method, samples, noise, baseline, layer, seed)
    found, notes = compiled(read(model), of, wrt, inputs, batch, several_targets, settings)
    for note in notes:
        warnings.warn(note, OnnxGradNote, stacklevel=2)
    if out is not None:
        found.save(os.fspath(out))
        return None
    content = found.bytes()
    if content is None:
        raise OnnxGradError("the gradient model is over 2 GB, which onnx cannot hold; give a path with out=")
    import onnx

    return onnx.ModelProto.FromString(content)
