#!/usr/bin/env python3
"""Makes tests/fixtures/maps.bin: what the reference prototype of the maps says of a few real frames.

    maps.py PROTOTYPE.py DAVIS_FOLDER GRADIENT.onnx OUT.bin

PROTOTYPE.py is the script whose recipe src/motion and src/fuse follow, GRADIENT.onnx an EfficientNet-Lite0 with an
output `grad`. Needs what the prototype needs: numpy, scipy, numba, opencv-python-headless, onnxruntime.

Layout, little-endian, for each sequence in turn:
    a gradient for each of FRAMES frames     56 x 56 bytes; both sides enlarge it to 224 x 224 by repetition
    for each frame in CHECKED                residual, motion, static, fused: 60 x 34 16-bit thousandths each,
                                             then the motion's confidence in thousandths
"""
import glob
import importlib.util
import sys

import cv2
import numpy as np

SEQUENCES = ("camel", "horsejump-high")
FRAMES = 6
CHECKED = (2, 5)


def load(path):
    spec = importlib.util.spec_from_file_location("prototype", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def small(image):
    height, width = image.shape[:2]
    return cv2.resize(image, (480, round(480 * height / width)), interpolation=cv2.INTER_AREA)


def thousandths(values):
    return np.clip(np.round(np.asarray(values, np.float64) * 1000), 0, 65535).astype("<u2").tobytes()


def shrink(raster):
    return cv2.resize(np.float32(raster), (60, 34), interpolation=cv2.INTER_AREA)


def sequence(prototype, folder):
    raw = {}
    residual = prototype.residual
    model = prototype.Saliency()

    def keep(*arguments):
        raw["residual"] = residual(*arguments)
        return raw["residual"]

    prototype.residual = keep
    gradients, maps = b"", b""
    for index, path in enumerate(sorted(glob.glob(folder + "/*.jpg"))[:FRAMES]):
        image = small(cv2.imread(path))
        gradient = cv2.resize(prototype.gradient(image), (56, 56), interpolation=cv2.INTER_AREA)
        gradient = np.round(255 * gradient / gradient.max()).astype(np.uint8)
        gradients += gradient.tobytes()
        model(image, np.repeat(np.repeat(gradient, 4, 0), 4, 1).astype(np.float32))
        if index in CHECKED:
            last = model.last
            for raster in (raw["residual"], last["motion"], last["static"], last["fused"]):
                maps += thousandths(shrink(raster))
            maps += thousandths([last["motion_confidence"]])
    prototype.residual = residual
    return gradients + maps


def main():
    path, davis, model, out = sys.argv[1:]
    prototype = load(path)
    prototype.MODEL = model
    with open(out, "wb") as file:
        for name in SEQUENCES:
            file.write(sequence(prototype, f"{davis}/JPEGImages/480p/{name}"))


if __name__ == "__main__":
    main()
