"""Reference attributions by captum and pytorch-grad-cam, for tests/gradients/methods.rs.

usage: methods.py OUT_FILE
needs: numpy torch captum grad-cam

Writes little-endian float32: for each method, in the order of METHODS below, the attribution of class TARGET for one
picture of a small network, [3, HEIGHT, WIDTH]. Network, weights and picture come from the splitmix64 stream that
tests/gradients/common.rs has as well. Noisy methods are averaged over SAMPLES copies, so that chance does not count.
"""
import sys
import numpy as np, torch
import torch.nn.functional as F
from captum.attr import GuidedBackprop, GuidedGradCam, InputXGradient, IntegratedGradients, LayerGradCam, NoiseTunnel, Saliency
from gradients import uniform
from pytorch_grad_cam import GradCAMPlusPlus

HEIGHT, WIDTH, CLASSES, TARGET = 16, 12, 5, 2
NOISE, SAMPLES, STEPS = .15, 400_000, 64
BLACK = [-.9, .1, -.4]

class Stream:
    def __init__(self, seed):
        self.seed, self.at = seed, 0
    def take(self, *shape):
        count = int(np.prod(shape))
        values = uniform(self.seed, self.at, count)
        self.at += count
        return torch.tensor(values.astype(np.float32).reshape(shape))

class Network(torch.nn.Module):
    def __init__(self):
        super().__init__()
        stream = Stream(13)
        self.first = torch.nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.relu1 = torch.nn.ReLU()
        self.pool = torch.nn.MaxPool2d(2)
        self.second = torch.nn.Conv2d(8, 12, 3, padding=1)
        self.relu2 = torch.nn.ReLU()
        self.classes = torch.nn.Linear(12, CLASSES)
        for layer in (self.first, self.second, self.classes):
            layer.weight.data = stream.take(*layer.weight.shape)
            layer.bias.data = stream.take(*layer.bias.shape)
    def forward(self, x):
        x = self.pool(self.relu1(self.first(x)))
        x = self.relu2(self.second(x))
        return self.classes(x.mean((2, 3)))

def blurred(picture):
    """Gaussian of a twentieth of each side, cut off at three deviations, the border repeated."""
    for axis in (2, 3):
        deviation = picture.shape[axis] / 20
        reach = int(np.ceil(3 * deviation))
        kernel = torch.exp(-.5 * (torch.arange(-reach, reach + 1) / deviation) ** 2)
        kernel = (kernel / kernel.sum()).reshape((1, 1, -1, 1) if axis == 2 else (1, 1, 1, -1)).repeat(3, 1, 1, 1)
        pad = (0, 0, reach, reach) if axis == 2 else (reach, reach, 0, 0)
        picture = F.conv2d(F.pad(picture, pad, mode="replicate"), kernel, groups=3)
    return picture

def enlarged(cam):
    return F.interpolate(cam, (HEIGHT, WIDTH), mode="bilinear", align_corners=False).expand(1, 3, HEIGHT, WIDTH)

def grad_cam_plus_plus(network, picture):
    method = GradCAMPlusPlus(network, [network.relu2])
    method.activations_and_grads(picture)[0, TARGET].backward()
    values, slopes = (getattr(method.activations_and_grads, kind)[0].detach().numpy() for kind in ("activations", "gradients"))
    weights = method.get_cam_weights(picture, network.relu2, None, values, slopes)
    return enlarged(torch.relu(torch.tensor((weights[..., None, None] * values).sum(1, keepdims=True))))

def noisy(network, picture, kind):
    deviation = NOISE * float(picture.max() - picture.min())
    torch.manual_seed(1)
    return NoiseTunnel(Saliency(network)).attribute(picture, nt_type=kind, nt_samples=SAMPLES, nt_samples_batch_size=5000,
                                                    stdevs=deviation, target=TARGET, abs=False)

def integrated(network, picture, baseline):
    return IntegratedGradients(network).attribute(picture, baselines=baseline, target=TARGET, n_steps=STEPS, method="gausslegendre")

METHODS = {
    "gradient": lambda n, x: Saliency(n).attribute(x, target=TARGET, abs=False),
    "input-x-gradient": lambda n, x: InputXGradient(n).attribute(x, target=TARGET),
    "guided": lambda n, x: GuidedBackprop(n).attribute(x, target=TARGET),
    "grad-cam": lambda n, x: enlarged(LayerGradCam(n, n.relu2).attribute(x, target=TARGET, relu_attributions=True)),
    "grad-cam++": grad_cam_plus_plus,
    "guided-grad-cam": lambda n, x: GuidedGradCam(n, n.relu2).attribute(x, target=TARGET, interpolate_mode="bilinear"),
    "integrated-gradients, black": lambda n, x: integrated(n, x, torch.tensor(BLACK).reshape(1, 3, 1, 1).expand_as(x)),
    "integrated-gradients, mean": lambda n, x: integrated(n, x, x.mean((2, 3), keepdim=True).expand_as(x).clone()),
    "integrated-gradients, blurred": lambda n, x: integrated(n, x, blurred(x)),
    "smoothgrad": lambda n, x: noisy(n, x, "smoothgrad"),
    "smoothgrad-squared": lambda n, x: noisy(n, x, "smoothgrad_sq"),
    "vargrad": lambda n, x: noisy(n, x, "vargrad"),
}

if __name__ == "__main__":
    network, picture = Network().eval(), Stream(7).take(1, 3, HEIGHT, WIDTH)
    values = []
    for name, method in METHODS.items():
        result = method(network, picture.clone().requires_grad_()).detach().numpy().astype("<f4")
        assert result.shape == (1, 3, HEIGHT, WIDTH), (name, result.shape)
        print(f"{name}: norm {np.linalg.norm(result):.6g}")
        values.append(result.ravel())
    np.concatenate(values).tofile(sys.argv[1])
