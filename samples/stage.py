"""What the shots of the sample are built from: a camera over a photograph, and cut-outs that move on it."""
import pathlib
from dataclasses import dataclass
from typing import Callable

import cv2
import numpy as np
import skimage

WIDTH, HEIGHT, FPS = 854, 480, 25
SUBFRAMES = 4  # exposures averaged into a frame: the motion blur of a 180-degree shutter
PHOTOS = pathlib.Path(skimage.__file__).parent / "data"


@dataclass
class Sprite:
    """A cut-out: BGR colours and coverage, float32 in [0, 1]."""

    bgr: np.ndarray
    alpha: np.ndarray


@dataclass
class Shot:
    """A photograph, the camera's way over it, and what moves there; times run from 0 to 1."""

    plate: np.ndarray
    camera: Callable[[float], np.ndarray]  # time -> matrix from the photograph to the picture
    draw: Callable[[np.ndarray, np.ndarray, float], np.ndarray]  # picture, that matrix, time -> picture
    frames: int

    def frame(self, index):
        """One frame, 8-bit BGR."""
        times = [(index + 0.5 * k / SUBFRAMES) / self.frames for k in range(SUBFRAMES)]
        exposures = [self.draw(warp(self.plate, self.camera(t)), self.camera(t), t) for t in times]
        return np.clip(np.mean(exposures, 0) * 255 + 0.5, 0, 255).astype(np.uint8)


def photo(name):
    """A photograph as float32 BGR in [0, 1]."""
    return cv2.imread(str(PHOTOS / name)).astype(np.float32) / 255


def between(a, b, t):
    return a + (b - a) * t


def camera(start, end):
    """A camera that goes evenly from one (centre x, centre y, visible width) to another."""

    def matrix(t):
        x, y = between(start[0], end[0], t), between(start[1], end[1], t)
        scale = WIDTH / (start[2] * (end[2] / start[2]) ** t)
        return np.array([[scale, 0, WIDTH / 2 - scale * x], [0, scale, HEIGHT / 2 - scale * y]])

    return matrix


def compose(*matrices):
    """The 2 x 3 affine map that applies the last matrix first."""
    full = np.eye(3)
    for matrix in matrices:
        full = full @ np.vstack([matrix, [0, 0, 1]])
    return full[:2]


def placed(centre, to, angle=0.0, scale=1.0, squash=1.0):
    """Turns about `centre` (degrees, anticlockwise), scales, squashes vertically, and moves `centre` to `to`."""
    turn = np.hstack([cv2.getRotationMatrix2D((0, 0), angle, scale)[:, :2], [[0], [0]]])
    return compose([[1, 0, to[0]], [0, squash, to[1]]], turn, [[1, 0, -centre[0]], [0, 1, -centre[1]]])


def warp(image, matrix, border=cv2.BORDER_REPLICATE):
    return cv2.warpAffine(image, matrix, (WIDTH, HEIGHT), flags=cv2.INTER_CUBIC, borderMode=border)


def coverage(sprite, matrix):
    return np.clip(warp(sprite.alpha, matrix, cv2.BORDER_CONSTANT), 0, 1)


def lay(picture, sprite, matrix):
    """Puts a cut-out over the picture."""
    alpha = coverage(sprite, matrix)[..., None]
    return picture * (1 - alpha) + np.clip(warp(sprite.bgr, matrix), 0, 1) * alpha


def shade(picture, sprite, matrix, blur, strength):
    """The cut-out's soft shadow; `blur` in pixels of the picture."""
    alpha = cv2.GaussianBlur(coverage(sprite, matrix), (0, 0), blur)
    return picture * (1 - strength * alpha[..., None])


def polygon_mask(shape, polygon, feather):
    """Coverage of a polygon with soft edges, float32 in [0, 1]."""
    mask = np.zeros(shape[:2], np.uint8)
    cv2.fillPoly(mask, [np.round(np.array(polygon) * 16).astype(np.int32)], 255, cv2.LINE_AA, shift=4)
    return cv2.GaussianBlur(mask, (0, 0), feather).astype(np.float32) / 255


def cut_out(bgr, polygon, feather):
    return Sprite(bgr, polygon_mask(bgr.shape, polygon, feather))
