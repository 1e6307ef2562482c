#!/usr/bin/env python3
"""Makes tests/fixtures/metrics.json: what independent implementations say of maps against masks.

    metrics.py DAVIS_FOLDER OUT.json      makes the fixture
    metrics.py --score MAPS MASKS         scores a folder of 8-bit grey maps against masks of the same names

Needs, in a virtual environment of its own (it pins numpy and OpenCV):
    pip install pysodmetrics==1.6.2 scikit-image==0.25.2

MAE, F, weighted F, S and E are those of PySODMetrics. J, F (boundary) and a sequence's statistics follow the
definitions of the DAVIS benchmark, whose code is not in the package index. The warping error follows its definition
with scipy's interpolation, Otsu's threshold is OpenCV's.

Maps are values of 8 or 16 bits (`digits` 2 or 4), value / 255 or / 65535, written as hexadecimal digits row by row;
masks are digits 0 and 1. Curves are given at every STEP-th threshold, with the maximum and the mean of all 256.
"""
import json
import math
import os
import sys
import warnings

import cv2
import numpy as np
import py_sod_metrics as sod
from scipy.ndimage import map_coordinates
from skimage.morphology import dilation, disk

STEP = 15
THRESHOLD = 0.55


class Structure(sod.Smeasure):
    """The package's, but a quadrant without pixels counts for nothing, where it says NaN."""

    def ssim(self, pred, gt):
        return super().ssim(pred, gt) if pred.size else 0.0


def contour(mask):
    """Pixels unlike their neighbour at the right, below or at the lower right; the edge continues past the frame."""
    padded = np.pad(mask, ((0, 1), (0, 1)), mode="edge")
    return (mask != padded[:-1, 1:]) | (mask != padded[1:, :-1]) | (mask != padded[1:, 1:])


def boundary(found, truth):
    radius = math.ceil(0.008 * math.sqrt(found.shape[0] ** 2 + found.shape[1] ** 2))
    found, truth = contour(found), contour(truth)
    if not found.any() or not truth.any():
        return float(found.any() == truth.any())
    near = [dilation(np.pad(one, radius).astype(np.uint8), disk(radius))[radius:-radius, radius:-radius] > 0
            for one in (found, truth)]
    precision, recall = near[1][found].mean(), near[0][truth].mean()
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def region(found, truth):
    union = (found | truth).sum()
    return (found & truth).sum() / union if union else 1.0


def segmentation(found, truth):
    return {"region": float(region(found, truth)), "boundary": float(boundary(found, truth))}


def statistics(values):
    """Mean, recall and decay as `db_statistics` of the benchmark has them."""
    borders = (np.round(np.linspace(1, len(values), 5) + 1e-10) - 1).astype(int)
    quarters = [values[borders[i]:borders[i + 1] + 1] for i in range(4)]
    return [float(values.mean()), float((values > 0.5).mean()), float(quarters[0].mean() - quarters[3].mean())]


def curve(values):
    """A curve over thresholds 0 to 255; PySODMetrics' begin at 255."""
    return {"at": [float(v) for v in values[::STEP]], "max": float(np.max(values)), "mean": float(np.mean(values))}


def new_measures():
    return [sod.MAE(), sod.Fmeasure(), sod.WeightedFmeasure(), Structure(), sod.Emeasure()]


def saliency(levels, truth, normalise):
    """What PySODMetrics says; `levels` are 8-bit if `normalise`."""
    measures = new_measures()
    prediction = levels if normalise else levels / 65535
    for measure in measures:
        measure.step(prediction, truth * np.uint8(255) if normalise else truth, normalize=normalise)
    mae, f, weighted, s, e = [measure.get_results() for measure in measures]
    return {
        "mae": float(mae["mae"]), "f_weighted": float(weighted["wfm"]), "s_measure": float(s["sm"]),
        "f_adaptive": float(f["fm"]["adp"]), "f_curve": curve(f["fm"]["curve"][::-1]),
        "e_adaptive": float(e["em"]["adp"]), "e_curve": curve(e["em"]["curve"][::-1]),
        "precision": curve(f["pr"]["p"][::-1]), "recall": curve(f["pr"]["r"][::-1]),
    }


def scores(levels, truth):
    """All measures of a map (16-bit levels) against a mask."""
    value = levels / 65535
    eight = (value * 255).astype(np.uint8)
    otsu, _ = cv2.threshold(eight, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    out = {
        "fixed": segmentation(value >= THRESHOLD, truth), "otsu": segmentation(eight > otsu, truth),
        "region_curve": curve([region(eight >= t, truth) for t in range(256)]),
        "as_is": saliency(levels, truth, False),
    }
    if (levels % 257 == 0).all():
        out["min_max"] = saliency((levels // 257).astype(np.uint8), truth, True)
    return out


def warping(current, previous, backward, forward):
    """Mean absolute difference over the pixels whose flow stays in the frame (and leads back)."""
    rows, columns = np.indices(current.shape)
    place = [rows + backward[..., 1], columns + backward[..., 0]]
    height, width = current.shape
    valid = (place[0] >= 0) & (place[0] <= height - 1) & (place[1] >= 0) & (place[1] <= width - 1)
    if forward is not None:
        forth = np.stack([map_coordinates(forward[..., i], place, order=1, mode="nearest") for i in (0, 1)], -1)
        squared = (backward ** 2).sum(-1) + (forth ** 2).sum(-1)
        valid &= ((backward + forth) ** 2).sum(-1) < 0.01 * squared + 0.5
    difference = np.abs(current - map_coordinates(previous, place, order=1, mode="nearest"))
    return float(difference[valid].mean()), float(valid.mean())


def blob(height, width, row, column, radius):
    rows, columns = np.ogrid[:height, :width]
    return (rows - row) ** 2 + (1.4 * (columns - column)) ** 2 <= radius ** 2


def smooth(random, height, width, sigma):
    noise = cv2.GaussianBlur(random.random((height, width)), (0, 0), sigma)
    return (noise - noise.min()) / (noise.max() - noise.min())


def near(random, truth, sigma, noise):
    """A map that has found the object more or less."""
    soft = cv2.GaussianBlur(truth.astype(float), (0, 0), sigma)
    return np.clip(0.8 * soft + noise * random.random(truth.shape), 0, 1)


def cases(random):
    """Maps in 0 to 1, masks, and whether the map is of 8 bits."""
    def noise(*shape):
        return random.random(shape)

    object_ = blob(40, 30, 18, 14, 9)
    two = blob(48, 64, 15, 16, 9) | blob(48, 64, 30, 50, 12)
    thin = np.zeros((33, 47), bool)
    thin[5, 3:40] = thin[8:30, 20] = True
    corner = blob(31, 45, 0, 0, 14)
    one = np.zeros((21, 17), bool)
    one[9, 8] = True
    last = np.zeros((20, 24), bool)
    last[:, -1] = True
    ring = blob(41, 53, 20, 26, 18) & ~blob(41, 53, 20, 26, 10)
    full, empty = np.ones((24, 18), bool), np.zeros((24, 18), bool)
    return {
        "noise on noise": (noise(40, 30), noise(40, 30) < 0.5, False),
        "noise on sparse": (noise(48, 64), noise(48, 64) < 0.02, True),
        "near": (near(random, object_, 2, 0.2), object_, False),
        "near, 8 bits": (near(random, object_, 1, 0.1), object_, True),
        "two objects": (near(random, two, 3, 0.3), two, True),
        "thin": (near(random, thin, 1, 0.4), thin, False),
        "corner": (smooth(random, 31, 45, 4), corner, True),
        "ring": (0.7 * smooth(random, 41, 53, 3), ring, True),
        "perfect": (object_.astype(float), object_, True),
        "inverse": (1.0 - object_, object_, True),
        "one pixel": (noise(21, 17), one, True),
        "last column": (noise(20, 24), last, True),
        "empty mask": (smooth(random, 24, 18, 2), empty, True),
        "empty mask, dark": (np.zeros((24, 18)), empty, True),
        "empty mask, bright": (np.ones((24, 18)), empty, True),
        "full mask": (smooth(random, 24, 18, 2), full, True),
        "full mask, dark": (np.zeros((24, 18)), full, True),
        "full mask, bright": (np.ones((24, 18)), full, True),
        "dark": (np.zeros((40, 30)), object_, True),
        "bright": (np.ones((40, 30)), object_, True),
        "grey": (np.full((40, 30), 0.4), object_, True),
        "two levels": (np.where(noise(48, 64) < 0.4, 0.6, 0.2), two, True),
    }


def levels(value, eight):
    return np.round(value * 255).astype(np.int64) * 257 if eight else np.round(value * 65535).astype(np.int64)


def case(name, value, truth, eight):
    height, width = truth.shape
    map_ = levels(value, eight)
    digits = hexadecimal(map_ // 257, 2) if eight else hexadecimal(map_)
    return {"name": name, "width": width, "height": height, "digits": 2 if eight else 4, "map": digits,
            "truth": "".join("01"[int(v)] for v in truth.ravel()), "scores": scores(map_, truth)}


def formula(truth):
    """A map made of a mask in whole numbers, so that both sides make the same: a box blur of 31 pixels and a ramp."""
    height, width = truth.shape
    sums = np.pad(np.pad(truth, 15).astype(np.int64).cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    blurred = sums[31:, 31:] - sums[:-31, 31:] - sums[31:, :-31] + sums[:-31, :-31]
    return blurred * 45000 // 961 + np.arange(width) * 20535 // (width - 1)


def real(davis):
    out = []
    for name in ("camel/00010", "soapbox/00050", "dog/00030"):
        truth = cv2.imread(f"{davis}/Annotations/480p/{name}.png", cv2.IMREAD_GRAYSCALE) > 127
        out.append({"name": name, "scores": scores(formula(truth), truth)})
    return out


def hexadecimal(values, digits=4):
    return "".join(f"{v:0{digits}x}" for v in values.ravel())


def warpings(random):
    """Maps of 16 bits and flows in 64ths of a pixel around 512 pixels."""
    out = []
    for height, width, reach, both in ((20, 26, 0, False), (23, 31, 3, False), (23, 31, 3, True), (17, 14, 20, False)):
        maps = [np.round(65535 * smooth(random, height, width, 1.5)).astype(np.int64) for _ in range(2)]
        base = reach * (np.stack([smooth(random, height, width, 5) for _ in (0, 1)], -1) - 0.4)
        flows = [base, -base + 0.7 * random.standard_normal(base.shape)]
        flows = [np.round(64 * flow).astype(np.int64) + 32768 for flow in flows]
        fields = [(flow - 32768) / 64 for flow in flows]
        error, valid = warping(maps[0] / 65535, maps[1] / 65535, fields[0], fields[1] if both else None)
        out.append({"width": width, "height": height, "map": hexadecimal(maps[0]), "previous": hexadecimal(maps[1]),
                    "backward": hexadecimal(flows[0]), "forward": hexadecimal(flows[1]) if both else None,
                    "error": error, "valid": valid})
    return out


def series(random):
    values = [np.round(random.random(count), 3) for count in (1, 2, 3, 4, 5, 6, 7, 9, 10, 48, 79, 300)]
    return [{"values": one.tolist(), "statistics": statistics(one)} for one in values]


def pooled(named):
    """PySODMetrics over a data set: all cases of 8 bits."""
    measures = new_measures()
    for value, truth, eight in named.values():
        for measure in measures if eight else []:
            measure.step((levels(value, True) // 257).astype(np.uint8), truth * np.uint8(255))
    _, f, _, s, e = [measure.get_results() for measure in measures]
    return {"f_curve": curve(f["fm"]["curve"][::-1]), "e_curve": curve(e["em"]["curve"][::-1]),
            "f_adaptive": float(f["fm"]["adp"]), "s_measure": float(s["sm"])}


def fixture(davis):
    random = np.random.default_rng(5)
    named = cases(random)
    return {
        "threshold": THRESHOLD, "step": STEP,
        "cases": [case(name, *one) for name, one in named.items()],
        "pooled": pooled(named), "real": real(davis), "warpings": warpings(random), "series": series(random),
    }


def rounded(value):
    """Numbers with ten places: a thousand times finer than they are compared."""
    if isinstance(value, dict):
        return {key: rounded(one) for key, one in value.items()}
    if isinstance(value, list):
        return [rounded(one) for one in value]
    return round(value, 10) if isinstance(value, float) else value


def score_folders(maps, masks):
    """The mean over all pictures, as PySODMetrics pools them: maps stretched to their full range."""
    measures = new_measures()
    regions = []
    for name in sorted(os.listdir(maps)):
        map_, mask = [cv2.imread(os.path.join(folder, name), cv2.IMREAD_GRAYSCALE) for folder in (maps, masks)]
        for measure in measures:
            measure.step(map_, mask)
        regions.append(segmentation(map_ / 255 >= THRESHOLD, mask > 127))
    mae, f, weighted, s, e = [measure.get_results() for measure in measures]
    return {
        "frames": len(regions), "region": float(np.mean([one["region"] for one in regions])),
        "boundary": float(np.mean([one["boundary"] for one in regions])),
        "mae": float(mae["mae"]), "f_max": float(f["fm"]["curve"].max()), "f_mean": float(f["fm"]["curve"].mean()),
        "f_adaptive": float(f["fm"]["adp"]), "f_weighted": float(weighted["wfm"]), "s_measure": float(s["sm"]),
        "e_max": float(e["em"]["curve"].max()), "e_mean": float(e["em"]["curve"].mean()),
        "e_adaptive": float(e["em"]["adp"]),
    }


def main():
    warnings.simplefilter("ignore")
    if len(sys.argv) == 4 and sys.argv[1] == "--score":
        print(json.dumps(score_folders(*sys.argv[2:]), indent=1))
    elif len(sys.argv) == 3:
        with open(sys.argv[2], "w") as out:
            json.dump(rounded(fixture(sys.argv[1])), out, separators=(",", ":"))
            out.write("\n")
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
