"""Graphs of whole networks and their gradients by PyTorch autograd, for tests/gradients/models.rs.

usage: models.py OUT_FOLDER [NAME ...]
needs: numpy torch torchvision onnx onnxscript onnxruntime

Writes for each of torchvision's networks in NETWORKS (or those named) OUT_FOLDER/NAME.onnx by the TorchScript exporter
for any batch, OUT_FOLDER/NAME-dynamo.onnx by the dynamo exporter for one picture, and OUT_FOLDER/NAME.f32.

The parameters come in the order of the state dict from one stream, each scaled so that activations neither vanish nor
explode; recipes.py says how the graphs and the references are written. The exporters are kept from folding
BatchNormalization into weights and from gathering Swin's and MaxViT's tables, which no recipe could say.
"""
import io, sys, warnings
import numpy as np, onnx, torch
from gradients import gradients
from recipes import check, emptied, values, write_reference
from stream import uniform

# Name -> opset of the TorchScript exporter, opset of the dynamo exporter.
NETWORKS = {
    "resnet18": (9, 18), "resnet50": (17, 20), "vgg11_bn": (13, 18), "densenet121": (11, 18), "googlenet": (10, 18),
    "inception_v3": (12, 18), "squeezenet1_1": (9, 21), "mobilenet_v2": (11, 18), "mobilenet_v3_large": (14, 18),
    "shufflenet_v2_x1_0": (10, 20), "mnasnet1_0": (13, 18), "efficientnet_b0": (11, 20), "regnet_y_400mf": (17, 22),
    "convnext_tiny": (16, 20), "swin_t": (17, 18), "vit_b_16": (14, 20), "maxvit_t": (16, 18),
}

def spread(module, name, shape):
    """Scale and shift of a parameter."""
    leaf = name.split(".")[-1]
    scales = isinstance(module, (torch.nn.BatchNorm2d, torch.nn.LayerNorm)) and leaf == "weight"
    if scales or leaf.startswith("onnx_initializer") and len(shape) == 1:
        return .5, 1.
    if leaf == "layer_scale":
        return .25, .5
    if leaf in ("class_token", "pos_embedding", "relative_position_bias_table"):
        return .5, 0.
    if len(shape) > 1:
        return float(f"{((6 if len(shape) == 4 else 3) / np.prod(shape[1:])) ** .5:.4g}"), 0.
    return .1, 0.

def seeded(model, shape):
    """Gives the model's parameters their values; the recipe of each. The statistics of each BatchNormalization are
    those of what arrives there from a picture, but for random factors."""
    recipes, at, state = {}, 0, model.state_dict()
    def assign(name, scale, shift):
        recipes[name] = offsets[name], scale, shift
        state[name].copy_(torch.tensor(values(recipes[name], state[name].numel())).reshape(state[name].shape))
    offsets = {}
    for name, value in state.items():
        if value.is_floating_point():
            offsets[name], at = at, at + value.numel()
            assign(name, *spread(model.get_submodule(name.rpartition(".")[0]), name, value.shape))
    def calibrate(name):
        def hook(module, inputs):
            variance = float(f"{inputs[0].var():.3g}")
            assign(f"{name}.running_var", .5 * variance, variance)
            assign(f"{name}.running_mean", float(f"{.1 * variance ** .5:.3g}"), 0.)
        return hook
    norms = [(name, module) for name, module in model.named_modules() if isinstance(module, torch.nn.BatchNorm2d)]
    hooks = [module.register_forward_pre_hook(calibrate(name)) for name, module in norms]
    with torch.no_grad():
        model(torch.tensor(uniform(1, 0, np.prod(shape)).reshape(shape), dtype=torch.float32))
    for hook in hooks:
        hook.remove()
    return recipes

def torchscript(model, shape, opset):
    out = io.BytesIO()
    folding = type(model).__name__ not in ("SwinTransformer", "MaxVit")
    torch.onnx.export(model, (torch.zeros(shape),), out, dynamo=False, opset_version=opset,
                      training=torch.onnx.TrainingMode.PRESERVE, do_constant_folding=folding,
                      input_names=["image"], dynamic_axes={"image": {0: "batch"}})
    return onnx.load_from_string(out.getvalue())

def dynamo(model, shape, opset):
    """As the exporter optimizes by default, but for BatchNormalization and for constants of more than a few KB."""
    from onnxscript import optimizer, rewriter
    from onnxscript.rewriter.rules.common import _fuse_batchnorm
    picture = torch.zeros(shape)
    program = torch.onnx.export(model, (picture,), dynamo=True, opset_version=opset, verbose=False, optimize=False)
    rules = rewriter._DEFAULT_REWRITE_RULES
    rewriter._DEFAULT_REWRITE_RULES = tuple(rule for rule in rules if rule not in list(_fuse_batchnorm.rules))
    optimizer.optimize_ir(program.model, output_size_limit=4096)
    return program.model_proto

def folded(model):
    """The model with BatchNormalization folded into weights, as compilers do; the same model where it has none."""
    from torch.fx.experimental.optimization import fuse
    return fuse(model) if any(isinstance(module, torch.nn.BatchNorm2d) for module in model.modules()) else model

def network(name, opsets, out):
    import torchvision
    untrained = dict(init_weights=False) if name in ("googlenet", "inception_v3") else {}
    model = getattr(torchvision.models, name)(weights=None, **untrained).eval()
    size = 299 if name == "inception_v3" else 224
    shape = (1, 3, size, size)
    recipes = seeded(model, shape)
    graphs = {}
    for suffix, export, opset in [("", torchscript, opsets[0]), ("-dynamo", dynamo, opsets[1])]:
        graphs[suffix], size = emptied(export(model, shape, opset), model.state_dict(), recipes)
        print(f"{name}{suffix}: opset {graphs[suffix].opset_import[0].version}, {size}", flush=True)
    fused = model if name == "maxvit_t" else folded(model)
    seed, logits = write_reference(name, lambda *picture: gradients(model, *picture), shape, out,
                                   again=lambda *picture: gradients(fused, *picture))
    for suffix, graph in graphs.items():
        check(graph, shape, seed, logits)
        onnx.save(graph, f"{out}/{name}{suffix}.onnx")

if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    torch.manual_seed(0)
    for name in sys.argv[2:] or NETWORKS:
        network(name, NETWORKS[name], sys.argv[1])
