"""Input gradients by onnx-grad and by onnx-ad, side by side in one run: right, wrong or refused, and the time.

usage: compare_onnx_ad.py [--rounds N] [MODEL.onnx | FOLDER ...]     (default: the graphs of tests/fixtures/models)
needs: numpy onnx onnxruntime onnx-ad, and onnx-grad (pip install crates/onnx-grad-py)

Of every model, the gradient of one sum of its first float output (weighted at random, but for the top class of a
classifier) with respect to its first float input is compared with central differences along random directions, as ONNX
Runtime computes the model itself. `wrong` is an error above 20 %: differences of deep networks in float32 are worth several
per cent, and a wrong rule is off by much more. Models that round to 8 bits are differentiated as if they did not, so they
get long steps, and 40 %. Times are the medians of runs that take turns, as multiples of the time of
the model itself.
"""
import argparse, statistics, sys, time
from pathlib import Path
import numpy as np, onnx, onnx_ad, onnx_grad, onnxruntime

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests/references"))
from recipes import filled

WRONG, DIRECTIONS, STEPS = .2, 12, (1e-2, 1e-3, 1e-4)
WRONG_IF_ROUNDED, LONG_STEPS = .4, (.1, .05, .02)
FLOAT = onnx.TensorProto.FLOAT


def session(model):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def first_float(values, skip=()):
    is_float = lambda value: value.type.tensor_type.elem_type == FLOAT and value.name not in skip
    name = next((value.name for value in values if is_float(value)), None)
    if name is None:
        raise ValueError("no float32 input or output")
    return name


def sizes(value):
    """The value's shape; open axes are 1, and 224 for the sides of a picture."""
    dims = value.type.tensor_type.shape.dim
    return [dim.dim_value or (224 if len(dims) == 4 and axis > 1 else 1) for axis, dim in enumerate(dims)]


def inputs_of(model, random):
    """Random inputs. Fixes the sizes that the model leaves open, which onnx-ad needs."""
    given = {tensor.name for tensor in model.graph.initializer}
    values = [value for value in model.graph.input if value.name not in given]
    for value in values:
        for dim, size in zip(value.type.tensor_type.shape.dim, sizes(value)):
            dim.dim_value = size
    kinds = {value.name: onnx.helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type) for value in values}
    return {value.name: random.random(sizes(value)).astype(kinds[value.name]) for value in values}


class Case:
    """A model, the point and the weights of the sum, and the differences there."""

    def __init__(self, path):
        random = np.random.default_rng(0)
        self.model = filled(onnx.load(path))
        self.feed = inputs_of(self.model, random)
        given = {tensor.name for tensor in self.model.graph.initializer}
        self.input, self.output = first_float(self.model.graph.input, given), first_float(self.model.graph.output)
        self.model = onnx.shape_inference.infer_shapes(self.model)
        self.run = session(self.model)
        result = self.run.run([self.output], self.feed)[0]
        classes = result.ndim == 2 and result.shape[1] == 1000
        self.weights = random.standard_normal(result.shape).astype("f4")
        if classes:
            self.weights = np.zeros_like(result)
            self.weights[0, result[0].argmax()] = 1
        self.directions = random.standard_normal((DIRECTIONS, *self.feed[self.input].shape))
        self.rounds = any("Quantize" in node.op_type or "QLinear" in node.op_type for node in self.model.graph.node)
        self.measured = [self.slopes(step) for step in (LONG_STEPS if self.rounds else STEPS)]

    def score(self, point):
        result = self.run.run([self.output], self.feed | {self.input: point.astype("f4")})[0]
        return float((result.astype("f8") * self.weights).sum())

    def slopes(self, step):
        point = self.feed[self.input]
        return np.array([(self.score(point + step * d) - self.score(point - step * d)) / (2 * step) for d in self.directions])

    def error(self, gradient):
        """The least over the steps: rounding spoils small ones, and curvature large ones."""
        stated = np.array([(gradient.astype("f8") * d).sum() for d in self.directions])
        distance = lambda measured: np.linalg.norm(stated - measured) / max(np.linalg.norm(measured), 1e-12)
        return min(distance(measured) for measured in self.measured)


def by_onnx_grad(case):
    run = session(onnx_grad.differentiate(case.model, of=f"dot({case.output})", wrt=[case.input]))
    feed = case.feed | {"cotangent": case.weights}
    # Inputs that bear the name of an output of gradient models are renamed.
    feed = {value.name: feed[value.name.removesuffix(".input")] for value in run.get_inputs()}
    return lambda: run.run(["gradient"], feed)[0]


def by_onnx_ad(case):
    made = onnx_ad.reverse(case.model, inputs=[case.input], outputs=[case.output], layout="onnx")
    run = session(made)
    feed = case.feed | {f"adj_{case.output}": case.weights[..., None]}
    return lambda: run.run([f"adj_{case.input}"], feed)[0].reshape(case.feed[case.input].shape)


WAYS = {"onnx-grad": by_onnx_grad, "onnx-ad": by_onnx_ad}


def verdict(case, way):
    """What became of it, and its run if it is right."""
    try:
        run = WAYS[way](case)
        error = case.error(run())
    except Exception as problem:
        return f"refused: {first_line(problem)}", None
    wrong = WRONG_IF_ROUNDED if case.rounds else WRONG
    return ("right" if error < wrong else f"**wrong** ({error:.2f})"), run


def first_line(problem):
    return (str(problem).splitlines() or [type(problem).__name__])[0][:80]


def time_of(run):
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


def row(path, rounds):
    case = Case(path)
    forward = lambda: case.run.run([case.output], case.feed)
    found = {way: verdict(case, way) for way in WAYS}
    runs = {"forward": forward} | {way: run for way, (_, run) in found.items() if run}
    times = {way: [] for way in runs}
    for _ in range(rounds):
        for way, run in runs.items():
            times[way].append(time_of(run))
    median = {way: statistics.median(each) for way, each in times.items()}
    cells = [cell for way in WAYS for cell in
             (found[way][0], f"{median[way] / median['forward']:.1f}x" if way in median else "")]
    return f"| {path.stem} | " + " | ".join(cells) + f" | {1e3 * median['forward']:.1f} |", [found[way][0] for way in WAYS]


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("models", nargs="*", type=Path, default=[ROOT / "tests/fixtures/models"], metavar="MODEL")
    options = options.parse_args()
    paths = [path for given in options.models for path in (sorted(given.glob("*.onnx")) if given.is_dir() else [given])]
    print("| model | onnx-grad | time | onnx-ad | time | forward, ms |\n|---|---|---|---|---|---|", flush=True)
    counts = {way: {} for way in WAYS}
    for path in paths:
        try:
            line, verdicts = row(path, options.rounds)
        except Exception as problem:
            print(f"| {path.stem} | cannot be run: {first_line(problem)} | | | | |", flush=True)
            continue
        print(line, flush=True)
        for way, result in zip(WAYS, verdicts):
            kind = result.split(" ")[0].strip("*:")
            counts[way][kind] = counts[way].get(kind, 0) + 1
    for way, kinds in counts.items():
        print(f"\n{way}: " + ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items())))


if __name__ == "__main__":
    main()
