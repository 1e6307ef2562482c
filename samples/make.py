#!/usr/bin/env python3
"""Makes sample.mp4: four shots over free photographs, each with a moving camera and an object that moves on its own.

    python3 -m venv venv && venv/bin/pip install numpy opencv-python-headless scikit-image
    venv/bin/python samples/make.py samples/sample.mp4

The photographs come with the scikit-image package (CREDITS.md). Positions are pixels of the photograph. ffmpeg must be
on the PATH.
"""
import subprocess
import sys
import tempfile

import cv2
import numpy as np

from sound import write_wav
from stage import FPS, HEIGHT, WIDTH, Shot, Sprite
from stage import between, camera, compose, cut_out, lay, photo, placed, polygon_mask, shade

ROCKET = [(322.5, 126.5), (316, 132.5), (311.4, 145), (311, 175), (313, 180), (313.6, 186), (313.2, 406.7),
          (331.6, 406.7), (331.2, 186), (332, 180), (334.8, 175.5), (334.8, 147), (330, 135), (325.5, 128)]

ORBITER = [(397, 75.5), (402.5, 80), (407, 92), (411.2, 110), (415, 135), (419.5, 160), (423.7, 176), (440, 193.7),
           (453.7, 208.7), (455.5, 217), (455.5, 232.5), (445, 234), (433, 235.5), (426, 229), (416, 229), (415, 240),
           (409, 250), (407, 262), (405.5, 269), (390.5, 269), (391, 260), (387.5, 252.5), (380, 262.5), (369.5, 272.5),
           (367, 268.5), (372.5, 252.5), (379, 232.5), (377, 229.5), (355, 228), (354.5, 221), (358.7, 211), (370, 194),
           (378, 184.5), (377.5, 120), (381, 100), (384.5, 92.5), (390, 83.5), (392, 78)]


COIN_CENTRE, COIN_RADII = np.array((347.5, 186.8)), (31.3, 30.3)


def coin():
    """The coins are a grey photograph: tinted like old silver in warm light."""
    angles = np.linspace(0, 2 * np.pi, 90)
    rim = COIN_CENTRE + np.stack([COIN_RADII[0] * np.cos(angles), COIN_RADII[1] * np.sin(angles)], 1)
    return cut_out(np.clip(photo("coins.png") * (0.70, 0.92, 1.12), 0, 1).astype(np.float32), rim, 0.7)


def pendulum(length):
    """The coin on a thread of `length` px that hangs from (34, 0)."""
    (x, y), whole = COIN_CENTRE.astype(int), coin()
    box = np.s_[y - 34 : y + 34, x - 34 : x + 34]
    bgr, alpha = np.full((length + 36, 68, 3), 0.25, np.float32), np.zeros((length + 36, 68), np.float32)
    bgr[-68:], alpha[-68:] = whole.bgr[box], whole.alpha[box]
    alpha[: length - 30, 34] = 0.8
    return Sprite(bgr, alpha)


def cat():
    """A coin swings on a thread before the cat's eyes."""
    swing = pendulum(310)

    def draw(picture, matrix, t):
        angle = 8.5 * np.cos(2 * np.pi * (1.35 * t + 0.1))
        return lay(picture, swing, compose(matrix, placed((34, 0), (391, -50), angle, 0.58)))

    return Shot(photo("chelsea.png"), camera((267, 124, 366), (259, 168, 350)), draw, 60)


def coffee():
    """A coin slides over the table, past the cup, and is slowed by the wood."""
    sprite = coin()

    def draw(picture, matrix, t):
        way = 1 - (1 - t) ** 1.35
        x, y, angle = between(504, 516, way), between(5, 275, way), -130 * way
        under = compose(matrix, placed(COIN_CENTRE, (x + 2.5, y + 5), angle, 1.13, 0.8))
        picture = shade(picture, sprite, under, 4, 0.75)
        return lay(picture, sprite, compose(matrix, placed(COIN_CENTRE, (x, y), angle, 1.1, 0.8)))

    return Shot(photo("coffee.png"), camera((346, 152, 440), (376, 194, 434)), draw, 65)


def empty_pad(plate):
    """The launch pad without its rocket: each row of the sky goes on evenly across the gap."""
    left, right = (cv2.blur(plate[:, x:x + 6].mean(1)[:, None], (1, 31)) for x in (297, 340))
    step = np.linspace(0, 1, 43, dtype=np.float32)[None, :, None]
    sky = plate.copy()
    sky[:, 300:343] = left * (1 - step) + right * step
    gap = cv2.dilate(polygon_mask(plate.shape, ROCKET, 0.6), np.ones((3, 3)))[..., None]
    return plate * (1 - gap) + sky * gap


def glow(picture, matrix, x, y, size, stretch, colour):
    """Adds light: a Gaussian of `size` px, `stretch` times longer downwards than upwards."""
    scale = matrix[0, 0]
    centre = matrix @ (x, y, 1)
    ys, xs = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    dy = (ys - centre[1]) / (size * scale)
    dy = np.where(dy > 0, dy / stretch, dy)
    light = np.exp(-0.5 * (((xs - centre[0]) / (size * scale)) ** 2 + dy**2))[..., None]
    return 1 - (1 - np.clip(picture, 0, 1)) * (1 - np.clip(light * np.float32(colour), 0, 1))


def launch():
    """A rocket lifts off while the camera tilts after it."""
    plate, rng = photo("rocket.jpg"), np.random.default_rng(9)
    rocket, flicker = cut_out(plate, ROCKET, 0.6), rng.uniform(0.9, 1.1, 1000)

    def draw(picture, matrix, t):
        height, shake = 165 * t**1.7, flicker[int(t * 260)]
        nozzle, burn = 406 - height, min(1, t / 0.06)
        picture = glow(picture, matrix, 322.4, 404, 55, 1.2, np.array((0.15, 0.42, 0.75)) * burn * (1 - 0.7 * t))
        picture = glow(picture, matrix, 322.4, nozzle + 6, 30 * shake, 2.5, np.array((0.10, 0.36, 0.70)) * burn)
        picture = glow(picture, matrix, 322.4, nozzle + 2, 7.5 * shake, 9.0, np.array((0.45, 0.85, 1.0)) * burn)
        picture = glow(picture, matrix, 322.4, nozzle + 2, 4.4, 9.0 * shake, np.array((0.95, 1.0, 1.0)) * burn)
        return lay(picture, rocket, compose(matrix, [[1, 0, 0], [0, 1, -height]]))

    return Shot(empty_pad(plate), camera((318, 258, 596), (324, 170, 580)), draw, 65)


def orbit():
    """A space shuttle's orbiter flies before the stars."""
    centre = (405, 185)
    orbiter = cut_out(photo("astronaut.png"), ORBITER, 0.8)

    def draw(picture, matrix, t):
        to = between(262, 600, t), between(535, 400, t)
        return lay(picture, orbiter, compose(matrix, placed(centre, to, -74 - 8 * t, 1.5)))

    return Shot(photo("hubble_deep_field.jpg") * 0.8, camera((400, 480, 620), (500, 440, 590)), draw, 60)


def encode(shots, target):
    """Renders every shot in turn and encodes picture and sound."""
    with tempfile.NamedTemporaryFile(suffix=".wav") as wav:
        write_wav(wav.name, [shot.frames / FPS for shot in shots])
        command = ["ffmpeg", "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "bgr24", "-s", f"{WIDTH}x{HEIGHT}",
                   "-r", str(FPS), "-i", "-", "-i", wav.name, "-c:v", "libx264", "-preset", "slow", "-crf", "20",
                   "-pix_fmt", "yuv420p", "-c:a", "aac", "-b:a", "96k", "-movflags", "+faststart", target]
        encoder = subprocess.Popen(command, stdin=subprocess.PIPE)
        for shot in shots:
            for index in range(shot.frames):
                encoder.stdin.write(shot.frame(index).tobytes())
        encoder.stdin.close()
        return encoder.wait()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(encode([cat(), coffee(), launch(), orbit()], sys.argv[1]))
