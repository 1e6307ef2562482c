#!/usr/bin/env python3
"""Makes tests/fixtures/fixations.json: what independent implementations say of maps against fixations.

    fixations.py MIT1003_FOLDER OUT.json

Needs numpy, opencv-python-headless and pysaliency 0.2.22. Where pysaliency has a measure it is pysaliency's:
NSS, CC, SIM, KL, AUC-Judd without jitter, AUC of all pixels, shuffled AUC, and information gain of maps
without zeros. It has neither AUC-Borji nor the shuffled AUC of splits, nor an information gain with an epsilon: these
are written here after the definitions of the MIT saliency benchmark.

Every raster is a list of whole numbers from 0 to 65536, and stands for that number / 65536. A measure that is not
defined is null. The real cases name pictures of MIT1003: the map is one picture's density, the truth another's.
"""
import json
import sys

import cv2
import numpy as np
import pysaliency
from pysaliency import metrics

SHAPE = (20, 28)
TOP = 65536
EPS = np.finfo(np.float64).eps
GIVEN_SPLITS = 5
DRAWS = 4000
REAL = (
    ("i1000978947", "i1010483663"),
    ("i103134560", "i1022085609"),
    ("i1117616565", "i1121584164"),
)
random = np.random.default_rng(5)


class Map(pysaliency.SaliencyMapModel):
    def __init__(self, raster):
        super().__init__(caching=False)
        self.raster = raster

    def _saliency_map(self, stimulus):
        return self.raster


class Density(pysaliency.Model):
    def __init__(self, raster):
        super().__init__(caching=False)
        self.raster = raster / raster.sum()

    def _log_density(self, stimulus):
        return np.log(self.raster)


def stimuli(shape):
    return pysaliency.Stimuli([np.zeros((*shape, 3), np.uint8)])


def fixations(points):
    rows, columns = np.array(points).T
    return pysaliency.Fixations.create_without_history(columns, rows, np.zeros(len(points), int))


def stepped_area(positives, negatives, step=0.1):
    """One split of AUC_Borji.m and AUC_shuffled.m, of values between 0 and 1."""
    top = max(positives.max(), negatives.max())
    thresholds = [k / 10 for k in range(11) if k / 10 <= top][::-1]
    true = [0.0] + [np.mean(positives >= t) for t in thresholds] + [1.0]
    false = [0.0] + [np.mean(negatives >= t) for t in thresholds] + [1.0]
    return np.trapz(true, false)


def stretch(raster):
    width = raster.max() - raster.min()
    return (raster - raster.min()) / (width if width > 0 else 1.0)


def at(raster, points):
    rows, columns = np.array(points).T
    return raster[rows, columns]


def spread(draw, count=DRAWS):
    areas = np.array([draw() for _ in range(count)])
    return [areas.mean(), areas.std(ddof=1)]


def borji(raster, points):
    raster = stretch(raster)
    return spread(lambda: stepped_area(at(raster, points), random.choice(raster.ravel(), len(points))))


def shuffled(raster, points, others):
    raster = stretch(raster)
    count = min(len(points), len(others))
    return spread(
        lambda: stepped_area(at(raster, points), at(raster, [others[k] for k in random.permutation(len(others))[:count]]))
    )


def information(raster, points, baseline):
    if raster.min() > 0 and baseline.min() > 0:
        truth = fixations(points)
        return Density(raster).information_gain(stimuli(raster.shape), truth, Density(baseline), average="image")
    share = lambda r: r / r.sum() if r.sum() > 0 else np.full(r.shape, 1 / r.size)
    return np.mean(np.log2(EPS + at(share(raster), points)) - np.log2(EPS + at(share(baseline), points)))


def of_points(raster, points, others, baseline):
    """The measures against fixations one by one."""
    if not points:
        return {name: None for name in ("nss", "auc", "auc_judd", "auc_splits", "auc_shuffled", "ig")}
    s, f = stimuli(raster.shape), fixations(points)
    splits = [[random_point(raster.shape) for _ in points] for _ in range(GIVEN_SPLITS)]
    full = len(set(map(tuple, points))) == raster.size
    return {
        "nss": metrics.NSS(raster, f.x_int, f.y_int).mean(),
        "auc": Map(raster).AUC(s, f, nonfixations="uniform", average="image"),
        "auc_judd": None if full else Map(raster).AUC_Judd(s, f, jitter=False),
        "splits": splits,
        "auc_splits": np.mean([stepped_area(at(stretch(raster), points), at(stretch(raster), n)) for n in splits]),
        "auc_shuffled": Map(raster).AUC(s, f, nonfixations=fixations(others), average="image"),
        "ig": information(raster, points, baseline),
    }


def divergence(raster, density):
    """pysaliency's MIT_KLDiv with MATLAB's eps, as KL.m has it, and not rounded to five digits."""
    return metrics.image_based_kl_divergence(
        raster, density, minimum_value=0, log_regularization=EPS, quotient_regularization=EPS
    )


def of_density(raster, density):
    """The measures against a density, those of ever more fixations drawn from it included."""
    weights = density / density.sum() if density.sum() > 0 else None
    flat = density.min() == density.max()
    below = lambda values: (np.searchsorted(values, raster, "left") + np.searchsorted(values, raster, "right")) / 2
    std = raster.std()
    return {
        "cc": None if flat else metrics.CC(raster, density),
        "sim": None if weights is None else metrics.SIM(raster, density),
        "kl": None if weights is None else divergence(raster, density),
        "weighted_nss": None if weights is None else (weights * (raster - raster.mean())).sum() / (std or 1.0),
        "weighted_auc": None if weights is None else (weights * below(np.sort(raster.ravel()))).sum() / raster.size,
    }


def random_point(shape):
    return [int(random.integers(side)) for side in shape]


def points_from(density, count):
    chosen = random.choice(density.size, count, p=(density / density.sum()).ravel())
    return [[int(i // density.shape[1]), int(i % density.shape[1])] for i in chosen]


def smooth(sigma):
    blobs = cv2.GaussianBlur(random.random(SHAPE) ** 8, (0, 0), sigma)
    return (blobs - blobs.min()) / (blobs.max() - blobs.min()) * 0.999 + 0.001


def whole(raster):
    return np.round(np.clip(raster, 0, 1) * TOP).astype(int)


def random_cases():
    noise, truth, centre = random.random(SHAPE), smooth(2.5), smooth(6)
    looked = points_from(truth, 25)
    peak = np.zeros(SHAPE)
    peak[4, 7] = 1
    half = np.where(np.arange(SHAPE[1]) < 14, 0, smooth(2))
    every = [[r, c] for r in range(SHAPE[0]) for c in range(SHAPE[1])]
    yield "smooth", smooth(2), truth, looked
    yield "noise", noise, truth, looked
    yield "the density itself", truth, truth, looked
    yield "eight bits", np.round(smooth(2) * 255) / 255, truth, looked
    yield "three levels", np.floor(noise * 3) / 2, truth, looked
    yield "half of it zero", half, truth, looked
    yield "one bright pixel", peak, truth, looked
    yield "constant", np.full(SHAPE, 0.25), truth, looked
    yield "zero", np.zeros(SHAPE), truth, looked
    yield "one", np.ones(SHAPE), truth, looked
    yield "one fixation", noise, truth, looked[:1]
    yield "two fixations on one pixel", noise, truth, looked[:1] * 2
    yield "many repeated", smooth(2), truth, looked * 3 + looked[:7]
    yield "no fixation", noise, truth, []
    yield "every pixel", smooth(3), truth, every
    yield "on the corners", smooth(3), truth, [[0, 0], [0, SHAPE[1] - 1], [SHAPE[0] - 1, 0], [SHAPE[0] - 1, SHAPE[1] - 1]]
    yield "constant density", noise, np.ones(SHAPE), looked
    yield "zero density", noise, np.zeros(SHAPE), looked
    yield "density of few pixels", noise, peak, looked
    yield "baseline", centre, truth, looked


def random_case(name, raster, density, points, others, baseline):
    raster, density, baseline = whole(raster), whole(density), whole(baseline)
    scaled = [r / TOP for r in (raster, density, baseline)]
    found = of_points(scaled[0], points, others, scaled[2]) | of_density(scaled[0], scaled[1])
    if len(points) > 1 and name in ("smooth", "noise", "eight bits", "half of it zero", "many repeated"):
        found |= {"borji": borji(scaled[0], points), "shuffled": shuffled(scaled[0], points, others)}
    case = {"name": name, "map": raster.ravel().tolist(), "density": density.ravel().tolist(), "fixations": points}
    return case | {"expected": found}


def real_case(folder, name, other):
    read = lambda n: cv2.imread(f"{folder}/fixation_maps/{n}.jpg", cv2.IMREAD_GRAYSCALE)
    raster, density = read(other) / 255, read(name).astype(float)
    points, others = points_from(density, 60), points_from(raster, 80)
    found = of_points(raster, points, others, np.ones(density.shape)) | of_density(raster, density)
    return {"name": name, "map": other, "fixations": points, "others": others, "expected": found}


def main():
    folder, out = sys.argv[1:]
    baseline = smooth(6)
    others = points_from(smooth(4), 40)
    cases = [random_case(*case, others, baseline) for case in random_cases()]
    real = [real_case(folder, *pair) for pair in REAL]
    document = {"shape": SHAPE, "others": others, "baseline": whole(baseline).ravel().tolist(), "cases": cases, "real": real}
    with open(out, "w") as file:
        json.dump(document, file, separators=(",", ":"), default=float)
        file.write("\n")


main()
