"""The input gradients of timm's networks, compiled from their ONNX exports, against PyTorch's autograd: one table.

usage: timm_exports.py [--exporter torchscript|dynamo] [NAME ...]
needs: numpy torch timm onnx onnxscript onnxruntime, and onnx-grad (pip install crates/onnx-grad-py)

Weights are seeded. Where the two differ by more than 1e-3, both are compared with finite differences of ONNX Runtime's
scores along random directions: autograd of some networks is wrong, too.
"""
import argparse, io, time, warnings
import numpy as np, onnx, onnxruntime, timm, torch
import onnx_grad

NETWORKS = """
resnet26d resnetv2_50 resnext26ts seresnet50 ecaresnet26t skresnet18 res2net50_26w_4s resnest14d wide_resnet50_2
densenet121 dpn48b dla34 vgg11 vovnet39a cspresnet50 cspdarknet53 darknet53 hrnet_w18_small inception_v4 xception41
nasnetalarge pnasnet5large selecsls42 rexnet_100 regnetx_004 regnety_004 repvgg_a0 mobileone_s0 ghostnet_100 tinynet_a
mobilenetv2_100 mobilenetv3_small_100 mobilenetv4_conv_small efficientnet_b0 tf_efficientnetv2_b0 mnasnet_small
fbnetc_100 hardcorenas_a lcnet_050 mixnet_s nfnet_l0 gernet_s convnext_atto convnextv2_atto convmixer_768_32
vit_tiny_patch16_224 deit_tiny_patch16_224 cait_xxs24_224 crossvit_tiny_240 swin_tiny_patch4_window7_224 pit_ti_224
levit_128s xcit_nano_12_p8_224 coat_lite_tiny twins_pcpvt_small pvt_v2_b0 mobilevit_xxs edgenext_xx_small
efficientformer_l1 poolformer_s12 mixer_s32_224 resmlp_12_224 gmlp_ti16_224 lambda_resnet26rpt_256 maxvit_nano_rw_256
fastvit_t8 tresnet_m focalnet_tiny_srf hiera_tiny_224 davit_tiny beit_base_patch16_224
""".split()


STEPS = (1e-2, 1e-3, 1e-4)


def exported(model, picture, exporter):
    if exporter == "dynamo":
        return torch.onnx.export(model, (picture,), dynamo=True, verbose=False).model_proto
    out = io.BytesIO()
    torch.onnx.export(model, (picture,), out, dynamo=False, opset_version=17, input_names=["image"])
    return onnx.load_from_string(out.getvalue())


def autograd(model, picture):
    picture = picture.clone().requires_grad_(True)
    scores = model(picture)
    top = int(scores.argmax())
    return top, torch.autograd.grad(scores[0, top], picture)[0].numpy()


def session(model):
    return onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])


def distance(a, b):
    a, b = a.astype("f8"), b.astype("f8")
    return float(np.linalg.norm(a - b) / np.linalg.norm(b))


def slopes(score, picture, directions, step):
    """Central differences of a score along directions."""
    moved = lambda by, direction: score((picture + by * direction).astype("f4"))
    return np.array([(moved(step, d) - moved(-step, d)) / (2 * step) for d in directions])


def least_distance(gradient, measured, directions):
    """The distance from the differences at the step that fits best: rounding spoils short ones, kinks long ones."""
    stated = np.array([(gradient.astype("f8") * d).sum() for d in directions])
    return min(distance(stated, at_step) for at_step in measured)


def row(name, exporter):
    torch.manual_seed(0)
    model = timm.create_model(name, pretrained=False).eval().requires_grad_(False)
    # Some heads begin at zero, and so do their gradients.
    for parameter in model.parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=.05)
    _, height, width = model.default_cfg["input_size"]
    picture = torch.rand(1, 3, height, width)
    top, reference = autograd(model, picture)
    graph = exported(model, picture, exporter)
    began = time.perf_counter()
    run = session(onnx_grad.differentiate(graph))
    took = time.perf_counter() - began
    image = next(x.name for x in run.get_inputs() if x.name != "target")
    scores, found = run.run(["scores", "gradient"], {image: picture.numpy(), "target": np.array([top])})
    error = distance(found, reference)
    note = ""
    if error > 1e-3:
        forward = session(graph)
        score = lambda x: float(forward.run(None, {image: x})[0].ravel()[top])
        directions = np.random.default_rng(0).standard_normal((12, *picture.shape))
        measured = [slopes(score, picture.numpy(), directions, step) for step in STEPS]
        errors = (least_distance(gradient, measured, directions) for gradient in (found, reference))
        note = "against differences: onnx-grad {:.0e}, autograd {:.0e}".format(*errors)
    return f"| {name} | {len(graph.graph.node)} | {error:.0e} | {took:.1f} | {note} |"


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--exporter", choices=["torchscript", "dynamo"], default="torchscript")
    options.add_argument("names", nargs="*", metavar="NAME")
    options = options.parse_args()
    warnings.simplefilter("ignore")
    print("| network | nodes | error against autograd | seconds to compile | |\n|---|---|---|---|---|", flush=True)
    for name in options.names or NETWORKS:
        try:
            print(row(name, options.exporter), flush=True)
        except Exception as problem:
            print(f"| {name} | | | | {type(problem).__name__}: {str(problem).splitlines()[0][:200]} |", flush=True)


if __name__ == "__main__":
    main()
