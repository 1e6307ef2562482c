"""Checks the installed package `onnx_grad` as a user meets it. Needs numpy, onnx and onnxruntime, and no test framework.

Run it with the Python that the wheel is installed in; tests/wheel.rs of the crate onnx-grad does."""

import os
import subprocess
import sys
import tempfile
import warnings

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

import onnx_grad

onnxruntime.set_default_logger_severity(4)
random = np.random.default_rng(0)


def weights(*shape):
    return (random.standard_normal(shape) * 0.4).astype(np.float32)


def model(nodes, tensors, inputs, outputs, opset=17, metadata=()):
    tensors = [numpy_helper.from_array(value, name) for name, value in tensors.items()]
    graph = helper.make_graph(nodes, "net", inputs, outputs, tensors)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    for key, value in metadata:
        entry = made.metadata_props.add()
        entry.key, entry.value = key, value
    return made


def value(name, shape, kind=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, kind, shape)


def classifier(batch=1, kind=TensorProto.FLOAT):
    """Smooth, so that finite differences are exact: a convolution, Sigmoid, and four classes before a Softmax."""
    node = helper.make_node
    nodes = [
        node("Cast", ["image"], ["pixels"], to=TensorProto.FLOAT),
        node("Conv", ["pixels", "w", "b"], ["map"], kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[2, 2]),
        node("Sigmoid", ["map"], ["features"]),
        node("GlobalAveragePool", ["features"], ["mean"]),
        node("Flatten", ["mean"], ["flat"]),
        node("Gemm", ["flat", "v"], ["logits"]),
        node("Softmax", ["logits"], ["probabilities"], axis=1),
    ]
    tensors = {"w": weights(6, 3, 3, 3), "b": weights(6), "v": weights(6, 4) * 5}
    outputs = [value("probabilities", [batch, 4]), value("logits", [batch, 4]), value("features", None)]
    names = [("names", "{0: 'tabby', 1: 'tiger cat', 2: 'hound, dog', 3: 'fox'}")]
    return model(nodes, tensors, [value("image", [batch, 3, 8, 10], kind)], outputs, metadata=names)


def session(made):
    content = made if isinstance(made, str) else made.SerializeToString()
    return onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])


def differences(score, x, step=2e-2):
    found = np.zeros(x.size)
    for place in range(x.size):
        moved = np.zeros(x.size, np.float32)
        moved[place] = step
        moved = moved.reshape(x.shape)
        found[place] = (score(x + moved) - score(x - moved)) / (2 * step)
    return found.reshape(x.shape)


def error(a, b):
    return np.linalg.norm(a - b) / np.linalg.norm(b)


def refused(text, function, *arguments, **settings):
    try:
        function(*arguments, **settings)
    except onnx_grad.OnnxGradError as problem:
        assert text in str(problem) and "\n" not in str(problem), problem
        assert isinstance(problem, ValueError)
        return
    raise AssertionError(f"not refused: {text}")


def three_lines(path, image):
    """The documented use."""
    heat = onnx_grad.explain(path, image, target="tabby", method="smoothgrad")
    assert heat.shape == (8, 10) and heat.dtype == np.float32 and heat.min() >= 0 and heat.max() == 1
    for method in onnx_grad.METHODS:
        if method.startswith("guided"):
            refused("no rectifier", onnx_grad.explain, path, image, 0, method)
            continue
        for target in (None, 2, "dog", "-fox", "not tabby", "not"):
            heat = onnx_grad.explain(path, image, target, method)
            assert heat.shape == (8, 10) and 0 <= heat.min() and heat.max() in (0, 1), (method, target)
    again, other = (onnx_grad.explain(path, image, 0, seed=seed) for seed in (0, 1))
    assert (onnx_grad.explain(session(path), image, 0) == again).all() and (other != again).any()
    pictures = np.stack([image, 2 * image])
    assert onnx_grad.explain(classifier("N"), pictures, 1, "gradient").shape == (2, 8, 10)
    # Evidence for and against add up to all of input x gradient.
    both = [onnx_grad.explain(path, image, target, "input-x-gradient") for target in ("fox", "-fox")]
    assert not (np.minimum(*both) > 0).any()


def each_form(path, image):
    """What `of` takes, against finite differences of the model's own outputs."""
    own = session(path)
    x = image[None]

    def output(name):
        return lambda picture: own.run([name], {"image": picture})[0].astype(float)

    logits, features = output("logits"), output("features")
    vector = weights(1, 6, 4, 5)
    forms = {
        "logits[:,1]": lambda p: logits(p)[0, 1],
        "logits[:,1] - logits[:,3]": lambda p: logits(p)[0, 1] - logits(p)[0, 3],
        "-logits[:,1]": lambda p: -logits(p)[0, 1],
        "features[:,2,1:3,2:]": lambda p: features(p)[0, 2, 1:3, 2:].mean(),
        "features[:,2,sum,mean]": lambda p: features(p)[0, 2].sum(0).mean(),
        "dot(features)": lambda p: (features(p) * vector).sum(),
    }
    for of, score in forms.items():
        made = onnx_grad.differentiate(path, of, "image")
        onnx.checker.check_model(made, full_check=True)
        feeds = {"image": x, "cotangent": vector} if of.startswith("dot") else {"image": x}
        number, gradient = session(made).run(["score", "gradient"], feeds)
        assert abs(number[0] - score(x)) < 1e-4, of
        assert error(gradient, differences(score, x)) < 1e-2, of
    loss = model(
        [helper.make_node("Sub", ["logits", "wish"], ["d"]), helper.make_node("ReduceSumSquare", ["d"], ["loss"], axes=[1], keepdims=0)],
        {},
        [value("logits", [1, 4]), value("wish", [1, 4])],
        [value("loss", [1])],
    )
    wish = weights(1, 4)
    gradients = session(onnx_grad.differentiate(path, loss, ["image", "wish"]))
    _, by_image, by_wish = gradients.run(None, {"image": x, "wish": wish})
    assert error(by_image, differences(lambda p: ((logits(p) - wish) ** 2).sum(), x)) < 1e-2
    assert error(by_wish, 2 * (wish - logits(x))) < 1e-3
    # The scores before a Softmax, by default; the same model as bytes and as a ModelProto.
    for given in (path, onnx.load(path), open(path, "rb").read()):
        scores, top, _ = session(onnx_grad.differentiate(given)).run(None, {"image": x, "target": np.array([-1])})
        assert np.allclose(scores, logits(x), atol=1e-5) and top[0] == scores.argmax()


def batches(image):
    """Any number of pictures, and several targets."""
    made = onnx_grad.differentiate(classifier("N"), batch="free", several_targets=True)
    onnx.checker.check_model(made, full_check=True)
    gradients = session(made)
    single = session(onnx_grad.differentiate(classifier_file))
    pictures = np.stack([image, image**2, -image])
    targets = np.array([[0, 3], [-1, 1], [2, 2]])
    _, classes, found = session(onnx_grad.differentiate(open_file, batch="free", several_targets=True)).run(
        None, {"image": pictures, "target": targets}
    )
    assert found.shape == (3, 2, 3, 8, 10) and gradients.get_inputs()[0].shape == ["N", 3, 8, 10]
    for picture in range(3):
        for turn in range(2):
            own = single.run(["class", "gradient"], {"image": pictures[picture : picture + 1], "target": targets[picture, turn : turn + 1]})
            assert own[0][0] == classes[picture, turn] and error(found[picture, turn], own[1][0]) < 1e-5


def integers(image):
    """A uint8 picture: the gradient is that by what it is cast to, and a warning says so."""
    with warnings.catch_warnings(record=True) as notes:
        warnings.simplefilter("always")
        made = onnx_grad.differentiate(classifier(kind=TensorProto.UINT8), "logits[:,1]")
    assert any("image is uint8" in str(note.message) and note.category is onnx_grad.OnnxGradNote for note in notes)
    picture = (image * 50 % 255).astype(np.uint8)
    assert session(made).run(["gradient"], {"image": picture[None]})[0].shape == (1, 3, 8, 10)
    assert onnx_grad.explain(classifier(kind=TensorProto.UINT8), picture, 1, "gradient").shape == (8, 10)


def errors(path, image):
    explain, differentiate = onnx_grad.explain, onnx_grad.differentiate
    refused("there is no class 4: the model has 0 to 3", explain, path, image, 4)
    refused("target is -2", explain, path, image, -2)
    refused("no class is named tabbi; similar: tabby", explain, path, image, "tabbi")
    refused("convert it as for the model", explain, path, (image * 9).astype(np.uint8), 0)
    refused("the picture is 1x3x8x9, and the model takes 1x3x8x10", explain, path, image[..., :9], 0)
    refused("values that are not finite", explain, path, image * np.nan, 0)
    refused("there is no method smooth, only: gradient,", explain, path, image, 0, "smooth")
    refused("samples is 0", explain, path, image, 0, samples=0)
    refused("seed is -1", explain, path, image, 0, seed=-1)
    refused("no tensor named nothing", differentiate, path, "nothing")
    refused("the model has no value x to differentiate by", differentiate, path, wrt="x")
    refused("the file fixes the first axis", differentiate, path, batch="free")
    refused("batch is 0", differentiate, path, batch=0)
    refused("takes 1x3x8x10, not [1, 3, 9, 9]", differentiate, path, inputs={"image": (1, 3, 9, 9)})
    refused("is not an ONNX model", differentiate, b"abc")
    refused("ONNX Runtime", differentiate, model([helper.make_node("Foo", ["x"], ["y"])], {}, [value("x", [1, 4])], [value("y", None)]))
    free = model([helper.make_node("Flatten", ["x"], ["y"])], {}, [value("x", ["N", 3, "H", "W"])], [value("y", None)])
    refused("give its shape, such as x=1x3x224x224", differentiate, free)
    differentiate(free, inputs={"x": (1, 3, 4, 5)})
    try:
        differentiate("missing.onnx")
        raise AssertionError("a missing file is an error")
    except FileNotFoundError as problem:
        assert "missing.onnx" in str(problem)


def without_onnxruntime(path):
    script = "import sys; sys.modules['onnxruntime'] = None; import onnx_grad; onnx_grad.differentiate(sys.argv[1])"
    done = subprocess.run([sys.executable, "-c", script, path], capture_output=True, text=True)
    assert "OnnxGradError: onnxruntime is not installed" in done.stderr and "pip install onnxruntime" in done.stderr


def command(path, folder):
    program = os.path.join(os.path.dirname(sys.executable), "onnx-grad")
    out = os.path.join(folder, "gradient.onnx")

    def run(*arguments):
        return subprocess.run([program, *arguments], capture_output=True, text=True)

    done = run(path, out, "--of", "logits[:,1] - logits[:,2]", "--wrt", "image", "--method", "smoothgrad", "--seed", "3")
    assert done.returncode == 0 and done.stderr == "", done.stderr
    made = onnx.load(out)
    assert [item.name for item in made.graph.output] == ["score", "gradient"]
    noise = next(node for loop in made.graph.node if loop.op_type == "Loop" for node in loop.attribute[0].g.node if node.op_type == "RandomNormalLike")
    assert {item.name: item.f for item in noise.attribute}["seed"] == 4.0
    done = run(path, out, "--of", "nothing")
    assert done.returncode == 1 and done.stderr.startswith("onnx-grad: error: the model has no tensor named nothing")
    assert run(path, out, "--batch", "x").returncode == 2 and run("--version").stdout.startswith("onnx-grad ")
    done = run("missing.onnx", out)
    assert done.returncode == 1 and "missing.onnx" in done.stderr and "Traceback" not in done.stderr


with tempfile.TemporaryDirectory() as folder:
    image = random.standard_normal((3, 8, 10)).astype(np.float32)
    classifier_file, open_file = os.path.join(folder, "classifier.onnx"), os.path.join(folder, "open.onnx")
    fixed = classifier()
    onnx.save(fixed, classifier_file)
    fixed.graph.input[0].type.tensor_type.shape.dim[0].dim_param = "N"
    onnx.save(fixed, open_file)
    three_lines(classifier_file, image)
    each_form(classifier_file, image)
    batches(image)
    integers(image)
    errors(classifier_file, image)
    without_onnxruntime(classifier_file)
    command(classifier_file, folder)
print("onnx_grad", onnx_grad.__version__, "works with onnxruntime", onnxruntime.__version__)
