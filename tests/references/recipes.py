"""Graphs without their weights: what the scripts of whole networks share.

The weights come from one stream of seed SEED, so that graphs need none: an initializer without data says in its
doc_string how to make them, `uniform OFFSET SCALE SHIFT [AXES]`: element i is SHIFT + SCALE * u[OFFSET + i], in float64,
rounded to float32; with AXES, the tensor so made is then transposed: axis k is its axis AXES[k].

A .f32 file holds little-endian float32: the picture's seed, the top class, the norm of its gradient, the norm of class
LOCKED's gradient, 1000 logits, every STRIDE-th element of the top class's gradient, every STRIDE-th of class LOCKED's.
"""
import itertools
import numpy as np, onnx
from stream import steadiest, uniform

SEED, STRIDE = 2026, 97
# Tensors of fewer elements keep their data.
SMALL = 64

def values(recipe, count):
    offset, scale, shift = recipe
    return (shift + scale * uniform(SEED, offset, count)).astype("f4")

def recipe_of(tensor, known):
    """How to make the tensor's values from the stream; none where that is unknown."""
    array = onnx.numpy_helper.to_array(tensor)
    for recipe, value in known.get((array.size, array.flat[0]), []):
        if np.array_equal(value.ravel(), array.ravel()):
            return "uniform {} {} {}".format(*recipe)
        for axes in itertools.permutations(range(value.ndim)):
            if np.array_equal(value.transpose(axes), array):
                return "uniform {} {} {} {}".format(*recipe, ",".join(map(str, axes)))

def strip(model):
    """Drops what only debuggers read."""
    graph = model.graph
    model.ClearField("metadata_props")
    for part in [model, graph, *graph.node, *graph.input, *graph.output, *graph.initializer]:
        part.ClearField("doc_string")
        part.ClearField("metadata_props")
    graph.ClearField("value_info")

def shorten(graph):
    """Gives values between nodes short names, which are most of a file otherwise, and constants none of their own."""
    kept = {value.name for value in graph.output}
    short = {}
    for node in graph.node:
        if node.op_type == "Constant":
            node.ClearField("name")
        for name in node.output:
            if name and name not in kept:
                short[name] = f"v{len(short)}"
    for node in graph.node:
        node.input[:] = [short.get(name, name) for name in node.input]
        node.output[:] = [short.get(name, name) for name in node.output]

def share(graph):
    """Makes equal initializers one."""
    first, renamed, kept = {}, {}, []
    for tensor in graph.initializer:
        key = tensor.data_type, tuple(tensor.dims), onnx.numpy_helper.to_array(tensor).tobytes()
        renamed[tensor.name] = first.setdefault(key, tensor.name)
        kept += [tensor] if first[key] == tensor.name else []
    for node in graph.node:
        node.input[:] = [renamed.get(name, name) for name in node.input]
    kept = list(kept)
    del graph.initializer[:]
    graph.initializer.extend(kept)

def emptied(model, state, recipes):
    """The model without the values of parameters, and a sentence on what could not be emptied."""
    known = {}
    for name, recipe in recipes.items():
        value = np.asarray(state[name])
        known.setdefault((value.size, value.flat[0]), []).append((recipe, value))
    strip(model)
    share(model.graph)
    shorten(model.graph)
    left = 0
    for tensor in model.graph.initializer:
        large = tensor.data_type == onnx.TensorProto.FLOAT and np.prod(tensor.dims) >= SMALL
        recipe = recipe_of(tensor, known) if large else None
        if recipe:
            tensor.ClearField("raw_data")
            tensor.ClearField("float_data")
            tensor.doc_string = recipe
        else:
            left += tensor.ByteSize()
    return model, f"{model.ByteSize()} bytes, {left} of them in tensors"

def filled(model):
    """The model with its values, as the test makes them."""
    copy = onnx.ModelProto.FromString(model.SerializeToString())
    for tensor in copy.graph.initializer:
        if tensor.doc_string.startswith("uniform "):
            offset, scale, shift, *axes = tensor.doc_string.split()[1:]
            axes = [int(axis) for axis in axes[0].split(",")] if axes else range(len(tensor.dims))
            dims = [tensor.dims[list(axes).index(axis)] for axis in range(len(tensor.dims))]
            made = values((int(offset), float(scale), float(shift)), np.prod(dims, dtype=int)).reshape(dims)
            tensor.raw_data = made.transpose(axes).astype("<f4").tobytes()
    return copy

def check(model, shape, seed, logits):
    """That ONNX Runtime says of the filled model what the framework says of its own."""
    import onnxruntime
    session = onnxruntime.InferenceSession(filled(model).SerializeToString(), providers=["CPUExecutionProvider"])
    picture = uniform(seed, 0, np.prod(shape)).reshape(shape).astype("f4")
    found = session.run(None, {session.get_inputs()[0].name: picture})[0].ravel()
    error = np.linalg.norm(found - logits) / np.linalg.norm(logits)
    assert error < 1e-4, f"the logits differ by {error}"

def write_reference(name, run, shape, out, again=None):
    """Writes NAME.f32; the picture's seed and the logits."""
    error, seed, top, logits, single = steadiest(run, shape, seeds=16, enough=1e-4, noise=3e-6, again=again)
    norms = [np.linalg.norm(g) for g in single]
    parts = [[seed, top], norms, logits, *(g[::STRIDE] for g in single)]
    np.concatenate(parts).astype("<f4").tofile(f"{out}/{name}.f32")
    print(f"{name}: seed {seed}, class {top}, logits up to {abs(logits).max():.2f}, largest change {error:.1e}", flush=True)
    return seed, logits
