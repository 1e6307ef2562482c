"""The input gradient of ResNet50's top class in PyTorch, TensorFlow and salstream, side by side in one run.

`scripts/side-by-side` starts it; `--help` lists the options. Needs numpy torch torchvision onnx tensorflow-cpu, and cargo.
All compute the same: torchvision's ResNet50 with seeded weights, 224 x 224, weights not differentiated, all cores. Each
framework lives in a process of its own, and they take turns: every round asks each way for a few runs, of which the median
counts. The table has the median of the rounds and their range, by picture.
"""
import argparse, contextlib, json, os, platform, statistics, subprocess, sys, tempfile, time, warnings
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WARMING = 3

# --- Frameworks: each yields its ways by name; a way takes pictures [N, 3, 224, 224] and returns their gradients ----------


def torch_ways(folder, compiled):
    """PyTorch: eager, channels_last, compiled; f32, autocast, the whole model in the narrow type."""
    import torch
    torch.manual_seed(0)
    cuda = torch.cuda.is_available()
    device, narrow = ("cuda", torch.float16) if cuda else ("cpu", torch.bfloat16)
    name = "f16" if cuda else "bf16"

    def way(dtype, autocast, last, compile):
        state = torch.load(folder / "resnet50.pt")
        import torchvision
        model = torchvision.models.resnet50(weights=None).eval()
        model.load_state_dict(state)
        layout = torch.channels_last if last else torch.contiguous_format
        model = model.requires_grad_(False).to(device=device, dtype=dtype, memory_format=layout)
        if compile:
            model = torch.compile(model)

        def gradient(pictures):
            x = torch.from_numpy(pictures).to(device=device, dtype=dtype, memory_format=layout).requires_grad_(True)
            with torch.autocast(device, narrow) if autocast else contextlib.nullcontext():
                score = model(x).max(dim=1).values.sum()
            return torch.autograd.grad(score, x)[0].float().contiguous().cpu().numpy()
        return gradient

    for last in (False, True):
        for compile in (False, True) if compiled else (False,):
            title = "PyTorch " + ("compile" if compile else "eager") + (", channels_last" if last else "")
            yield "f32", title, lambda l=last, c=compile: way(torch.float32, False, l, c)
            yield name, f"{title}, autocast", lambda l=last, c=compile: way(torch.float32, True, l, c)
            yield name, f"{title}, whole model", lambda l=last, c=compile: way(narrow, False, l, c)


def tensorflow_ways(folder, compiled):
    """TensorFlow: the tutorials' eager GradientTape, the same as a graph, the same through XLA."""
    import numpy as np, tensorflow as tf
    from tensorflow.keras import Model, layers
    weights = np.load(folder / "resnet50.npz")

    def conv(x, name, stride=1):
        w = weights[f"{name}.weight"].transpose(2, 3, 1, 0)
        x = layers.ZeroPadding2D(w.shape[0] // 2)(x) if w.shape[0] > 1 else x
        layer = layers.Conv2D(w.shape[3], w.shape[0], stride, use_bias=False)
        x = layer(x)
        layer.set_weights([w])
        return x

    def norm(x, name):
        layer = layers.BatchNormalization(epsilon=1e-5)
        x = layer(x)
        layer.set_weights([weights[f"{name}.{part}"] for part in ("weight", "bias", "running_mean", "running_var")])
        return x

    def block(x, name, stride, widen):
        y = layers.ReLU()(norm(conv(x, f"{name}.conv1"), f"{name}.bn1"))
        y = layers.ReLU()(norm(conv(y, f"{name}.conv2", stride), f"{name}.bn2"))
        y = norm(conv(y, f"{name}.conv3"), f"{name}.bn3")
        x = norm(conv(x, f"{name}.downsample.0", stride), f"{name}.downsample.1") if widen else x
        return layers.ReLU()(layers.Add()([x, y]))

    def build():
        image = layers.Input((224, 224, 3))
        x = layers.ReLU()(norm(conv(image, "conv1", 2), "bn1"))
        x = layers.MaxPooling2D(3, 2)(layers.ZeroPadding2D(1)(x))
        for stage, blocks in enumerate((3, 4, 6, 3), 1):
            for place in range(blocks):
                x = block(x, f"layer{stage}.{place}", 2 if stage > 1 and place == 0 else 1, place == 0)
        head = layers.Dense(1000)
        scores = head(layers.GlobalAveragePooling2D()(x))
        head.set_weights([weights["fc.weight"].T, weights["fc.bias"]])
        return Model(image, scores)

    model = build()
    model.trainable = False

    def tape(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            score = tf.reduce_sum(tf.reduce_max(model(x, training=False), axis=1))
        return tape.gradient(score, x)

    def way(function):
        return lambda pictures: function(tf.constant(pictures.transpose(0, 2, 3, 1))).numpy().transpose(0, 3, 1, 2)

    yield "f32", "TensorFlow eager GradientTape", lambda: way(tape)
    yield "f32", "TensorFlow tf.function", lambda: way(tf.function(tape))
    if compiled:
        yield "f32", "TensorFlow XLA", lambda: way(tf.function(tape, jit_compile=True))


WAYS = {"torch": torch_ways, "tensorflow": tensorflow_ways}


def work(framework, folder, compiled):
    """A framework's process: says its ways, then answers lines [way, batch, runs, file] with lists of milliseconds."""
    out = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # What a framework prints is no answer.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import numpy as np
    pictures = np.fromfile(folder / "pictures.f32", np.float32).reshape(-1, 3, 224, 224)
    ways = [(precision, title, make) for precision, title, make in WAYS[framework](folder, compiled)]
    module = sys.modules[framework]
    print(json.dumps({"version": module.__version__, "ways": [way[:2] for way in ways]}), file=out)
    made, warm = {}, set()
    for line in sys.stdin:
        at, batch, runs, file = json.loads(line)
        try:
            gradient = made.get(at) or made.setdefault(at, ways[at][2]())
            x = np.ascontiguousarray(pictures[:batch])
            for _ in range(0 if (at, batch) in warm else WARMING):
                gradient(x)
            warm.add((at, batch))
            times = []
            for _ in range(runs):
                started = time.perf_counter()
                found = gradient(x)
                times.append((time.perf_counter() - started) * 1e3)
            np.ascontiguousarray(found, np.float32).tofile(file)
            print(json.dumps(times), file=out)
        except Exception as error:  # One way that fails costs its row only.
            print("error: " + " ".join(str(error).split())[:200], file=out)


# --- The comparison ------------------------------------------------------------------------------------------------------


class Worker:
    """A process that answers a line with a line."""

    def __init__(self, command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)

    def hear(self):
        line = self.process.stdout.readline()
        if not line or line.startswith("error: "):
            raise RuntimeError(line[7:].strip() or f"{self.process.args[0]} ended")
        return json.loads(line)

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.hear()

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Row:
    """One way to compute, and what was measured of it."""

    def __init__(self, title, precision, ours, question, worker):
        self.title, self.precision, self.ours = title, precision, ours
        self.question, self.worker = question, worker
        self.rounds, self.cosine, self.problem = [], None, None

    def turn(self, batch, runs, file):
        if self.problem is None:
            try:
                times = self.worker.ask(self.question(batch, runs, file))
                self.rounds.append(statistics.median(times) / batch)
            except RuntimeError as error:
                self.problem = str(error)

    def milliseconds(self):
        return statistics.median(self.rounds)


def prepare(folder):
    """The model for each framework, and the pictures."""
    sys.path.insert(0, str(ROOT / "tests/references"))
    import numpy as np, torch
    from gradients import seeded_resnet50
    from stream import uniform
    model = seeded_resnet50()
    torch.save(model.state_dict(), folder / "resnet50.pt")
    np.savez(folder / "resnet50.npz", **{name: value.numpy() for name, value in model.state_dict().items()})
    uniform(1, 0, 32 * 3 * 224 * 224).astype("<f4").tofile(folder / "pictures.f32")
    example = torch.zeros(1, 3, 224, 224)
    axes = {"image": {0: "batch"}}
    warnings.simplefilter("ignore")  # The newer exporter needs a package more.
    torch.onnx.export(model, (example,), str(folder / "resnet50.onnx"), input_names=["image"], dynamo=False, dynamic_axes=axes)
    return torch.cuda.is_available()


def rows(options, folder, cuda):
    """Every way there is, and the processes that know them."""
    versions, found, workers = [], [], []
    for framework in WAYS:
        if framework in options.without:
            continue
        flags = [] if options.compile else ["--no-compile"]
        worker = Worker([sys.executable, __file__, "--worker", framework, "--folder", str(folder), *flags])
        hello = worker.hear()
        workers.append(worker)
        versions.append(f"{framework} {hello['version']}")
        for at, (precision, title) in enumerate(hello["ways"]):
            question = lambda batch, runs, file, at=at: json.dumps([at, batch, runs, file])
            found.append(Row(title, precision, False, question, worker))
    command = ["cargo", "bench", "--quiet", "--bench", "side_by_side", "--", folder / "resnet50.onnx", folder / "pictures.f32"]
    worker = Worker([str(word) for word in command])
    workers.append(worker)
    devices = [("cpu", "f32"), ("openvino", "f32"), ("openvino", "bf16")]
    devices += [("cuda", "f32"), ("tensorrt", "f32"), ("tensorrt", "f16")] if cuda else []
    for device, precision in devices:
        question = lambda batch, runs, file, d=device, p=precision: f"{d} {p} {batch} {runs} {file}"
        found.append(Row(f"salstream {device}", precision, True, question, worker))
    return versions, found, workers


def compare(precision, batch, table, reference, options, folder):
    """Lets the ways of one precision take turns; prints their table."""
    import numpy as np
    file = folder / "gradient.f32"
    reference.worker.ask(reference.question(batch, 1, str(file)))
    truth = np.fromfile(file, np.float32).astype(np.float64)
    chosen = [row for row in table if row.precision == precision]
    for row in chosen:
        row.rounds = []
    for _ in range(options.rounds):
        for row in chosen:
            row.turn(batch, options.runs, str(file))
            if row.problem is None and len(row.rounds) == 1:
                found = np.fromfile(file, np.float32).astype(np.float64)
                row.cosine = found @ truth / (np.linalg.norm(found) * np.linalg.norm(truth))
    measured = sorted((row for row in chosen if row.problem is None), key=Row.milliseconds)
    best = next((row for row in measured if not row.ours), None)
    print(f"\n| {precision}, batch {batch} | ms a picture | rounds | cosine with PyTorch f32 | times as fast as the best framework |")
    print("|---|---|---|---|---|")
    for row in measured:
        ratio = f"{best.milliseconds() / row.milliseconds():.2f}" if best and row.ours else ""
        spread = f"{min(row.rounds):.1f} to {max(row.rounds):.1f}"
        print(f"| {row.title} | {row.milliseconds():.1f} | {spread} | {row.cosine:.4f} | {ratio} |")
    for row in (row for row in chosen if row.problem is not None):
        print(f"| {row.title} | - | {row.problem} | | |")
    sys.stdout.flush()


def machine(cuda):
    """The processor, or the graphics card."""
    if cuda:
        import torch
        return torch.cuda.get_device_name()
    facts = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    value = lambda key: next((line.split(":", 1)[1].strip() for line in facts.splitlines() if line.startswith(key)), "")
    flags = [flag for flag in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if flag in value("flags").split()]
    return f"{value('model name') or platform.processor()}, {len(os.sched_getaffinity(0))} cores ({' '.join(flags)})"


def parse():
    parser = argparse.ArgumentParser(prog="side-by-side", description=__doc__.splitlines()[0])
    parser.add_argument("--batch", type=int, action="append", help="pictures at once [1 and 4; 1, 8 and 32 on a GPU]")
    parser.add_argument("--precision", choices=("f32", "bf16", "f16"), action="append", help="[f32, and bf16; f16 on a GPU]")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each way [3]")
    parser.add_argument("--runs", type=int, default=9, help="runs a turn, of which the median counts [9]")
    parser.add_argument("--without", choices=tuple(WAYS), action="append", default=[], help="leave a framework out")
    parser.add_argument("--no-compile", dest="compile", action="store_false", help="leave torch.compile and XLA out")
    parser.add_argument("--folder", type=Path, help="keep model and pictures here [a temporary folder]")
    parser.add_argument("--worker", choices=tuple(WAYS), help=argparse.SUPPRESS)
    return parser.parse_args()


def main():
    options = parse()
    if options.worker:
        return work(options.worker, options.folder, options.compile)
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        cuda = prepare(folder)
        versions, table, workers = rows(options, folder, cuda)
        print(f"{machine(cuda)}; {', '.join(versions)}; medians of {options.rounds} rounds of {options.runs} runs")
        reference = next(row for row in table if row.title == "PyTorch eager")
        for precision in options.precision or ("f32", "f16" if cuda else "bf16"):
            for batch in options.batch or ((1, 8, 32) if cuda else (1, 4)):
                compare(precision, batch, table, reference, options, folder)
        for worker in workers:
            worker.close()


if __name__ == "__main__":
    main()
