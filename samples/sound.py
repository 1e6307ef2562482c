"""The sample's sound, synthesised: a purr, a coin on wood, a launch, and the quiet of space."""
import wave

import numpy as np

RATE = 44100


def times(seconds):
    return np.arange(int(round(seconds * RATE))) / RATE


def chord(seconds, notes, gain):
    """Soft sine tones with a slow swell."""
    t = times(seconds)
    swell = np.sin(np.pi * np.clip(t / seconds, 0, 1)) ** 0.5
    return gain * swell * sum(np.sin(2 * np.pi * f * t) + 0.3 * np.sin(4 * np.pi * f * t) for f in notes) / len(notes)


def noise(seconds, low, high, seed):
    """Noise between two frequencies in Hz, root mean square 1."""
    count = len(times(seconds))
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(count))
    hertz = np.fft.rfftfreq(count, 1 / RATE)
    spectrum[(hertz < low) | (hertz > high)] = 0
    signal = np.fft.irfft(spectrum, count)
    return signal / np.sqrt(np.mean(signal**2))


def purr(seconds):
    t = times(seconds)
    return chord(seconds, (220, 277.2, 329.6), 0.12) + 0.05 * noise(seconds, 60, 300, 1) * (1 + np.sin(2 * np.pi * 24 * t))


def coin(seconds):
    """A coin rings as it lands on the table, slides, and ticks when it passes the cup."""
    t = times(seconds)
    slide = 0.02 * noise(seconds, 1500, 6000, 2) * np.clip(1 - t / seconds, 0, 1)
    out = chord(seconds, (196, 246.9, 293.7), 0.10) + slide
    for start, gain in ((0.15, 0.16), (0.5 * seconds, 0.1)):
        since = np.clip(t - start, 0, None)
        ring = sum(np.sin(2 * np.pi * f * since) * np.exp(-since * d) for f, d in ((3150, 7), (5230, 10), (7910, 14)))
        out += gain / 3 * ring * (t >= start)
    return out


def launch(seconds):
    t = times(seconds)
    return noise(seconds, 25, 350, 3) * (0.04 + 0.2 * np.clip(t / 0.5, 0, 1)) * (1 - 0.3 * t / seconds)


def space(seconds):
    t = times(seconds)
    fade = np.clip((seconds - t) / 0.5, 0, 1)
    return (chord(seconds, (110, 164.8, 246.9, 370), 0.22) + 0.01 * noise(seconds, 200, 900, 4)) * fade


def write_wav(path, seconds):
    """Writes the four parts, one for each shot's length in seconds; short fades keep the cuts free of clicks."""
    parts = []
    for part, length in zip((purr, coin, launch, space), seconds, strict=True):
        t = times(length)
        parts.append(part(length) * np.clip(t / 0.01, 0, 1) * np.clip((length - t) / 0.01, 0, 1))
    samples = (np.clip(np.concatenate(parts), -1, 1) * 32767).astype("<i2")
    with wave.open(path, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(samples.tobytes())
