"""Heat maps: what in a picture a class score depends on."""

from __future__ import annotations

import os
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Optional, Tuple, Union

import numpy

from . import _onnx_grad as native
from ._differentiate import Baseline, Method, compiled, given, method_of, read
from ._labels import Labels, Target, class_of, labels_of
from ._onnx_grad import Model, OnnxGradError
from ._runtime import brief, numpy_name, numpy_type, run, session

if TYPE_CHECKING:
    import onnxruntime

    from ._differentiate import PathOrModel

# Methods whose values say which way a pixel moves the score, and not only how much.
_SIGNED = ("input-x-gradient", "integrated-gradients", "grad-cam", "grad-cam++")
_SAMPLED = ("smoothgrad", "smoothgrad-squared", "vargrad", "integrated-gradients")

# Compiled models, the latest last.
_CACHE: "OrderedDict[Any, Tuple[Model, Any]]" = OrderedDict()
_MAX_CACHED = 4


def explain(
    model: Union[PathOrModel, "onnxruntime.InferenceSession"],
    image: numpy.ndarray,
    target: Target = None,
    method: str = "smoothgrad",
    *,
    of: Optional[str] = None,
    wrt: Optional[str] = None,
    labels: Optional[Labels] = None,
    inputs: Optional[Mapping[str, numpy.ndarray]] = None,
    samples: Optional[int] = None,
    noise: float = 0.15,
    baseline: Baseline = 0.0,
    layer: Optional[str] = None,
    seed: int = 0,
) -> numpy.ndarray:
    """A heat map of what in a picture a class score depends on.

    Parameters
    ----------
    model
        The path of a classifier's ONNX file, an ``onnxruntime.InferenceSession``, an ``onnx.ModelProto``, or bytes.
    image
        The picture as the classifier takes it: its scale, size and order of axes, as ``[N, channels, height, width]``
        or ``[N, height, width, channels]``, or one picture without the axis N.
    target
        The class: a number from 0, a name, or ``None`` for the top one. ``"-tabby"`` or ``"not tabby"`` shows what
        speaks against a class, ``"not"`` against the top one. This makes a difference to methods whose values have a
        sign: input-x-gradient, integrated-gradients, grad-cam and grad-cam++.
    method
        One of ``onnx_grad.METHODS``.
    of
        What to explain if it is not the class scores, as in `differentiate`, such as ``"boxes[:,max,4]"``.
    wrt
        The input that is the picture, if there are several.
    labels
        The names of the classes: a list, or a dict by number. By default those in the model's metadata.
    inputs
        The values of the other inputs, by name.
    samples, noise, baseline, layer, seed
        Settings of methods, as in `differentiate`.

    Returns
    -------
    numpy.ndarray
        float32 ``[height, width]``, from 0 to 1, or ``[N, height, width]`` for several pictures: the attribution of
        each pixel, largest over the channels without its sign, or for methods with a sign the part of the sum over the
        channels that speaks for the target; divided by its maximum. All 0 if the score does not depend on the picture.

    Raises
    ------
    OnnxGradError
        If the model cannot be explained as asked; the message says what is wrong, where, and what to do.
    """
    settings = method_of(method, samples, noise, baseline, layer, seed)
    key, source = _opened(model)
    name, image, added = _picture(source, image, wrt)
    number, negative = class_of(target, labels_of(source, labels))
    feeds = {name: image, **{other: numpy.asarray(value) for other, value in (inputs or {}).items()}}
    if negative and number is None:
        number = int(_gradient(key, source, of, name, feeds, method_of("gradient", None, 0.15, 0.0, None, 0), -1)[1][0])
    objective = f"-{of or _logits(source, name, feeds)}" if negative else of
    attribution, _ = _gradient(key, source, objective, name, feeds, settings, -1 if number is None else number)
    return _heat(attribution, method in _SIGNED, added)


def _opened(model: Any) -> Tuple[Any, Model]:
    """A model, and by what to know it again, or ``None``."""
    if hasattr(model, "get_inputs") and hasattr(model, "run"):
        held = getattr(model, "_model_path", None) or getattr(model, "_model_bytes", None)
        if not held:
            raise OnnxGradError("the session does not say from which model it was made; give the model's path instead")
        model = held
    if isinstance(model, (str, os.PathLike)):
        path = os.path.realpath(model)
        if os.path.exists(path):
            state = os.stat(path)
            return (path, state.st_mtime_ns, state.st_size), read(model)
    return None, read(model)


def _picture(model: Model, image: numpy.ndarray, wrt: Optional[str]) -> Tuple[str, numpy.ndarray, bool]:
    """The name of the picture's input, the picture in its type with all axes, and whether N was added."""
    kinds = {name: (number, sizes) for name, number, sizes in model.inputs()}
    floats = [name for name, (number, _) in kinds.items() if number in (1, 10, 11)]
    candidates = floats or list(kinds)
    if wrt is None and len(candidates) != 1:
        raise OnnxGradError(f"the model has several inputs; name the picture's (wrt): {', '.join(candidates)}")
    name = wrt or candidates[0]
    if name not in kinds:
        raise OnnxGradError(f"the model has no input {name}, only: {', '.join(kinds)}")
    number, sizes = kinds[name]
    image = numpy.asarray(image)
    kind = numpy_type(number)
    if image.dtype.kind in "iu" and kind.kind == "f":
        problem = f"the picture is {image.dtype}, and the model takes {kind} on a scale of its own"
        raise OnnxGradError(f"{problem}; convert it as for the model, such as (image / 255 - mean) / std")
    added = sizes is not None and image.ndim == len(sizes) - 1
    image = numpy.ascontiguousarray((image[None] if added else image).astype(kind))
    if sizes is not None and not _fits(image.shape, sizes):
        wanted = "x".join("?" if size is None else str(size) for size in sizes)
        raise OnnxGradError(f"the picture is {'x'.join(map(str, image.shape))}, and the model takes {wanted}; resize it")
    if not numpy.isfinite(image).all():
        raise OnnxGradError("the picture has values that are not finite; convert it again")
    return name, image, added


def _fits(shape: Tuple[int, ...], sizes: List[Optional[int]]) -> bool:
    return len(shape) == len(sizes) and all(size in (None, own) for own, size in zip(shape, sizes))


def _logits(model: Model, name: str, feeds: Dict[str, numpy.ndarray]) -> str:
    return native.logits(model, run, [name], given(model, feeds))[0]


def _gradient(
    key: Any, model: Model, of: Optional[str], name: str, feeds: Dict[str, numpy.ndarray], method: Method, target: int
) -> Tuple[numpy.ndarray, numpy.ndarray]:
    """The attribution in the picture's shape, and the explained class of each picture."""
    shapes = tuple((other, value.shape, value.dtype.str) for other, value in sorted(feeds.items()))
    known = None if key is None else (key, of, name, shapes, repr(method))
    if known in _CACHE:
        made, opened = _CACHE[known]
    else:
        made, _ = compiled(model, of, [name], feeds, len(feeds[name]) if feeds[name].ndim else 1, False, method)
        opened = None
    # Random numbers go on from run to run, so that each map of a sampled method has a session of its own.
    opened = session(made) if opened is None or method.name in _SAMPLED else opened
    if known is not None:
        _CACHE[known] = made, opened
        _CACHE.move_to_end(known)
        if len(_CACHE) > _MAX_CACHED:
            _CACHE.popitem(last=False)
    return _run(opened, feeds, target)


def _run(opened: Any, feeds: Dict[str, numpy.ndarray], target: int) -> Tuple[numpy.ndarray, numpy.ndarray]:
    feeds = dict(feeds)
    wanted = {item.name: item.shape for item in opened.get_inputs()}
    results = {item.name: item.shape for item in opened.get_outputs()}
    for name in RENAMED:
        if name in feeds and f"{name}.input" in wanted:
            feeds[f"{name}.input"] = feeds.pop(name)
    # Models in half precision have gradients in single precision, whose inputs are too.
    kinds = {item.name: numpy_name(item.type) for item in opened.get_inputs()}
    feeds = {name: value.astype(kinds.get(name) or value.dtype) for name, value in feeds.items()}
    if "target" in wanted:
        classes = results["scores"][1]
        if target >= classes:
            raise OnnxGradError(f"there is no class {target}: the model has 0 to {classes - 1}, and -1 is the top one")
        feeds["target"] = numpy.full(wanted["target"], target, numpy.int64)
    elif target != -1:
        raise OnnxGradError("what is explained is one number, not a choice of classes; leave target out")
    names = ["gradient", *(["class"] if "class" in results else [])]
    try:
        found = opened.run(names, feeds)
    except Exception as error:
        raise OnnxGradError(f"the gradient model does not run: {brief(error)}") from error
    return found[0], found[1] if len(found) > 1 else numpy.zeros(1, numpy.int64)


# Inputs that the gradient model has of its own, so that a model's input of this name is renamed.
RENAMED = ("target", "scores", "class", "gradient", "score", "cotangent")


def _heat(attribution: numpy.ndarray, signed: bool, added: bool) -> numpy.ndarray:
    """Reduces an attribution over its channels, and scales it to 0..1."""
    values: numpy.ndarray = attribution.astype(numpy.float64)
    axis = _channels(values.shape)
    if signed:
        values = numpy.maximum(values.sum(axis), 0.0)
    else:
        values = numpy.abs(values).max(axis)
    pictures = values if values.ndim > 2 else values[None]
    if not numpy.isfinite(pictures).all():
        raise OnnxGradError("the gradient is not finite; the model overflows on this picture, so check its scale")
    largest = pictures.reshape(len(pictures), -1).max(1).reshape(-1, *[1] * (pictures.ndim - 1))
    heat = pictures / numpy.where(largest > 0.0, largest, 1.0)
    heat = heat[0] if added or len(heat) == 1 else heat
    return heat.astype(numpy.float32)


def _channels(shape: Tuple[int, ...]) -> int:
    """The axis of the channels."""
    if len(shape) == 3:
        axis = native.channels_axis([1, *shape])
        return 0 if axis is None else axis - 1
    if len(shape) == 4:
        axis = native.channels_axis(list(shape))
        return 1 if axis is None else axis
    if len(shape) == 5:
        return 1
    sizes = "x".join(map(str, shape))
    raise OnnxGradError(f"the input is {sizes} and not a picture; use onnx_grad.differentiate for its gradient")
