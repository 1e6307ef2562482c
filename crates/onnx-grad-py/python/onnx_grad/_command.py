"""The command `onnx-grad`."""

from __future__ import annotations

import argparse
import sys
import warnings
from typing import List, Optional, Tuple

from ._differentiate import OnnxGradNote, differentiate
from ._onnx_grad import METHODS, OnnxGradError, __version__


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="onnx-grad", description="Writes the gradient of an ONNX model as a model, in ordinary ONNX operators."
    )
    parser.add_argument("model", metavar="IN.onnx", help="model to differentiate")
    parser.add_argument("out", metavar="OUT.onnx", help="gradient model to write")
    parser.add_argument(
        "--of",
        metavar="WHAT",
        help="what to differentiate: NAME, or NAME[:,281] with one of : NUMBER FROM:TO mean sum max for each axis; "
        "terms are joined by + and - ; dot(NAME) for the inner product with the input `cotangent` "
        "[default: the scores of a classifier before a final Softmax]",
    )
    parser.add_argument(
        "--wrt",
        metavar="NAME",
        action="append",
        default=[],
        help="input, or value inside the model, to differentiate by; repeat it for several [default: the only input]",
    )
    parser.add_argument(
        "--shape",
        metavar="NAME=1x3x224x224",
        action="append",
        default=[],
        type=_shape,
        help="shape of an input that the file leaves open",
    )
    parser.add_argument("--batch", metavar="N|free", default=1, type=_batch, help="pictures at a time [default: 1]")
    parser.add_argument("--several-targets", action="store_true", help="`target` takes several classes per picture")
    parser.add_argument("--method", choices=METHODS, default="gradient", help="what `gradient` holds")
    parser.add_argument("--samples", metavar="N", type=int, help="samples of a sampled method [default: 16 or 32]")
    parser.add_argument("--noise", metavar="0..1", type=float, default=0.15, help="noise of smoothgrad [default: 0.15]")
    parser.add_argument(
        "--baseline",
        metavar="mean|blurred|NUMBERS",
        default=0.0,
        type=_baseline,
        help="where the path of integrated-gradients starts, such as 0 or -1.8,-2,-1.6 [default: 0]",
    )
    parser.add_argument("--layer", metavar="NAME", help="feature map of the grad-cam methods")
    parser.add_argument("--seed", metavar="N", type=int, default=0, help="which random samples to draw [default: 0]")
    parser.add_argument("--version", action="version", version=f"onnx-grad {__version__}")
    return parser


def _shape(text: str) -> Tuple[str, List[int]]:
    name, equals, sizes = text.rpartition("=")
    try:
        shape = [int(size) for size in sizes.split("x")]
    except ValueError:
        shape = []
    if not equals or not name or not shape:
        raise argparse.ArgumentTypeError(f"{text} is not NAME=1x3x224x224")
    return name, shape


def _batch(text: str) -> object:
    if text == "free":
        return text
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a number from 1, or free")
    return int(text)


def _baseline(text: str) -> object:
    try:
        return [float(number) for number in text.split(",")]
    except ValueError:
        return text


def main(arguments: Optional[List[str]] = None) -> int:
    """Runs the command and returns its exit status: 0, or 1 after an error, or 2 for wrong usage."""
    args = _parser().parse_args(arguments)
    with warnings.catch_warnings(record=True) as notes:
        warnings.simplefilter("always", OnnxGradNote)
        try:
            differentiate(
                args.model,
                args.of,
                args.wrt,
                inputs=dict(args.shape),
                batch=args.batch,
                several_targets=args.several_targets,
                method=args.method,
                samples=args.samples,
                noise=args.noise,
                baseline=args.baseline,
                layer=args.layer,
                seed=args.seed,
                out=args.out,
            )
        except (OnnxGradError, OSError) as error:
            print(f"onnx-grad: error: {error}", file=sys.stderr)
            return 1
    for note in notes:
        if issubclass(note.category, OnnxGradNote):
            print(f"onnx-grad: note: {note.message}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
